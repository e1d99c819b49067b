// taker.ts: taking and settling. Each call is one or a few steps on the cursor: which ids, their bytes, the record.
//
//    pop:    choose → read → record settled                       (at most once: removed before it is handed over)
//    lease:  settle what came before → choose → read → record took (in flight in this handle)
//
// Bytes are read, and their checksums held, before a record says that their items are gone.

import { SettledError, StorageError } from '../errors.ts'
import type { IdRange, ListOptions, Listed, Piece, Settlement } from '../store.ts'
import type { Clock } from '../wait/clock.ts'
import type { Cursor, Decision } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { DocumentReader, Gap } from './document-reader.ts'
import type { FailedItems } from './failed-items.ts'
import type { Judge } from './judge.ts'
import type { Log } from './log.ts'
import type { Owners } from './owners.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'

const STEP_BYTES = 1 << 20
const DELETE_STEP = 1 << 20

export interface TakerParts {
  readonly log: Log
  readonly cursor: Cursor
  readonly reader: DocumentReader
  readonly judge: Judge
  readonly failed: FailedItems
  readonly owners: Owners
  readonly clock: Clock
  /** 'disk': what a call recorded is synced before it resolves. */
  readonly durable: boolean
  /** Something was recorded: an interval's sync, a flush and waiting callers may be due. */
  readonly recorded: () => void
  /** A failure that no call waits for. */
  readonly failing: (error: Error) => void
}

type Taken = Piece[] | Gap | 'reclaimed'

export class Taker {
  readonly #parts: TakerParts
  readonly #stepItems: number
  readonly #probeMs: number
  #probedAt: number

  constructor(parts: TakerParts) {
    this.#parts = parts
    this.#stepItems = parts.log.world.limits.stepItems
    this.#probeMs = parts.log.world.limits.probeMs
    this.#probedAt = parts.clock.elapsed()
  }

  async pop(n: number): Promise<Piece[]> {
    const taken: Piece[] = []
    for (let left = n; left > 0; ) {
      const pieces = await this.#step(left, noAttempts, (ids) => ({ kind: 'settled', ids }))
      if (pieces.length === 0) break
      taken.push(...pieces)
      left -= itemsIn(pieces)
    }
    if (taken.length > 0) await this.#done(() => this.#restore(taken))
    return taken
  }

  async lease(n: number, first: readonly Settlement[] = []): Promise<Piece[]> {
    const { owners } = this.#parts
    let settling = first
    const took = (ids: readonly IdRange[]): CursorRecord => ({ kind: 'took', owner: owners.own, deadline: 0, mode: 0, ids })
    const attempts = (state: CursorState) => (id: number) => attemptAt(state, id) + 1
    const settle = () => settling
    const pieces = await this.#step(n, attempts, took, settle)
    settling = []
    if (pieces.length > 0 || first.length > 0) this.#doneLater()
    return pieces
  }

