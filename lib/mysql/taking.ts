// taking.ts: one transaction of taking and settling, for many calls at once.
//
//      BEGIN · settlements · what is taken is found (finding.ts)      first trip, only where something is taken
//      DELETE or UPDATE of what was found · COMMIT                    last trip
//
// A lease is a row that says so, committed: no transaction is open while an item is out.

import type { Hold, Pick, Settlement } from '../store.ts'
import { Draft } from './draft.ts'
import { Finding } from './finding.ts'
import type { Fronts, Known } from './fronts.ts'
import type { Row } from './rows.ts'
import { ACKED, READY } from './schema.ts'
import { freeing, holding, type Settled, settling, statusOf } from './settle.ts'
import { deletingItems, partsOf, withIds } from './statements.ts'
import type { Plan, Step } from './steps.ts'

export interface Take {
  readonly n: number
  /** 'resume': nothing is taken, but what is due is ready; 'trim': no more acknowledged items stay than are kept. */
  readonly use: 'lease' | 'pop' | 'delete' | 'resume' | 'trim'
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

interface Start {
  readonly step: Step
  readonly known: Known
}

export class Taking<C extends Take> {
  readonly #options: TakingOptions
  readonly #planned: readonly Planned<C>[]
  readonly #calls: readonly C[]
  readonly #draft: Draft
  readonly #finding: Finding
  readonly #found = new Map<C, readonly Row[]>()

  constructor(options: TakingOptions, planned: readonly Planned<C>[], { step, known }: Start) {
    this.#options = options
    this.#planned = planned
    this.#calls = planned.map(({ call }) => call)
    this.#draft = new Draft(step)
    const payload = this.#calls.some(({ use }) => use === 'lease' || use === 'pop')
    this.#finding = new Finding(options.fronts, this.#draft, { known, payload })
  }

  async plan(): Promise<Plan<Found<C>>> {
    this.#settle()
    if (this.#calls.some(({ n, use }) => n > 0 || use === 'resume')) await this.#take()
    const isAsked = this.#calls.some(({ use }) => use === 'trim')
    if (isAsked || (this.#options.keepAcked > 0 && this.#has('ack'))) await this.#trim()
    return this.#draft.plan({ rows: this.#found, known: this.#finding.known })
  }

  #has(outcome: Settlement['outcome']): boolean {
    return this.#planned.some(({ settled }) => settled.some(({ settlement }) => settlement.outcome === outcome))
  }

  #settle(): void {
    const { fronts, keepAcked } = this.#options
    const holder = { queue: fronts.queue, owner: this.#draft.owner, keepAcked }
    for (const { settled } of this.#planned) {
      for (const one of settled) this.#draft.write(...settling(one, holder, this.#draft.tally))
    }
  }

  async #take(): Promise<void> {
    const queued = this.#calls.filter(({ pick }) => pick === undefined)
    const n = queued.reduce((sum, call) => sum + call.n, 0)
    if (n === 0) await this.#finding.resume()
    this.#share(queued, n > 0 ? await this.#finding.first(n) : [])
    this.#lease(queued)
    this.#remove(queued)
    for (const call of this.#calls) {
      if (call.pick === undefined || call.n === 0) continue
      this.#found.set(call, await this.#picked(call.pick))
      this.#lease([call])
    }
  }

  /** The first to the first call, and so on. */
  #share(calls: readonly C[], rows: readonly Row[]): void {
    let at = 0
    for (const call of calls) {
      this.#found.set(call, rows.slice(at, at + call.n))
      at += call.n
    }
  }

  #picked(pick: Pick): Promise<Row[]> {
    return 'id' in pick ? this.#finding.one(pick.id) : this.#finding.next(pick.after)
  }

  /** What was found for leases is in flight, the calls that hold alike together. */
  #lease(calls: readonly C[]): void {
    const byHold = new Map<string, Row[]>()
    for (const call of calls) {
      if (call.use !== 'lease') continue
      const hold = holding(call.hold)
      const rows = this.#found.get(call) ?? []
      byHold.set(hold, (byHold.get(hold) ?? []).concat(rows))
      this.#draft.tally.move(rows.length, sizeOf(rows), { from: READY, to: statusOf(call.hold) })
    }
    for (const [hold, rows] of byHold) {
      const held = `owner = ${this.#draft.owner}, attempt = attempt + 1, ${hold}`
      for (const ids of partsOf(rows.map(({ id }) => id))) {
        this.#draft.write(
          `UPDATE spoolq_items SET ${held} WHERE queue = ${this.#options.fronts.queue} AND ${withIds(ids)}`,
        )
      }
    }
  }

  #remove(calls: readonly C[]): void {
    const rows = calls.flatMap((call) => (call.use === 'lease' ? [] : (this.#found.get(call) ?? [])))
    if (rows.length === 0) return
    const { queue } = this.#options.fronts
    const ids = rows.map(({ id }) => id)
    this.#draft.write(...deletingItems(queue, ids), ...freeing(queue, rows))
    this.#draft.tally.move(rows.length, sizeOf(rows), { from: READY })
  }

  /** No more acknowledged items than are kept: the oldest go. */
  async #trim(): Promise<void> {
    const { queue } = this.#options.fronts
    const [sum] = await this.#draft.ask(`SELECT SUM(acked) FROM spoolq_tallies WHERE queue = ${queue}`)
    const excess = Number(sum?.rows[0]?.[0]) + this.#draft.tally.of(ACKED) - this.#options.keepAcked
    if (excess <= 0) return
    const [oldest] = await this.#draft.ask(
      `SELECT id FROM spoolq_items FORCE INDEX (spoolq_front)
        WHERE queue = ${queue} AND status = ${ACKED} AND owner = 0 ORDER BY place, id LIMIT ${excess} FOR UPDATE SKIP LOCKED`,
    )
    const ids = oldest?.rows.map(([id]) => Number(id)) ?? []
    this.#draft.write(...deletingItems(queue, ids))
    this.#draft.tally.move(ids.length, 0, { from: ACKED })
  }
}

function sizeOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0)
}
