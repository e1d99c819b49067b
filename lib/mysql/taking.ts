// taking.ts: one transaction of taking and settling, for many calls at once.
//
//      BEGIN · settlements · sums · SELECT … FOR UPDATE SKIP LOCKED   first trip, only where something is taken
//      DELETE or UPDATE of what was found · COMMIT                    last trip
//
// What was locked and not taken would be skipped by whoever takes meanwhile, and so come behind younger items. So the
// SELECT is the last thing asked, and the sums before it fail where they are not as this handle knows them: because
// something is due, or something older became ready. Then all is rolled back, and begun again the long way:
//
//      BEGIN · settlements · sums · what is due · UPDATE of that · SELECT … FOR UPDATE SKIP LOCKED
//
// A lease is a row that says so, committed: no transaction is open while an item is out.

import type { Hold, Pick, Settlement } from '../store.ts'
import type { Result } from './driver.ts'
import type { Behind, Fronts, Known } from './fronts.ts'
import { COLUMNS, LENGTH, type Row, rowOf } from './rows.ts'
import { ACKED, DELAYED, READY, TIMED } from './schema.ts'
import { freeing, givingBack, holding, type Settled, settling, statusOf } from './settle.ts'
import { failsWhere, NOW, withIds } from './statements.ts'
import { isOutdated, type Plan, type Step } from './steps.ts'
import { Tally } from './tally.ts'

export interface Take {
  readonly n: number
  /** 'resume': nothing is taken, but what is due is ready. */
  readonly use: 'lease' | 'pop' | 'delete' | 'resume'
  readonly hold?: Hold | undefined
  readonly pick?: Pick | undefined
}

export interface Planned<C extends Take> {
  readonly call: C
  readonly settled: readonly Settled[]
}

export interface TakingOptions {
  readonly fronts: Fronts
  readonly keepAcked: number
}

/** What each call got, and what is known from then on. */
export interface Found<C> {
  readonly rows: ReadonlyMap<C, readonly Row[]>
  readonly known: Known
}

const DUE_LIMIT = 1000
/** Ids that are read before they are locked: some may be somebody else's by then. */
const SKIM = { least: 16, most: 5000 }
/** Of a statement's LIMIT. */
const MOST = 2 ** 53

export class Taking<C extends Take> {
  readonly #options: TakingOptions
  readonly #planned: readonly Planned<C>[]
  readonly #calls: readonly C[]
  readonly #step: Step
  readonly #tally = new Tally()
  readonly #found = new Map<C, readonly Row[]>()
  #isTimed: boolean
  #behind: Behind | undefined
  /** The sum as this transaction read it, before it took anything. */
  #returns: number | undefined
  /** What is not sent yet. */
  #writes: string[] = ['BEGIN']
  #state: 'looking' | 'changing' = 'looking'

  constructor(options: TakingOptions, planned: readonly Planned<C>[], { step, known }: Start) {
    this.#options = options
    this.#planned = planned
    this.#calls = planned.map(({ call }) => call)
    this.#step = step
    this.#isTimed = known.isTimed
    this.#behind = known.behind && performance.now() < known.behind.until ? known.behind : undefined
  }

  async plan(): Promise<Plan<Found<C>>> {
    const takes = this.#calls.some(({ n, use }) => n > 0 || use === 'resume')
    this.#settle()
    if (takes) await this.#take()
    if (this.#options.keepAcked > 0 && this.#has('ack')) await this.#trim()
    const statements = this.#state === 'changing' ? this.#writes : undefined
    const behind = this.#tally.isReturning ? undefined : this.#behind
    const found = { rows: this.#found, known: { isTimed: this.#isTimed, behind } }
    return { statements, tally: this.#tally, result: () => found }
  }

  #has(...outcomes: Settlement['outcome'][]): boolean {
    return this.#planned.some(({ settled }) => settled.some(({ settlement }) => outcomes.includes(settlement.outcome)))
  }

  #write(...statements: readonly string[]): void {
    if (statements.length > 0) this.#state = 'changing'
    for (const statement of statements) this.#writes.push(statement)
  }

  /** Sends what was written, and then those; resolves to what those came to. */
  async #ask(selects: readonly string[]): Promise<readonly Result[]> {
    const writes = this.#writes.splice(0)
    const results = await this.#step.link.ask([...writes, ...selects])
    return results.slice(writes.length)
  }

  #settle(): void {
    const { fronts, keepAcked } = this.#options
    const holder = { queue: fronts.queue, owner: this.#step.owner, keepAcked }
    for (const { settled } of this.#planned) {
      for (const one of settled) this.#write(...settling(one, holder, this.#tally))
    }
  }

