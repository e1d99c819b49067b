// taker.ts: taking. Each call is one or a few steps on the cursor: which ids, their bytes, the record.
//
//    pop:    choose → read → record settled                       (at most once: removed before it is handed over)
//    lease:  settle what came before → choose → read → record took (in flight in this handle)
//
// Bytes are read, and their checksums held, before a record says that their items are gone.

import type { Hold, IdRange, Piece, Settlement } from '../store.ts'
import { dueTime } from '../wait/clock.ts'
import type { Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { Gap } from './document-reader.ts'
import { attemptAt, done, doneLater, type Parts, upToDate } from './parts.ts'
import type { Reclaimer } from './reclaimer.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'
import type { Settler } from './settler.ts'
import { leavingRecords, missingRecords } from './unrecorded.ts'

const STEP_BYTES = 1 << 20
const DELETE_STEP = 1 << 20

type Taken = Piece[] | Gap

/** How one step takes. */
interface Taking {
  readonly attempts: (state: CursorState) => (id: number) => number
  readonly record: (ids: readonly IdRange[]) => CursorRecord
  readonly first: readonly Settlement[]
}

export class Taker {
  readonly #parts: Parts
  readonly #settler: Settler
  readonly #reclaimer: Reclaimer
  readonly #stepItems: number

  constructor(parts: Parts, settler: Settler, reclaimer: Reclaimer) {
    this.#parts = parts
    this.#settler = settler
    this.#reclaimer = reclaimer
    this.#stepItems = parts.log.world.limits.stepItems
  }

  /**
   * At once, where one step under a free lock is all it takes and no sync is waited for. `signal`: ends the wait for the
   * lock before anything is taken.
   */
  pop(n: number, signal?: AbortSignal): Piece[] | Promise<Piece[]> {
    const first = n > 0 ? this.#parts.cursor.step(this.#taking(n, POPPING), signal && { signal }) : []
    if (!Array.isArray(first) || this.#parts.durable) return this.#pop(n, first)
    if (first.length > 0 && itemsIn(first) < n) return this.#pop(n, first)
    if (first.length > 0) this.#parts.recorded()
    return first
  }

  /** `first`: the first step, already begun. */
  async #pop(n: number, first: Taken | Promise<Taken>): Promise<Piece[]> {
    const taken: Piece[] = []
    let begun: Taken | Promise<Taken> | undefined = first
    for (let left = n; left > 0; ) {
      const pieces: Piece[] = await this.#step(left, POPPING, begun)
      begun = undefined
      if (pieces.length === 0) break
      taken.push(...pieces)
      left -= itemsIn(pieces)
    }
    if (taken.length > 0) await done(this.#parts, () => this.#restore(taken))
    return taken
  }

  async lease(n: number, first: readonly Settlement[] = [], hold: Hold = {}): Promise<Piece[]> {
    const { signal } = hold
    const taking = this.#leasing(first, hold)
    const begun = signal && this.#parts.cursor.step(this.#taking(n, taking), { signal })
    const pieces = await this.#step(n, taking, begun)
    if (pieces.length > 0 || first.length > 0) doneLater(this.#parts)
    return pieces
  }

  /** Undefined where the lock is taken, or more than one step is needed. */
  leaseNow(n: number, first: readonly Settlement[], hold: Hold): Piece[] | undefined {
    const pieces = this.#parts.cursor.stepNow(this.#taking(n, this.#leasing(first, hold)))
    if (!Array.isArray(pieces)) return undefined
    if (pieces.length > 0 || first.length > 0) doneLater(this.#parts)
    return pieces
  }

  #leasing(first: readonly Settlement[], { deadline = 0, uncharged = false }: Hold): Taking {
    const owner = this.#parts.owners.own
    const mode = uncharged ? 1 : 0
    return {
      attempts: (state) => (id) => attemptAt(state, id) + 1,
      record: (ids) => ({ kind: 'took', owner, deadline, mode, ids }),
      first,
    }
  }

  /** One step that takes. A gap is judged, and then it is tried again. */
  async #step(n: number, taking: Taking, begun?: Taken | Promise<Taken>): Promise<Piece[]> {
    let step = begun ?? this.#parts.cursor.step(this.#taking(n, taking))
    for (;;) {
      const taken = step instanceof Promise ? await step : step
      if (Array.isArray(taken)) return taken
      await this.#parts.judge.judge(taken)
      step = this.#parts.cursor.step(this.#taking(n, taking))
    }
  }

  #taking(n: number, { attempts, record, first }: Taking): Decide<Taken> {
    const { log, reader } = this.#parts
    return (state) => {
      const before = this.#reclaimer.due(state)
      if (before.length > 0) return { before }
      const settled = first.length > 0 ? this.#settler.records(state, first) : NOTHING
      const ids = this.#choose(state, Math.min(n, this.#stepItems))
      const missing = missingRecords(log, state)
      if (missing.length > 0) return { before: missing }
      if (ids.length === 0) return { records: settled, result: [] }
      const taken = reader.pieces(ids, attempts(state), STEP_BYTES)
      if (!Array.isArray(taken)) return { records: [], result: taken }
      const own = record(idsOf(taken))
      if (own.kind === 'settled' && log.unrecorded.length > 0) {
        return { records: [own, ...leavingRecords(log, state, own.ids)], result: taken }
      }
      return { records: settled.length > 0 ? [...settled, own] : [own], result: taken }
    }
  }

  /** The first ready ids: those known of, and if they are too few what was appended meanwhile. */
  #choose(state: CursorState, n: number): IdRange[] {
    const { log, clock } = this.#parts
    const now = dueTime(clock)
    const ids = state.runs.ready(log.nextId, n, now)
    if (countOf(ids) >= n) return ids
    log.refresh()
    return state.runs.ready(log.nextId, n, now)
  }

  async delete(n: number): Promise<number> {
    let deleted = 0
    while (deleted < n) {
      const wanted = Math.min(n - deleted, DELETE_STEP)
      const count = await this.#drop((state, now) => state.runs.ready(this.#parts.log.nextId, wanted, now))
      if (count === 0) break
      deleted += count
    }
    if (deleted > 0) await done(this.#parts)
    return deleted
  }

  /** Delayed items go too; in flight and failed ones stay. */
  async clear(): Promise<number> {
    const all = Number.POSITIVE_INFINITY
    const count = await this.#drop((state) => state.runs.ready(this.#parts.log.nextId, all, all))
    if (count > 0) await done(this.#parts)
    return count
  }

  async #drop(choose: (state: CursorState, now: number) => readonly IdRange[]): Promise<number> {
    const { cursor, clock, log } = this.#parts
    const decide: Decide<number> = (state) => {
      const before = this.#reclaimer.due(state)
      if (before.length > 0) return { before }
      const ids = choose(state, dueTime(clock))
      const settled = { kind: 'settled', ids } as const
      return { records: ids.length > 0 ? [settled, ...leavingRecords(log, state, ids)] : [], result: countOf(ids) }
    }
    return cursor.step(upToDate(this.#parts, decide))
  }

  /** Nobody gets what was taken: it stays in the queue. */
  async #restore(taken: readonly Piece[]): Promise<void> {
    await this.#parts.cursor.step(() => ({ records: [{ kind: 'restored', ids: idsOf(taken) }], result: undefined }))
  }
}

const NOTHING: readonly CursorRecord[] = Object.freeze([])

const POPPING: Taking = Object.freeze({
  attempts: () => () => 0,
  record: (ids: readonly IdRange[]): CursorRecord => ({ kind: 'settled', ids }),
  first: [],
})

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
