// taking.ts: one transaction of taking and settling, for many calls at once.
//
//      BEGIN · sums · SELECT … FOR UPDATE SKIP LOCKED                 first trip, only where something is taken
//      settlements · DELETE or UPDATE of what was found · COMMIT      last trip
//
// What is given back may be what is taken next: then the settlements come before the first trip. A lease is a row that
// says so, committed: no transaction is open while an item is out.

import type { Hold, Pick, Settlement } from '../store.ts'
import type { Result } from './driver.ts'
import type { Behind, Fronts } from './fronts.ts'
import { COLUMNS, LENGTH, type Row, rowOf } from './rows.ts'
import { ACKED, DELAYED, READY, TIMED } from './schema.ts'
import { freeing, givingBack, holding, type Settled, settling, statusOf } from './settle.ts'
import { NOW, withIds } from './statements.ts'
import type { Plan, Step } from './steps.ts'
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

/** What each call got, and where the next take may begin. */
export interface Found<C> {
  readonly rows: ReadonlyMap<C, readonly Row[]>
  readonly behind: Behind | undefined
}

/** What somebody else may have changed. */
interface Sums {
  readonly returns: number
  readonly isTimed: boolean
}

const DUE_LIMIT = 1000
/** Of a statement's LIMIT. */
const MOST = 2 ** 53

export class Taking<C extends Take> {
  readonly #options: TakingOptions
  readonly #planned: readonly Planned<C>[]
  readonly #calls: readonly C[]
  readonly #step: Step
  readonly #tally = new Tally()
  readonly #found = new Map<C, readonly Row[]>()
  #behind: Behind | undefined
  /** What is not sent yet. */
  #writes: string[] = ['BEGIN']
  #state: 'looking' | 'changing' = 'looking'

  constructor(options: TakingOptions, planned: readonly Planned<C>[], { step, behind }: Start) {
    this.#options = options
    this.#planned = planned
    this.#calls = planned.map(({ call }) => call)
    this.#step = step
    this.#behind = behind
  }

  async plan(): Promise<Plan<Found<C>>> {
    const takes = this.#calls.some(({ n, use }) => n > 0 || use === 'resume')
    this.#settle()
    if (takes && this.#has('back', 'toBack')) {
      this.#behind = undefined
      await this.#ask([])
    }
    if (takes) await this.#take()
    if (this.#options.keepAcked > 0 && this.#has('ack')) await this.#trim()
    const statements = this.#state === 'changing' ? this.#writes : undefined
    const found = { rows: this.#found, behind: this.#behind }
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
    const { fronts } = this.#options
    const behind = this.#behind !== undefined && performance.now() < this.#behind.until ? this.#behind : undefined
    const [read, some] = await this.#ask([this.#sums, this.#select(fronts.ready(behind), n)])
    const { returns, isTimed } = sumsOf(read)
    const isDue = isTimed && (await this.#resumeDue())
    const isWhole = behind === undefined || (behind.returns === returns && rowsOf(some).length === n)
    const [found] = isDue || !isWhole ? await this.#ask([this.#select(fronts.ready(), n)]) : [some]
    const rows = rowsOf(found)
    const until = isWhole && !isDue ? behind?.until : undefined
    const next = fronts.behind(rows.at(-1)?.id ?? behind?.id, returns)
    this.#behind = next && { ...next, until: until ?? next.until }
    return rows
  }

  async #resumeAll(): Promise<void> {
    const [read] = await this.#ask([this.#sums])
    if (sumsOf(read).isTimed) await this.#resumeDue()
  }

  get #sums(): string {
    return `SELECT SUM(returns), SUM(waiting) + SUM(timed) FROM spoolq_tallies WHERE queue = ${this.#options.fronts.queue}`
  }

  async #resumeDue(): Promise<boolean> {
    const [delayed, late] = await this.#ask([this.#due(DELAYED), this.#due(TIMED)])
    return [this.#resume(delayed, DELAYED), this.#resume(late, TIMED)].includes(true)
  }

  /** What is due of that status, as far as nobody else is at it. */
  #due(status: number): string {
    return `SELECT id, LENGTH(payload) FROM spoolq_items FORCE INDEX (spoolq_front)
      WHERE queue = ${this.#options.fronts.queue} AND status = ${status} AND place <= ${NOW}
      LIMIT ${DUE_LIMIT} FOR UPDATE SKIP LOCKED`
  }

  /** What was due is ready from here on. */
  #resume(due: Result | undefined, from: number): boolean {
    const rows = due?.rows ?? []
    if (rows.length === 0) return false
    const ids = withIds(rows.map(([id]) => Number(id)))
    const back = givingBack(undefined, true)
    this.#write(`UPDATE spoolq_items SET ${back} WHERE queue = ${this.#options.fronts.queue} AND ${ids}`)
    const bytes = rows.reduce((sum, [, length]) => sum + Number(length), 0)
    this.#tally.move(rows.length, bytes, { from, to: READY })
    return true
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
    const [behind, way] = fronts.order === 'lifo' ? (['<', 'down'] as const) : (['>', 'up'] as const)
    const after = `AND id ${behind} ${pick.after} ${others}`
    for (const which of [after, others]) {
      const [read] = await this.#ask([this.#select(fronts.byId(READY, which, way), 1)])
      this.#found.set(call, rowsOf(read))
      if (read?.rows.length === 1) return
    }
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
    this.#write(`DELETE FROM spoolq_items WHERE queue = ${queue} AND ${idsOf(rows)}`, ...freeing(queue, rows))
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
  readonly behind: Behind | undefined
}

function sumsOf(read: Result | undefined): Sums {
  const [returns = 0, timed = 0] = (read?.rows[0] ?? []).map(Number)
  return { returns, isTimed: timed > 0 }
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
