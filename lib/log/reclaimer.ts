// reclaimer.ts: what becomes of items whose consumers will not settle them: the consumer died, or its lease ended.
// Every taker and everybody who waits looks, every so often, at the owners that hold something.

import type { IdRange } from '../store.ts'
import type { CursorState } from './cursor-state.ts'
import { without } from './held-bytes.ts'
import type { Parts } from './parts.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'
import { lapsed } from './unrecorded.ts'

export class Reclaimer {
  readonly #parts: Parts
  readonly #autoResume: boolean
  readonly #probeMs: number
  #probedAt: number
  /** Found dead the last time. */
  #dead: readonly number[] = []

  constructor(parts: Parts, autoResume: boolean) {
    this.#parts = parts
    this.#autoResume = autoResume
    this.#probeMs = parts.log.world.limits.probeMs
    this.#probedAt = parts.clock.elapsed()
  }

  /** Under cursor.lock, in a step that takes or counts: records that come first. */
  due(state: CursorState): readonly CursorRecord[] {
    const { clock } = this.#parts
    this.#bury(state)
    const expired = state.runs.inFlight > 0 || state.runs.back > 0 ? this.#timed(state) : NONE
    const isProbeDue = state.owners.size > 1 && clock.elapsed() - this.#probedAt >= this.#probeMs
    if (!this.#autoResume || !isProbeDue) return expired
    this.#probedAt = clock.elapsed()
    return [...expired, ...this.#leftRecords(state)]
  }

  /** What has been held for too long; and by how much the wall clock was set, should the host be started anew. */
  #timed(state: CursorState): readonly CursorRecord[] {
    const expired = this.#expired(state)
    const moved = this.#parts.clock.moved(state.time.drift)
    return moved === undefined ? expired : [{ kind: 'clock', boot: state.time.boot, ...moved }, ...expired]
  }

  #expired(state: CursorState): readonly CursorRecord[] {
    const { clock, owners, log } = this.#parts
    const expired = expiredRecords(state, clock.now(), owners)
    if (expired.length === 0) return expired
    const ended = expired.flatMap(({ ids }) => ids)
    const { records, kept } = lapsed(log, state, ended)
    if (kept.length === 0) return [...records, ...expired]
    const left = expired.map((record) => ({ ...record, ids: without(inOrder(record.ids), inOrder(kept)) }))
    return [...records, ...left.filter(({ ids }) => ids.length > 0)]
  }

  /** The files of the dead go when it is recorded that they left: until then their marks may be needed again. */
  #bury(state: CursorState): void {
    if (this.#dead.length === 0) return
    for (const owner of this.#dead) if (!state.owners.has(owner)) this.#parts.owners.remove(owner)
    this.#dead = []
  }

  /** By hand; resolves to how many items are ready again. */
  async reclaim(): Promise<number> {
    return this.#parts.cursor.step((state) => {
      const records = this.#leftRecords(state)
      const items = records.reduce((sum, { owner }) => sum + countOf(state.heldBy(owner)), 0)
      return { records, result: items }
    })
  }

  #leftRecords(state: CursorState): Extract<CursorRecord, { kind: 'left' }>[] {
    this.#dead = this.#parts.owners.dead(state)
    return leftRecords(this.#dead, this.#parts)
  }
}

/** Dead owners as records; who was in the middle of what can't be read now waits for the next look. */
export function leftRecords(
  dead: readonly number[],
  { owners }: Pick<Parts, 'owners'>,
): Extract<CursorRecord, { kind: 'left' }>[] {
  return dead.flatMap((owner) => {
    const ids = owners.marksOf(owner)
    return ids ? [{ kind: 'left', owner, counted: 1, ids } as const] : []
  })
}

type Back = Extract<CursorRecord, { kind: 'back' }>

const NONE: readonly Back[] = Object.freeze([])
const ALL: readonly IdRange[] = Object.freeze([])

/** What was in flight for too long is charged an attempt, but what had only been taken ahead. */
function expiredRecords(state: CursorState, now: number, owners: Parts['owners']): readonly Back[] {
  const expired = state.runs.expired(now)
  if (expired.length === 0) return NONE
  const charged: IdRange[] = []
  const ahead: IdRange[] = []
  for (const range of expired) {
    const value = state.runs.at(range.from)
    const marks = value?.state === 'inFlight' && value.mode !== 0 ? owners.marksOf(value.owner) : ALL
    // Whether it was in hand can't be read now: it is looked at again.
    if (marks === undefined) continue
    if (marks === ALL) charged.push(range)
    else divide(range, marks, charged, ahead)
  }
  const records: Back[] = []
  if (charged.length > 0) records.push({ kind: 'back', counted: 1, due: 0, ids: charged })
  if (ahead.length > 0) records.push({ kind: 'back', counted: 0, due: 0, ids: ahead })
  return records
}

function inOrder(ranges: readonly IdRange[]): readonly IdRange[] {
  return ranges.toSorted((one, other) => one.from - other.from)
}

/** The parts of a range that are marked, and those that are not. */
function divide(range: IdRange, marks: readonly IdRange[], marked: IdRange[], others: IdRange[]): void {
  let from = range.from
  for (const mark of [...marks].sort((one, other) => one.from - other.from)) {
    const first = Math.max(from, mark.from)
    const last = Math.min(range.to, mark.to)
    if (last < first) continue
    if (from < first) others.push({ from, to: first - 1 })
    marked.push({ from: first, to: last })
    from = last + 1
  }
  if (from <= range.to) others.push({ from, to: range.to })
}
