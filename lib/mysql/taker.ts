// taker.ts: what is taken and what is settled: one transaction after the other (taking.ts), in each all that was asked
// for while the one before it was under way. Where a settlement turns out to be outdated nothing was changed; what is
// really held is read, and all is done again without what is not.

import { QueueClosedError } from '../errors.ts'
import type { HeldRange, Settlement } from '../store.ts'
import { type Known, NOTHING_KNOWN } from './fronts.ts'
import type { Graves } from './graves.ts'
import { HeldItems } from './held.ts'
import { Lane } from './lane.ts'
import { leave, reclaim } from './reclaim.ts'
import { type Row, restoring } from './rows.ts'
import { READY, TIMED } from './schema.ts'
import { extendedStatus, extending, givingBack, IS_HELD, moving, type Settled, statusOf } from './settle.ts'
import { listsOf, oneByOne } from './statements.ts'
import { isOutdated, type Plan, type Scene, type Step, Steps, type Task } from './steps.ts'
import { type Found, type Planned, type Take, Taking, type TakingOptions } from './taking.ts'
import { Tally } from './tally.ts'

interface Call extends Take {
  readonly first: readonly Settlement[]
  readonly resolve: (rows: readonly Row[]) => void
  readonly reject: (error: unknown) => void
}

/** Work that has a transaction of its own. */
interface Alone {
  /** Never rejects. */
  readonly run: () => Promise<void>
}

const RUN_CALLS = 1000

export class Taker {
  readonly held = new HeldItems()
  readonly #scene: Scene
  readonly #graves: Graves
  readonly #options: TakingOptions
  readonly #changed: () => void
  readonly #steps: Steps
  readonly #lane: Lane<Call | Alone>
  #known: Known = NOTHING_KNOWN
  #isLeaving = false

  constructor(scene: Scene, graves: Graves, { changed, ...options }: TakingOptions & { changed: () => void }) {
    this.#scene = scene
    this.#graves = graves
    this.#options = options
    this.#changed = changed
    this.#steps = new Steps(scene, 'take')
    const share = (call: Call | Alone): number => ('run' in call ? 2 : 1 / RUN_CALLS)
    this.#lane = new Lane((calls) => this.#runAll(calls), share)
    scene.owner.renewed = () => this.held.clear()
  }