  async #take(): Promise<void> {
    const queued = this.#calls.filter(({ pick }) => pick === undefined)
    const n = queued.reduce((sum, call) => sum + call.n, 0)
    this.#share(queued, n > 0 ? await this.#first(n) : [])
    if (n === 0) await this.#resumeAll()
    for (const call of this.#calls) if (call.pick !== undefined && call.n > 0) await this.#pick(call, call.pick)
    this.#lease()
    this.#remove()
  }

  /** The first items, what is due among them. */
  async #first(n: number): Promise<Row[]> {
    const opening = [...this.#writes]
    if (this.#isTimed || this.#options.fronts.order === 'lifo') await this.#resumeAll()
    if (this.#tally.isReturning) this.#behind = undefined
    const rows = await this.#look(n)
    if (rows !== undefined && (this.#behind === undefined || rows.length === n)) {
      this.#behind = this.#options.fronts.behind(rows.at(-1)?.id, this.#returns ?? 0, this.#behind?.until)
      return rows
    }
    this.#behind = undefined
    this.#writes = ['ROLLBACK', ...opening]
    return this.#first(n)
  }

  /** The first items; undefined where something is not as it was known. */
  async #look(n: number): Promise<Row[] | undefined> {
    const { fronts } = this.#options
    if (fronts.order === 'lifo') return this.#skim(n)
    const behind = this.#behind
    const select = this.#select(behind === undefined ? fronts.ready() : fronts.ahead(behind, n), n)
    if (this.#returns !== undefined) return rowsOf((await this.#ask([select]))[0])
    const isOther = behind === undefined ? '' : ` OR SUM(returns) <> ${behind.returns} OR SUM(ready) < ${n}`
    const expected = this.#sums(failsWhere(`SUM(waiting) + SUM(timed) > 0${isOther}`))
    try {
      const [sums, found] = await this.#ask([expected, select])
      this.#returns = Number(sums?.rows[0]?.[0])
      return rowsOf(found)
    } catch (error) {
      if (!isOutdated(error)) throw error
      this.#isTimed = behind === undefined
      return undefined
    }
  }

  /** The next ready items by their ids, `after` one of them or from the first on; in a 'lifo' queue downwards. */
  async #skim(n: number, after?: number, others = ''): Promise<Row[]> {
    const { fronts } = this.#options
    const [sign, way] = fronts.order === 'lifo' ? (['<', 'down'] as const) : (['>', 'up'] as const)
    const rows: Row[] = []
    for (let last = after; rows.length < n; ) {
      const most = Math.min(Math.max(n - rows.length, SKIM.least), SKIM.most)
      const which = `${last === undefined ? '' : `AND id ${sign} ${last}`} ${others}`
      const [read] = await this.#ask([`SELECT id ${fronts.byId(READY, which, way)} LIMIT ${most}`])
      const ids = (read?.rows ?? []).map(([id]) => Number(id))
      last = ids.at(-1)
      if (last === undefined) break
      const [found] = await this.#ask([this.#select(fronts.these(ids), n - rows.length)])
      rows.push(...rowsOf(found))
      if (ids.length < most) break
    }
    return rows
  }

  #sums(other: string): string {
    return `SELECT SUM(returns), ${other} FROM spoolq_tallies WHERE queue = ${this.#options.fronts.queue}`
  }

  /** What is due is ready from here on. */
  async #resumeAll(): Promise<void> {
    const sums = this.#sums('SUM(waiting) + SUM(timed)')
    const [read, delayed, late] = await this.#ask([sums, this.#due(DELAYED), this.#due(TIMED)])
    const [returns = 0, timed = 0] = (read?.rows[0] ?? []).map(Number)
    this.#returns = returns
    this.#isTimed = timed > 0
    if (this.#behind?.returns !== returns) this.#behind = undefined
    await this.#resume(delayed, DELAYED)
    await this.#resume(late, TIMED)
  }

  #due(status: number): string {
    return `SELECT id FROM spoolq_items FORCE INDEX (spoolq_front)
      WHERE queue = ${this.#options.fronts.queue} AND ${isDue(status)} LIMIT ${DUE_LIMIT}`
  }

