// steps.ts: the transactions of one lane of a handle, one at a time over one connection, each done once and once only.
//
// The last statement before the COMMIT writes the step's number into the handle's tally, where the epoch is still that
// of this connection and the handle was not declared dead; else it fails, and all of the step with it. A step that the
// server ended for a deadlock is done again after a pause. Where the connection was lost, nobody knows whether the step
// was committed: the next connection raises the epoch, which waits for the old transaction's end and lets none of the
// old epoch commit after it, and then reads the number.
//
//      doing ──▶ done
//        ▲ │
//        │ ├─ deadlock ──▶ again, at most 20 times
//        │ └─ lost ──▶ connected again ──▶ its number is there: done
//        └──────────────────────┴──────── it is not: again, for at most 2 s in all; then it rejects
//
// What rejected in doubt is looked up with the next connection, and undone where it turns out to have been committed.

import { pause } from '../wait/pause.ts'
import { type Link, LostError, type Result, ServerError } from './driver.ts'
import type { Owner } from './owner.ts'
import type { Tally } from './tally.ts'

const DEADLOCK = [1213, 1205]
const TOO_MANY_ROWS = 1242
const TRIES = 20
const LOST_MS = 2000
/** What is sent in one trip, unless one statement is longer. */
const TRIP_CHARACTERS = 2 ** 22

/** Fails where the statement before it did not change `count` rows. */
export function changed(count: number): string {
  return `SELECT (SELECT 1 UNION ALL SELECT 2 FROM DUAL WHERE ROW_COUNT() <> ${count})`
}

/** True of a step that `changed` ended: what it was written for is not so any more. */
export function isOutdated(error: unknown): boolean {
  return error instanceof ServerError && error.number === TOO_MANY_ROWS
}

/** Where a handle's steps are done. */
export interface Scene {
  readonly queue: number
  readonly owner: Owner
  readonly connect: () => Promise<Link>
}

export interface Step {
  readonly link: Link
  readonly owner: number
  /** Sends the statements, what they change in the tally, and the COMMIT; resolves to the results of the last trip. */
  commit(statements: readonly string[], tally: Tally): Promise<readonly Result[]>
}

export interface Work<R> {
  /** Begins the transaction, and commits it. */
  readonly work: (step: Step) => Promise<R>
  /** The result of a step that was committed without this handle being told; `first`: of a put, its first id. */
  readonly recall: (first: number) => R
  /** Takes back what was committed, and its caller told to have failed. */
  readonly undo?: ((step: Step) => Promise<void>) | undefined
}

interface Doubt {
  readonly owner: number
  readonly number: number
  readonly undo: ((step: Step) => Promise<void>) | undefined
}

export class Steps {
  readonly #scene: Scene
  readonly #lane: 'put' | 'take'
  #link: Link | undefined
  #epoch = 0
  #epochOf = 0
  #number = 0
  #left: Doubt | undefined

  constructor(scene: Scene, lane: 'put' | 'take') {
    this.#scene = scene
    this.#lane = lane
  }

  /** Does the step once. Rejects with StorageError, or as `work` does. */
  async run<R>(task: Work<R>): Promise<R> {
    await this.#settleDoubt()
    return this.#run(task)
  }

  async close(): Promise<void> {
    await this.#link?.close()
  }

  async #run<R>({ work, recall, undo }: Work<R>): Promise<R> {
    const until = performance.now() + LOST_MS
    this.#number += 1
    let doubt: Doubt | undefined
    for (let tries = 1; ; tries += 1) {
      try {
        const link = await this.#connected(doubt)
        const first = doubt && (await this.#committed(link, doubt))
        if (first !== undefined) return recall(first)
        doubt = { owner: this.#scene.owner.id, number: this.#number, undo }
        return await work(this.#step(link))
      } catch (error) {
        if (error instanceof LostError) {
          if (performance.now() > until) this.#left = doubt
          if (performance.now() > until) throw error
        } else {
          doubt = undefined
          await this.#link?.ask(['ROLLBACK']).catch(() => {})
          if (!isDeadlock(error) || tries >= TRIES) throw error
        }
        await pause(Math.random() * Math.min(2 ** tries, 100))
      }
    }
  }

  async #settleDoubt(): Promise<void> {
    const left = this.#left
    if (left === undefined) return
    const link = await this.#connected(left)
    this.#left = undefined
    const { undo } = left
    if (undo === undefined || (await this.#committed(link, left)) === undefined) return
    await this.#run({ work: undo, recall: () => {}, undo })
  }

  #step(link: Link): Step {
    const { owner } = this.#scene
    return {
      link,
      owner: owner.id,
      commit: (statements, tally) => send(link, [...statements, this.#tallied(tally), changed(1), 'COMMIT']),
    }
  }

  #tallied(tally: Tally): string {
    const { queue, owner } = this.#scene
    const first = this.#lane === 'put' ? ', put_first = COALESCE(@first, 0)' : ''
    return `UPDATE spoolq_tallies SET ${tally.assignments}, ${this.#lane}_step = ${this.#number}${first}
      WHERE queue = ${queue} AND owner = ${owner.id} AND ${this.#lane}_epoch = ${this.#epoch} AND buried IS NULL`
  }

  /** A connection, and this handle alive: what a dead handle holds is anybody's. */
  async #connected(doubt: Doubt | undefined): Promise<Link> {
    const { owner, connect } = this.#scene
    await owner.alive()
    const isKnown = this.#epochOf === owner.id && doubt === undefined
    if (isKnown && this.#link !== undefined && !this.#link.dead) return this.#link
    if (this.#link === undefined || this.#link.dead) this.#link = await connect()
    if (doubt !== undefined && doubt.owner !== owner.id) await this.#raise(this.#link, doubt.owner)
    this.#epoch = await this.#raise(this.#link, owner.id)
    this.#epochOf = owner.id
    return this.#link
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

  /** The first id of the step in doubt, 0 where it has none, undefined where it was not committed. */
  async #committed(link: Link, { owner, number }: Doubt): Promise<number | undefined> {
    const [read] = await link.ask([
      `SELECT put_first FROM spoolq_tallies
        WHERE queue = ${this.#scene.queue} AND owner = ${owner} AND ${this.#lane}_step = ${number}`,
    ])
    const first = read?.rows[0]?.[0]
    return first === undefined ? undefined : Number(first)
  }
}

async function send(link: Link, statements: readonly string[]): Promise<readonly Result[]> {
  let trip: string[] = []
  let characters = 0
  for (const statement of statements) {
    if (trip.length > 0 && characters + statement.length > TRIP_CHARACTERS) {
      await link.ask(trip)
      trip = []
      characters = 0
    }
    trip.push(statement)
    characters += statement.length
  }
  return link.ask(trip)
}

function isDeadlock(error: unknown): boolean {
  return error instanceof ServerError && DEADLOCK.includes(error.number)
}