  /** Settles `first`, and takes. SettledError where not all of it is held, and nothing is changed then. */
  take(take: Take, first: readonly Settlement[] = []): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => this.#add({ ...take, first, resolve, reject }, reject))
  }

  /** Does that in a transaction of its own. */
  alone<R>(plan: Task<R>['plan']): Promise<R> {
    return new Promise((resolve, reject) =>
      this.#add({ run: () => this.#alone({ plan }).then(resolve, reject) }, reject),
    )
  }

  /** What is due is ready. */
  async resume(): Promise<void> {
    await this.take({ n: 0, use: 'resume' })
  }

  /** No more acknowledged items stay than are kept. */
  async trim(): Promise<void> {
    await this.take({ n: 0, use: 'trim' })
  }

  /** What dead handles held is ready; resolves to how many items that were. */
  reclaim(): Promise<number> {
    return new Promise((resolve, reject) => this.#add({ run: () => this.#bury().then(resolve, reject) }, reject))
  }

  /** SettledError where not all of it is held. */
  async extend(ids: readonly HeldRange[], deadline: number): Promise<void> {
    const items = this.held.of(ids)
    if (items.length === 0) return
    const { queue } = this.#scene
    const to = extendedStatus(deadline)
    const extended = async ({ owner }: Step): Promise<Plan<void>> => {
      const tally = new Tally()
      moving(items, to, tally)
      return { statements: ['BEGIN', ...extending({ queue, owner, items, deadline })], tally, result: () => {} }
    }
    try {
      await this.alone(extended)
      for (const item of items) if (this.held.has(item)) this.held.add({ ...item, isTimed: to === TIMED })
    } catch (error) {
      if (!isOutdated(error)) throw error
      await this.alone((step) => this.#forget(step))
      this.held.of(ids)
      throw error
    }
  }

  /** The rest of a call in several transactions comes too late once the handle leaves: its sums are gone. */
  #add(call: Call | Alone, reject: (error: unknown) => void): void {
    if (this.#isLeaving) reject(new QueueClosedError())
    else this.#lane.add(call)
  }

  /** The last of all: what it still holds is ready again. */
  async leave(): Promise<void> {
    const { queue, owner } = this.#scene
    this.#isLeaving = true
    await this.#lane.idle()
    await this.#steps.settle()
    await this.#steps.patiently((link) => leave(link, queue, owner.id))
  }

  async #runAll(calls: readonly (Call | Alone)[]): Promise<void> {
    const takes: Call[] = []
    // A take that can do without it is not kept from it; who reclaims is told how many items that were.
    if (this.#graves.isDue && calls.some((call) => !('run' in call))) await this.#bury().catch(() => {})
    for (const call of calls) {
      if ('run' in call) await call.run()
      else takes.push(call)
    }
    if (takes.length > 0) await this.#runTakes(takes)
  }

  async #bury(): Promise<number> {
    let count = 0
    for (const dead of await this.#graves.look()) {
      count += await this.#alone({ plan: (step) => reclaim(step, this.#scene.queue, dead) })
    }
    return count
  }

  async #alone<R>(task: Task<R>): Promise<R> {
    try {
      const result = await this.#steps.run(task)
      this.#changed()
      return result
    } catch (error) {
      if (isOutdated(error)) await this.#scene.owner.verify().catch(() => {})
      throw error
    }
  }

  async #runTakes(calls: readonly Call[]): Promise<void> {
    const planned = this.#planned(calls)
    if (planned.length === 0) return
    let found: Found<Call> = { rows: new Map(), known: NOTHING_KNOWN }
    let isChange = false
    const plan = async (step: Step): Promise<Plan<Found<Call>>> => {
      const whole = await new Taking(this.#options, planned, { step, known: this.#known }).plan()
      found = whole.result(0)
      isChange = whole.statements !== undefined
      return whole
    }
    try {
      const done = await this.#steps.run({ plan, undo: { plan: (step) => this.#undo(step, found) } })
      this.#publish(planned, done)
      // A take that came to nothing, told to who waits, would be tried again at once, and for ever.
      if (isChange) this.#changed()
      for (const { call } of planned) call.resolve(done.rows.get(call) ?? [])
    } catch (error) {
      this.#known = NOTHING_KNOWN
      if (isOutdated(error)) await this.#again(planned)
      else for (const { call } of planned) call.reject(error)
    }
  }

  /** The calls whose settlements are of what is held here; the others reject. */
  #planned(calls: readonly Call[]): Planned<Call>[] {
    const claimed = new Set<number>()
    return calls.flatMap((call) => {
      try {
        const settled = call.first.map((settlement) => {
          return { settlement, items: this.held.of(settlement.ids, claimed) }
        })
        for (const { items } of settled) for (const { id } of items) claimed.add(id)
        return [{ call, settled }]
      } catch (error) {
        call.reject(error)
        return []
      }
    })
  }

  /** Nothing was changed: what is not held any more is forgotten, and the rest done. */
  async #again(planned: readonly Planned<Call>[]): Promise<void> {
    const calls = planned.map(({ call }) => call)
    try {
      await this.#scene.owner.verify()
      await this.#steps.run({ plan: (step) => this.#forget(step) })
    } catch (error) {
      for (const { reject } of calls) reject(error)
      return
    }
    await this.#runTakes(calls)
  }

  async #forget({ link, owner }: Step): Promise<Plan<void>> {
    const { ids } = this.held
    const all = listsOf(ids).map(
      (list) => `queue = ${this.#scene.queue} AND ${oneByOne(list)} AND owner = ${owner} AND ${IS_HELD}`,
    )
    const select = 'SELECT id, LENGTH(payload), ukey FROM spoolq_items'
    const [, ...read] = await link.ask(['BEGIN', ...all.map((where) => `${select} WHERE ${where} FOR UPDATE`)])
    const rows = read.flatMap((one) => one.rows)
    const still = new Map(rows.map(([id, bytes, key]) => [Number(id), { bytes: Number(bytes), key }]))
    const result = (): void => {
      this.held.delete(ids.filter((id) => !still.has(id)))
      for (const [id, { bytes, key }] of still) this.held.update(id, bytes, Buffer.isBuffer(key) ? key : undefined)
    }
    const seen = all.map((where) => `UPDATE spoolq_items SET updated = 0 WHERE ${where}`)
    return { statements: seen, tally: new Tally(), result }
  }

  #publish(planned: readonly Planned<Call>[], { rows: found, known }: Found<Call>): void {
    this.#known = known
    // All was settled before anything was taken: what one call gave back another one, called before it, may hold now.
    for (const { settled } of planned) for (const one of settled) this.#letGo(one)
    for (const { call } of planned) if (call.use === 'lease') this.#hold(call, found.get(call) ?? [])
  }

  #letGo({ settlement, items }: Settled): void {
    this.held.delete(items.map(({ id }) => id))
    if (settlement.outcome !== 'again') return
    const isTimed = statusOf(settlement.hold) === TIMED
    for (const item of items) this.held.add({ ...item, attempt: item.attempt + 1, isTimed })
  }

  #hold({ hold }: Call, rows: readonly Row[]): void {
    const isTimed = statusOf(hold) === TIMED
    for (const { id, bytes, key, attempt } of rows) this.held.add({ id, bytes, key, attempt: attempt + 1, isTimed })
  }

  /** Committed, and its callers were told that it failed: what they never got is ready again. */
  async #undo(step: Step, { rows: found }: Found<Call>): Promise<Plan<void>> {
    const { queue } = this.#scene
    const popped = [...found].flatMap(([{ use }, rows]) => (use === 'pop' ? rows : []))
    const leased = [...found].flatMap(([{ use, hold }, rows]) => {
      return use === 'lease' ? rows.map(({ id, bytes }) => ({ id, bytes, from: statusOf(hold) })) : []
    })
    const lists = listsOf(leased.map(({ id }) => id))
    const all = lists.map((list) => `WHERE queue = ${queue} AND ${oneByOne(list)} AND owner = ${step.owner}`)
    const selects = all.map((where) => `SELECT id FROM spoolq_items ${where} FOR UPDATE`)
    const [, ...held] = await step.link.ask(['BEGIN', ...selects])
    const still = new Set(held.flatMap(({ rows }) => rows.map(([id]) => Number(id))))
    const tally = new Tally()
    for (const { bytes } of popped) tally.move(1, bytes, { to: READY })
    for (const { id, bytes, from } of leased) if (still.has(id)) tally.move(1, bytes, { from, to: READY })
    tally.return()
    const back = all.map((where) => `UPDATE spoolq_items SET ${givingBack(undefined, false)} ${where}`)
    const statements = [...back, ...restoring(queue, popped, { status: READY, place: 'priority' })]
    return { statements, tally, result: () => {} }
  }
}