  /** One step that takes. A gap is judged, and then it is tried again. */
  async #step(
    n: number,
    attempts: (state: CursorState) => (id: number) => number,
    record: (ids: readonly IdRange[]) => CursorRecord,
    settling: () => readonly Settlement[] = noSettlements,
  ): Promise<Piece[]> {
    for (;;) {
      const step = this.#parts.cursor.step((state): Decision<Taken> => {
        const reclaimed = this.#reclaim(state)
        if (reclaimed.length > 0) return { records: reclaimed, result: 'reclaimed' }
        const records = this.#settleRecords(state, settling())
        const ids = this.#choose(state, Math.min(n, this.#stepItems))
        if (ids.length === 0) return { records, result: [] }
        const taken = this.#parts.reader.pieces(ids, attempts(state), STEP_BYTES)
        if (!Array.isArray(taken)) return { records: [], result: taken }
        return { records: [...records, record(idsOf(taken))], result: taken }
      })
      const taken = step instanceof Promise ? await step : step
      if (Array.isArray(taken)) return taken
      if (taken !== 'reclaimed') await this.#parts.judge.judge(taken)
    }
  }

  /** The first ready ids: those known of, and if they are too few what was appended meanwhile. */
  #choose(state: CursorState, n: number): IdRange[] {
    const { log, clock } = this.#parts
    const now = clock.now()
    const ids = state.runs.ready(log.nextId, n, now)
    if (countOf(ids) >= n) return ids
    log.refresh()
    return state.runs.ready(log.nextId, n, now)
  }

  /** What dead consumers held is ready again. Looked at every so often while somebody else holds something. */
  #reclaim(state: CursorState): CursorRecord[] {
    const { owners, clock } = this.#parts
    if (state.owners.size <= 1 || clock.elapsed() - this.#probedAt < this.#probeMs) return []
    this.#probedAt = clock.elapsed()
    const dead = owners.dead(state)
    for (const owner of dead) owners.remove(owner)
    return dead.map((owner) => ({ kind: 'left', owner, counted: 1, ids: [] }))
  }

  async settle(settlements: readonly Settlement[], relaxed = false): Promise<void> {
    const failing = settlements.flatMap((each) => (each.outcome === 'fail' ? each.ids.map((ids) => ({ ids, reason: each.reason })) : []))
    for (const { ids, reason } of failing) await this.#failHeld(ids, reason)
    const step = this.#parts.cursor.step((state) => ({ records: this.#settleRecords(state, settlements), result: undefined }))
    if (step instanceof Promise) await step
    if (relaxed) this.#doneLater()
    else await this.#done()
  }

  #settleRecords(state: CursorState, settlements: readonly Settlement[]): CursorRecord[] {
    const records: CursorRecord[] = []
    for (const settlement of settlements) {
      if (settlement.outcome === 'fail') continue
      this.#checkHeld(state, settlement.ids)
      if (settlement.outcome === 'ack') records.push({ kind: 'settled', ids: settlement.ids })
      else records.push({ kind: 'back', counted: settlement.counted ? 1 : 0, due: 0, ids: settlement.ids })
    }
    return records
  }

  #checkHeld(state: CursorState, ranges: readonly IdRange[]): void {
    const { own } = this.#parts.owners
    for (const { from, to } of ranges) {
      for (let id = from; id <= to; id++) {
        const value = state.runs.at(id)
        if (value?.state === 'inFlight' && value.owner === own) continue
        throw new SettledError(`item ${id} is not in flight here: it was settled already, or its lease went to somebody else`)
      }
    }
  }

  async #failHeld(range: IdRange, reason: string): Promise<void> {
    const { cursor, reader } = this.#parts
    const state = await cursor.step((present) => {
      this.#checkHeld(present, [range])
      return { records: [], result: present }
    })
    const pieces = reader.pieces([range], (id) => attemptAt(state, id), Number.POSITIVE_INFINITY)
    if (!Array.isArray(pieces)) return this.#parts.judge.judge(pieces)
    for (const piece of pieces) await this.fail(piece, reason)
  }

  async fail(piece: Piece, reason: string): Promise<void> {
    const record = await this.#parts.failed.write(piece, piece.attempt, reason)
    await this.#parts.cursor.step(() => ({ records: [record], result: undefined }))
    await this.#done()
  }

  async peek(n: number): Promise<Piece[]> {
    return this.#read((state) => {
      const { log, clock } = this.#parts
      const known = state.runs.ready(log.nextId, n, clock.now())
      if (countOf(known) >= n) return known
      log.refresh()
      return state.runs.ready(log.nextId, n, clock.now())
    })
  }

  /** Reads items without a record; gaps are judged. */
  async #read(choose: (state: CursorState) => readonly IdRange[]): Promise<Piece[]> {
    for (;;) {
      const read = await this.#parts.cursor.step((state): Decision<Piece[] | Gap> => {
        const attempts = (id: number) => attemptAt(state, id)
        return { records: [], result: this.#parts.reader.pieces(choose(state), attempts, Number.POSITIVE_INFINITY) }
      })
      if (Array.isArray(read)) return read
      await this.#parts.judge.judge(read)
    }
  }

  async list({ status, after, limit }: ListOptions): Promise<Listed[]> {
    const { cursor, failed } = this.#parts
    if (status === 'acked') return []
    if (status === 'failed') {
      return cursor.step((state) => ({ records: [], result: failed.list(state, after, limit) }))
    }
    const pieces = await this.#read((state) => this.#idsOf(state, status, after, limit))
    return pieces.map((piece) => ({ piece, status }))
  }

  #idsOf(state: CursorState, status: 'ready' | 'delayed' | 'inFlight', after: number, limit: number): IdRange[] {
    const { log, clock } = this.#parts
    log.refresh()
    const now = clock.now()
    const ids: IdRange[] = []
    let left = limit
    for (const range of state.runs.withStatus(status, after + 1, log.nextId, now)) {
      if (left <= 0) break
      const to = Math.min(range.to, range.from + left - 1)
      ids.push({ from: range.from, to })
      left -= to - range.from + 1
    }
    return ids
  }

  async delete(n: number): Promise<number> {
    let deleted = 0
    while (deleted < n) {
      const count = await this.#parts.cursor.step((state) => {
        const ids = this.#choose(state, Math.min(n - deleted, DELETE_STEP))
        return { records: ids.length > 0 ? [{ kind: 'settled', ids }] : [], result: countOf(ids) }
      })
      if (count === 0) break
      deleted += count
    }
    if (deleted > 0) await this.#done()
    return deleted
  }

  /** Delayed items go too; in flight and failed ones stay. */
  async clear(): Promise<number> {
    const count = await this.#parts.cursor.step((state) => {
      this.#parts.log.refresh()
      const ids = state.runs.ready(this.#parts.log.nextId, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
      return { records: ids.length > 0 ? [{ kind: 'settled', ids }] : [], result: countOf(ids) }
    })
    if (count > 0) await this.#done()
    return count
  }

  /** A power cut may bring back what was handed out or acknowledged just now: nobody waits for the sync. */
  #doneLater(): void {
    this.#parts.recorded()
    if (this.#parts.durable) this.#parts.cursor.durable().catch(this.#parts.failing)
  }

  async #done(undo?: () => Promise<void>): Promise<void> {
    this.#parts.recorded()
    if (!this.#parts.durable) return
    try {
      await this.#parts.cursor.durable()
    } catch (cause) {
      await undo?.()
      throw new StorageError(`the cursor in ${this.#parts.log.folder} could not be synced`, { cause })
    }
  }

  /** Nobody gets what was taken: it stays in the queue. */
  async #restore(taken: readonly Piece[]): Promise<void> {
    const { cursor } = this.#parts
    await cursor.step(() => ({ records: [{ kind: 'restored', ids: idsOf(taken) }], result: undefined }))
  }
}

const noAttempts = () => () => 0
const noSettlements = () => []

function attemptAt(state: CursorState, id: number): number {
  const value = state.runs.at(id)
  return value?.state === 'inFlight' || value?.state === 'back' ? value.attempt : 0
}

function itemsIn(pieces: readonly Piece[]): number {
  let count = 0
  for (const piece of pieces) count += piece.count
  return count
}

/** The pieces' ids, neighbours as one range. */
export function idsOf(pieces: readonly Piece[]): IdRange[] {
  const ids: { from: number; to: number }[] = []
  for (const { firstId, count } of pieces) {
    const last = ids.at(-1)
    if (last && last.to === firstId - 1) last.to += count
    else ids.push({ from: firstId, to: firstId + count - 1 })
  }
  return ids
}