  /** What was due, and still is, is ready from here on. */
  async #resume(due: Result | undefined, from: number): Promise<void> {
    const ids = (due?.rows ?? []).map(([id]) => Number(id))
    if (ids.length === 0) return
    const where = `queue = ${this.#options.fronts.queue} AND id IN (${ids.join()}) AND ${isDue(from)}`
    this.#state = 'changing'
    const [done] = await this.#ask([
      `UPDATE spoolq_items FORCE INDEX (PRIMARY) SET ${givingBack(undefined, true)} WHERE ${where}`,
    ])
    this.#tally.move(done?.affected ?? 0, 0, { from, to: READY })
  }

  #select(from: string, n: number): string {
    const isBare = this.#calls.every(({ use }) => use === 'delete' || use === 'resume')
    return `SELECT ${COLUMNS}, ${isBare ? LENGTH : 'payload'} ${from} LIMIT ${Math.min(n, MOST)} FOR UPDATE SKIP LOCKED`
  }

  /** The first to the first call, and so on. */
  #share(calls: readonly C[], rows: readonly Row[]): void {
    let at = 0
    for (const call of calls) {
      this.#found.set(call, rows.slice(at, at + call.n))
      at += call.n
    }
  }

  async #pick(call: C, pick: Pick): Promise<void> {
    const { fronts } = this.#options
    const taken = [...this.#found.values()].flat().map(({ id }) => id)
    const others = taken.length === 0 ? '' : `AND NOT ${withIds(taken)}`
    if ('id' in pick) {
      const where = `WHERE queue = ${fronts.queue} AND id = ${pick.id} AND status = ${READY} ${others}`
      const [read] = await this.#ask([this.#select(`FROM spoolq_items FORCE INDEX (PRIMARY) ${where}`, 1)])
      this.#found.set(call, rowsOf(read))
      return
    }
    const next = await this.#skim(1, pick.after, others)
    this.#found.set(call, next.length > 0 ? next : await this.#skim(1, undefined, others))
  }

  /** What was found for leases is in flight, the calls that hold alike together. */
  #lease(): void {
    const byHold = new Map<string, Row[]>()
    for (const call of this.#calls) {
      if (call.use !== 'lease') continue
      const hold = holding(call.hold)
      const rows = this.#found.get(call) ?? []
      byHold.set(hold, (byHold.get(hold) ?? []).concat(rows))
      this.#tally.move(rows.length, sizeOf(rows), { from: READY, to: statusOf(call.hold) })
    }
    for (const [hold, rows] of byHold) {
      if (rows.length === 0) continue
      const held = `owner = ${this.#step.owner}, attempt = attempt + 1, ${hold}`
      this.#write(`UPDATE spoolq_items SET ${held} WHERE queue = ${this.#options.fronts.queue} AND ${idsOf(rows)}`)
    }
  }

  #remove(): void {
    const rows = this.#calls.flatMap((call) => (call.use === 'lease' ? [] : (this.#found.get(call) ?? [])))
    if (rows.length === 0) return
    const { queue } = this.#options.fronts
    this.#write(
      `DELETE FROM spoolq_items WHERE queue = ${queue} AND ${idsOf(rows)} LIMIT ${rows.length}`,
      ...freeing(queue, rows),
    )
    this.#tally.move(rows.length, sizeOf(rows), { from: READY })
  }

  /** No more acknowledged items than are kept: the oldest go. */
  async #trim(): Promise<void> {
    const { keepAcked } = this.#options
    const { queue } = this.#options.fronts
    const [sum] = await this.#ask([`SELECT SUM(acked) FROM spoolq_tallies WHERE queue = ${queue}`])
    const excess = Number(sum?.rows[0]?.[0]) + this.#tally.of(ACKED) - keepAcked
    if (excess <= 0) return
    const [oldest] = await this.#ask([
      `SELECT id FROM spoolq_items FORCE INDEX (spoolq_front)
        WHERE queue = ${queue} AND status = ${ACKED} ORDER BY place, id LIMIT ${excess} FOR UPDATE SKIP LOCKED`,
    ])
    const ids = oldest?.rows.map(([id]) => Number(id)) ?? []
    this.#write(`DELETE FROM spoolq_items WHERE queue = ${queue} AND ${withIds(ids)}`)
    this.#tally.move(ids.length, 0, { from: ACKED })
  }
}

interface Start {
  readonly step: Step
  readonly known: Known
}

function isDue(status: number): string {
  return `status = ${status} AND place <= ${NOW}`
}

function rowsOf(result: Result | undefined): Row[] {
  return (result?.rows ?? []).map(rowOf)
}

function idsOf(rows: readonly Row[]): string {
  return withIds(rows.map(({ id }) => id))
}

function sizeOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0)
}
