// settler.ts: settling what this handle holds, and mending what failed.
//
//    ack, back        one record
//    fail             the copy in failed/ is written and synced, then the record
//    toBack, retry    the items stand in a new frame that names the ids it replaces: once durable, it is the commit
//
// What is written twice may be delivered twice after a crash between, never zero times. Where nothing can be written
// the call rejects, and the item stays in flight.

import { SettledError } from '../errors.ts'
import type { HeldRange, Hold, IdRange, Piece, Settlement } from '../store.ts'
import type { Appender } from './appender.ts'
import type { Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { FailedItems } from './failed-items.ts'
import type { Extra } from './frame.ts'
import { attemptAt, done, doneLater, type Parts, upToDate } from './parts.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'
import { isReplaced, leavingRecords, recordReplaced } from './unrecorded.ts'

export class Settler {
  readonly #parts: Parts
  readonly #appender: Appender
  readonly #failed: FailedItems
  readonly #keepAcked: number

  constructor(parts: Parts, appender: Appender, failed: FailedItems, keepAcked: number) {
    this.#parts = parts
    this.#appender = appender
    this.#failed = failed
    this.#keepAcked = keepAcked
  }

  async settle(settlements: readonly Settlement[], relaxed = false): Promise<void> {
    for (const settlement of settlements) {
      if (settlement.outcome === 'fail') await this.#failHeld(settlement)
      if (settlement.outcome === 'toBack') await this.#toBack(settlement.ids, settlement.due ?? 0)
    }
    const step = this.#parts.cursor.step((state) => ({ records: this.records(state, settlements), result: undefined }))
    if (step instanceof Promise) await step
    if (relaxed) doneLater(this.#parts)
    else await done(this.#parts)
  }

  /** The records of those settlements that are no more than a record. Throws where one is not held any more. */
  records(state: CursorState, settlements: readonly Settlement[]): CursorRecord[] {
    const records: CursorRecord[] = []
    for (const settlement of settlements) {
      if (settlement.outcome === 'fail' || settlement.outcome === 'toBack') continue
      const { ids } = settlement
      this.#checkHeld(state, ids)
      if (settlement.outcome === 'ack') records.push(this.#acked(settlement), ...this.#leaving(state, ids))
      else if (settlement.outcome === 'again') records.push(...this.#again(ids, settlement.hold))
      else records.push({ kind: 'back', counted: settlement.counted ? 1 : 0, due: settlement.due ?? 0, ids })
    }
    return records
  }

  /** Back and taken in one step: nobody else gets it in between. */
  #again(ids: readonly IdRange[], { deadline = 0, uncharged = false }: Hold = {}): CursorRecord[] {
    const took = { kind: 'took', owner: this.#parts.owners.own, deadline, mode: uncharged ? 1 : 0, ids } as const
    return [{ kind: 'back', counted: 1, due: 0, ids }, took]
  }

  #leaving(state: CursorState, ids: readonly IdRange[]): CursorRecord[] {
    const { log } = this.#parts
    return log.unrecorded.length === 0 ? [] : leavingRecords(log, state, ids)
  }

  #acked({ ids, kept = true }: Extract<Settlement, { outcome: 'ack' }>): CursorRecord {
    return kept && this.#keepAcked > 0 ? { kind: 'acked', keep: this.#keepAcked, ids } : { kind: 'settled', ids }
  }

  /** Throws where one of them is not held here any more. */
  #checkHeld(state: CursorState, ranges: readonly HeldRange[]): true {
    const { owners, clock } = this.#parts
    for (const { from, to, attempt } of ranges) {
      for (let id = from; id <= to; ) {
        const run = state.runs.runAt(id)
        const value = run?.value
        const isHeld = value?.state === 'inFlight' && value.owner === owners.own
        const isInTime = isHeld && (value.deadline === 0 || value.deadline > clock.now())
        if (
          !run ||
          !isInTime ||
          this.#isReplaced(state, id, Math.min(run.to, to)) ||
          (attempt !== undefined && attempt !== value.attempt)
        ) {
          throw lapsed(id)
        }
        id = run.to + 1
      }
    }
    return true
  }

  /** One of them stands again behind all others already: another call sent it there, and waits for its sync. */
  #isReplaced(state: CursorState, from: number, to: number): boolean {
    const { log } = this.#parts
    if (log.unrecorded.length === 0) return false
    for (let id = from; id <= to; id++) if (isReplaced(log, state, id)) return true
    return false
  }

  async #failHeld({ ids, reason, counted = true }: Extract<Settlement, { outcome: 'fail' }>): Promise<void> {
    const { cursor } = this.#parts
    for (const piece of await this.#held(ids)) {
      const own = { from: piece.firstId, to: piece.firstId + piece.count - 1, attempt: piece.attempt }
      const copy = { piece, attempt: piece.attempt - (counted ? 0 : 1), reason }
      await this.#failed.setAside(cursor, copy, (state) => this.#checkHeld(state, [own]))
    }
  }

  /** Pieces of what is held. */
  async #held(ids: readonly HeldRange[]): Promise<Piece[]> {
    const { cursor, reader, judge } = this.#parts
    for (;;) {
      const read = await cursor.step((state) => {
        this.#checkHeld(state, ids)
        return { records: [], result: reader.pieces(ids, (id) => attemptAt(state, id), Number.POSITIVE_INFINITY) }
      })
      if (Array.isArray(read)) return read
      await judge.judge(read)
    }
  }

  async #toBack(ids: readonly HeldRange[], due: number): Promise<void> {
    const pieces = await this.#held(ids)
    // It may have been settled, or its lease have ended, since it was read.
    let ends = 0
    const stillHolds = (state: CursorState): true => {
      const run = state.runs.runAt(ids[0]?.from ?? 0)
      if (run?.value.state === 'inFlight') ends = run.value.deadline
      return this.#checkHeld(state, ids)
    }
    const attempt = pieces[0]?.attempt ?? 0
    const inTime = (state: CursorState, isVoid: boolean) => this.#checkInTime(state, ids, { isVoid, deadline: ends })
    await this.#appendAgain(pieces, { due, attempt, replaced: ids, retried: false, stillHolds, inTime })
  }

  /** Where it is settled by now, another handle has recorded that it was sent to the back, or its lease had ended. */
  #checkInTime(state: CursorState, ids: readonly HeldRange[], { isVoid, deadline }: Ended): void {
    const { clock, owners } = this.#parts
    const isOver = isVoid && deadline > 0 && deadline <= clock.now()
    for (const { from, to } of ids) {
      for (let id = from; id <= to; id++) {
        const value = state.runs.at(id)
        const isHeld = value?.state === 'inFlight' && value.owner === owners.own
        if (!isHeld && (value?.state !== 'settled' || isOver)) throw lapsed(id)
      }
    }
  }

  /** The bound is not asked: what comes again takes no more room than it did. */
  async #appendAgain(pieces: readonly Piece[], extra: Extra): Promise<boolean> {
    const slices = pieces.map(({ document, skip, count }) => ({ ...document, offset: skip, taken: count }))
    return (await this.#appender.append(slices, undefined, extra)) !== undefined
  }

  async retry(wanted?: readonly number[]): Promise<number> {
    for (;;) {
      const retried = await this.#tryRetry(wanted)
      if (retried !== undefined) return retried
    }
  }

  /** Undefined where somebody else retried or discarded one of them since they were read. */
  async #tryRetry(wanted: readonly number[] | undefined): Promise<number | undefined> {
    const { cursor, judge, log } = this.#parts
    // Another retry of the same may wait for its sync.
    await this.#appender.moved()
    await recordReplaced(log, cursor)
    const { listed, lost } = await cursor.step((state) => {
      const ids = new Set(wanted ?? state.failed.keys())
      const all = this.#failed.list(state, 0, Number.POSITIVE_INFINITY)
      return { records: [], result: { ...all, listed: all.listed.filter(({ piece }) => ids.has(piece.firstId)) } }
    })
    if (lost.length > 0) await judge.judgeCopies(lost)
    if (listed.length === 0) return 0
    const pieces = listed.map(({ piece }) => piece)
    const replaced = pieces.map(({ firstId }) => ({ from: firstId, to: firstId }))
    const stillHolds = (state: CursorState): boolean =>
      replaced.every(({ from }) => state.failed.has(from) && !isReplaced(log, state, from))
    const isDone = await this.#appendAgain(pieces, { due: 0, attempt: 0, replaced, retried: true, stillHolds })
    return isDone ? listed.length : undefined
  }

  /** A popped item that turned out not to decode. Where it can't be set aside it is in flight here, as `fail` leaves it. */
  async fail(piece: Piece, reason: string): Promise<void> {
    try {
      const { cursor } = this.#parts
      await this.#failed.setAside(cursor, { piece, attempt: piece.attempt, reason }, ignore)
    } catch (error) {
      await this.#holdAgain([{ from: piece.firstId, to: piece.firstId + piece.count - 1 }])
      throw error
    }
    await done(this.#parts)
  }

  /** What was settled a moment ago is not, as long as the log still holds it. */
  async #holdAgain(ids: readonly IdRange[]): Promise<void> {
    const { cursor, lock, owners, reader } = this.#parts
    const took = { kind: 'took', owner: owners.own, deadline: 0, mode: 0, ids } as const
    await cursor.step<void>(
      () => {
        const isThere = Array.isArray(reader.pieces(ids, () => 0, Number.POSITIVE_INFINITY))
        return { records: isThere ? [{ kind: 'restored', ids }, took] : [], result: undefined }
      },
      { outer: lock },
    )
    await done(this.#parts)
  }

  async extend(ids: readonly HeldRange[], deadline: number): Promise<void> {
    await this.#parts.cursor.step((state) => {
      this.#checkHeld(state, ids)
      return { records: [{ kind: 'extended', deadline, ids }], result: undefined }
    })
    await done(this.#parts)
  }

  async discard(wanted?: readonly number[]): Promise<number> {
    const { cursor, log } = this.#parts
    const decide: Decide<number> = (state) => {
      // What a retry has written already, and waits for its sync, is none to be discarded.
      const ids = failedIds(state, wanted).filter(({ from }) => !isReplaced(log, state, from))
      return { records: ids.length > 0 ? [{ kind: 'unfailed', ids }] : [], result: countOf(ids) }
    }
    const count = await cursor.step(upToDate(this.#parts, decide))
    if (count > 0) await done(this.#parts)
    return count
  }
}

function ignore(): void {}

interface Ended {
  /** Nothing of the frame that sent it to the back is left. */
  readonly isVoid: boolean
  /** Of the lease; 0: none. */
  readonly deadline: number
}

function lapsed(id: number): SettledError {
  return new SettledError(
    `item ${id} is not in flight here: it was settled already, or its lease went to somebody else`,
  )
}

function failedIds(state: CursorState, wanted: readonly number[] | undefined): IdRange[] {
  const ids = wanted ? wanted.filter((id) => state.failed.has(id)) : [...state.failed.keys()]
  return ids.map((id) => ({ from: id, to: id }))
}
