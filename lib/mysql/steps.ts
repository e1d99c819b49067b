// steps.ts: the transactions of one lane of a handle, one at a time, each done once and once only.
//
// The last statement before the COMMIT writes the step's number into the handle's tally, where the epoch is still that
// of this lane and the handle was not declared dead; else it fails, and all of the step with it. A step that the server
// ended for a deadlock is done again after a pause. Where the connection was lost behind the COMMIT, nobody knows whether
// the step was done: raising the epoch waits for the old transaction's end and lets none of the old epoch commit after
// it, and then the number says it.
//
//      doing ──▶ done
//        ▲ │
//        │ ├─ deadlock ──▶ again, at most 20 times
//        │ └─ lost ──▶ connected again ──▶ its number is there: done
//        └──────────────────────┴──────── it is not: again, for at most 2 s in all; then it rejects
//
// What rejected in doubt is looked up before the lane's next step, and undone where it turns out to have been done.

import { type Link, LostError, ServerError } from './driver.ts'
import type { Owner } from './owner.ts'
import { patiently } from './patience.ts'
import type { Pool } from './pool.ts'
import { FIRST_ID, failsWhere, OUT_OF_RANGE } from './statements.ts'
import type { Tally } from './tally.ts'

/** Fails where the statement before it did not change `count` rows; else it says the first id that was taken. */
export function changed(count: number): string {
  return `SELECT ${failsWhere(`ROW_COUNT() <> ${count}`)}, ${FIRST_ID}`
}

/** True of a step that ended because what it was written for is not so any more. */
export function isOutdated(error: unknown): boolean {
  return error instanceof ServerError && error.number === OUT_OF_RANGE
}

/** Where a handle's steps are done. */
export interface Scene {
  readonly queue: number
  readonly owner: Owner
  readonly pool: Pool
}

export interface Step {
  readonly link: Link
  readonly owner: number
}

/** What a transaction that was begun comes to. */
export interface Plan<R> {
  /** The rest of it, without the COMMIT; undefined: nothing, it is rolled back. */
  readonly statements: readonly string[] | undefined
  readonly tally: Tally
  /** `first`: of a put, its first id, as the server said before the COMMIT. */
  readonly result: (first: number) => R
}

export interface Task<R> {
  /** Begins the transaction, in the statements of its plan at the latest, and looks. */
  readonly plan: (step: Step) => Promise<Plan<R>>
  /** What makes up for it where its caller was told that it failed, and it was done. */
  readonly undo?: Task<void> | undefined
}

interface Doubt {
  readonly owner: number
  readonly number: number
}

interface Sequel {
  readonly ifDone?: Task<void> | undefined
  readonly ifNot?: Task<void> | undefined
}

export class Steps {
  readonly #scene: Scene
  readonly #lane: 'put' | 'take'
  #epoch = 0
  #epochOf = 0
  #number = 0
  #left: (Doubt & Sequel) | undefined

  constructor(scene: Scene, lane: 'put' | 'take') {
    this.#scene = scene
    this.#lane = lane
  }

  /** Does the task once. Rejects with StorageError, or as its plan does. */
  async run<R>(task: Task<R>): Promise<R> {
    await this.settle()
    return this.#do(task, { ifDone: task.undo })
  }

  /** What was in doubt is done, or undone. */
  async settle(): Promise<void> {
    const left = this.#left
    if (left === undefined) return
    const first = await this.patiently((link) => this.#firstOf(link, left))
    const task = first === undefined ? left.ifNot : left.ifDone
    if (task !== undefined) await this.#do(task, { ifNot: task })
    this.#left = undefined
  }

  async #do<R>(task: Task<R>, sequel: Sequel): Promise<R> {
    this.#number += 1
    let plan: Plan<R> | undefined
    let doubt: Doubt | undefined
    try {
      return await this.patiently(async (link) => {
        const first = doubt && (await this.#firstOf(link, doubt))
        if (first !== undefined && plan !== undefined) return plan.result(first)
        doubt = undefined
        const step = await this.#enter(link)
        try {
          plan = await task.plan(step)
          doubt = { owner: step.owner, number: this.#number }
          return plan.result(await this.#commit(step, plan))
        } catch (error) {
          if (error instanceof LostError) throw error
          await link.ask(['ROLLBACK'])
          doubt = undefined
          throw error
        }
      })
    } catch (error) {
      if (doubt !== undefined) this.#left = { ...doubt, ...sequel }
      throw error
    }
  }

  /** With a connection, and alive: what a dead handle holds is anybody's. */
  patiently<R>(attempt: (link: Link) => Promise<R>): Promise<R> {
    const { owner, pool } = this.#scene
    return patiently(async () => {
      await owner.alive()
      return pool.use(attempt)
    })
  }

  async #enter(link: Link): Promise<Step> {
    const owner = this.#scene.owner.id
    if (this.#epochOf !== owner) this.#epoch = await this.#raise(link, owner)
    this.#epochOf = owner
    return { link, owner }
  }

  async #commit({ link, owner }: Step, { statements, tally }: Plan<unknown>): Promise<number> {
    if (statements === undefined) {
      await link.ask(['ROLLBACK'])
      return 0
    }
    const whole = [...statements, this.#tallied(owner, tally), changed(1), 'COMMIT']
    const results = await link.ask(whole)
    return Number(results.at(-2)?.rows[0]?.[1])
  }

  #tallied(owner: number, tally: Tally): string {
    const first = this.#lane === 'put' ? `, put_first = ${FIRST_ID}` : ''
    return `UPDATE spoolq_tallies SET ${tally.assignments}, ${this.#lane}_step = ${this.#number}${first}
      WHERE queue = ${this.#scene.queue} AND owner = ${owner} AND ${this.#lane}_epoch = ${this.#epoch} AND buried IS NULL`
  }

  /** The first id of a step in doubt, 0 where it has none, undefined where it was not done, nor ever will be. */
  async #firstOf(link: Link, { owner, number }: Doubt): Promise<number | undefined> {
    this.#epochOf = 0
    await this.#raise(link, owner)
    const [read] = await link.ask([
      `SELECT put_first FROM spoolq_tallies
        WHERE queue = ${this.#scene.queue} AND owner = ${owner} AND ${this.#lane}_step = ${number}`,
    ])
    const first = read?.rows[0]?.[0]
    return first === undefined ? undefined : Number(first)
  }

  async #raise(link: Link, owner: number): Promise<number> {
    const column = `${this.#lane}_epoch`
    const where = `queue = ${this.#scene.queue} AND owner = ${owner}`
    const [, read] = await link.ask([
      `UPDATE spoolq_tallies SET ${column} = ${column} + 1 WHERE ${where}`,
      `SELECT ${column} FROM spoolq_tallies WHERE ${where}`,
    ])
    return Number(read?.rows[0]?.[0])
  }
}
