// unrecorded.ts: what frames say besides their items, as records. A frame that delays its items, or that replaces
// others, is the commit. Whoever meets it before it is recorded (its writer may have died) records it before anything
// else is decided:
//
//    due         in the same step as the frame
//    replaced    once the frame is durable: a power cut that took the frame and left the record would take the item
//
//    void        where the lease of what it replaces ends before: who sent it there is too late, and others get the item
//
// So what was replaced may be there twice after a crash between, never zero times.

import type { IdRange } from '../store.ts'
import type { Cursor } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import { DUE, type Extra, RETRIES, readPreamble } from './frame.ts'
import type { Frame } from './frame-reader.ts'
import type { Written } from './frame-writer.ts'
import { moved, type RunStatus } from './id-state.ts'
import type { Log } from './log.ts'
import { type CursorRecord, GONE } from './record.ts'
import type { Segment } from './segment-file.ts'

/** A frame that says more than its items, as long as the cursor's state doesn't know all of it. */
export interface Unrecorded {
  readonly segment: Segment
  readonly frame: Frame
  /** Written here, and its sync is waited for: then this handle records what it replaces, or takes it back. */
  isOwn: boolean
}

type Replacing = Pick<Extra, 'replaced' | 'retried'>

/** Records that are missing for frames that were met since the last time; `log.refresh()` comes first. */
export function missingRecords(log: Log, state: CursorState): CursorRecord[] {
  if (log.unrecorded.length === 0) return []
  // A frame is met no more when the state knows all that it says: a step that fails is made again.
  const missing = log.unrecorded.map((met) => ({
    met,
    records: recordsOf(met.frame, state, driftOf(log, met.segment, state)),
  }))
  const left = missing.filter(({ met, records }) => met.isOwn || (records.length > 0 && !isLost(log, met)))
  log.unrecorded = left.map(({ met }) => met)
  return left.flatMap(({ met, records }) => (isCommitted(log, met, state) ? records : records.filter(isDue)))
}

/** What its times lack, where they were written in a boot that is over. */
function driftOf({ boot }: Log, { isWhole, header }: Segment, { time }: CursorState): number {
  if (!isWhole || header.boot === 0 || header.boot === boot) return 0
  return time.boot === boot ? time.before : time.drift
}

function isDue({ kind }: CursorRecord): boolean {
  return kind === 'due'
}

function isCommitted(log: Log, { segment, frame, isOwn }: Unrecorded, state: CursorState): boolean {
  return !isOwn && log.isDurable(segment, frame.next) && !isWithdrawn(frame, state)
}

/** Its sync failed here: nobody can tell any more whether it is durable, and what it replaces stays. */
function isLost(log: Log, { segment, frame }: Unrecorded): boolean {
  return segment.poisoned && !log.isDurable(segment, frame.next)
}

/** Its writer may have taken it back, as its sync failed. (If all of it was taken, what it replaces comes twice.) */
function isWithdrawn({ firstId, header }: Frame, state: CursorState): boolean {
  return state.runs.live(firstId, firstId + header.count - 1) === 0
}

export interface Lapsed {
  readonly records: readonly CursorRecord[]
  /** What stays in flight for now. */
  readonly kept: readonly IdRange[]
}

/**
 * The leases of these ids end: frames that wait to take their place are void, unless somebody has some of their items
 * already. Then they count, and what they replace is no more, once they are durable.
 */
export function lapsed(log: Log, state: CursorState, ended: readonly IdRange[]): Lapsed {
  log.refresh()
  const records: CursorRecord[] = []
  const kept: IdRange[] = []
  for (const met of log.unrecorded) {
    const { frame } = met
    const { replaced } = readPreamble(frame.body, frame.header.flags)
    if (!overlap(replaced, ended) || frame.header.flags & RETRIES) continue
    if (isLost(log, met) || isWithdrawn(frame, state)) continue
    if (isUntouched(frame, state)) records.push(voidOf(frame.firstId, frame.header.count))
    else kept.push(...replaced)
  }
  return { records, kept }
}

/** Items of these ids leave the queue: what they stand for under another id is no more either. */
export function leavingRecords(log: Log, state: CursorState, ids: readonly IdRange[]): CursorRecord[] {
  const left = log.unrecorded.filter((met) => {
    const { firstId, header } = met.frame
    return overlap(ids, [{ from: firstId, to: firstId + header.count - 1 }]) && !isLost(log, met)
  })
  return left.flatMap(({ frame }) => replacedRecords(readReplacing(frame), state))
}

function readReplacing({ header, body }: Frame): Replacing {
  return { replaced: readPreamble(body, header.flags).replaced, retried: (header.flags & RETRIES) !== 0 }
}

function overlap(some: readonly IdRange[], others: readonly IdRange[]): boolean {
  return some.some((one) => others.some(({ from, to }) => from <= one.to && one.from <= to))
}

/** The ids hold nothing: what was written there does not count. */
export function voidOf(firstId: number, count: number): CursorRecord {
  return { kind: 'gone', why: GONE.indexOf('void'), ids: [{ from: firstId, to: firstId + count - 1 }] }
}

/** Nobody has taken any of its items, or has them. */
function isUntouched({ firstId, header }: Frame, { runs }: CursorState): boolean {
  const ids = { from: firstId, end: firstId + header.count, now: 0 }
  if (runs.live(ids.from, ids.end - 1) < header.count) return false
  const isIn = (status: RunStatus) => !runs.withStatus(status, ids.from, ids.end, ids.now).next().done
  return !isIn('inFlight') && !isIn('acked')
}

/** Nobody waits for it any more here: from now on it is met like anybody's. */
export function forgo(log: Log, { segment, from, to }: Pick<Written, 'segment' | 'from' | 'to'>): void {
  for (const met of log.unrecorded) {
    if (met.segment === segment && met.frame.offset >= from && met.frame.offset < to) met.isOwn = false
  }
}

/** Makes durable what others wrote in place of other items, and settles those. */
export async function recordReplaced(log: Log, cursor: Cursor): Promise<void> {
  const late = log.unrecorded.filter(
    (met) => !met.isOwn && !isLost(log, met) && !log.isDurable(met.segment, met.frame.next),
  )
  for (const segment of new Set(late.map((met) => met.segment))) await log.makeDurable(segment)
  // Whose segment is gone by now says nothing more: all of it was taken.
  const gone = late.filter((met) => !log.isDurable(met.segment, met.frame.next))
  if (gone.length > 0) log.unrecorded = log.unrecorded.filter((met) => !gone.includes(met))
  if (log.unrecorded.length > 0) {
    await cursor.step((state) => ({ records: missingRecords(log, state), result: undefined }))
  }
}

/** True where the item stands again under another id already, though it is not recorded yet. */
export function isReplaced(log: Log, state: CursorState, id: number): boolean {
  return log.unrecorded.some((met) => {
    if (!met.isOwn && (isLost(log, met) || isWithdrawn(met.frame, state))) return false
    const { replaced } = readPreamble(met.frame.body, met.frame.header.flags)
    return replaced.some(({ from, to }) => from <= id && id <= to)
  })
}

/** What a frame says, as far as the state doesn't know it yet. `drift`: of the time of its boot, where that is over. */
export function recordsOf(frame: Frame, state: CursorState, drift = 0): CursorRecord[] {
  const { flags, count } = frame.header
  const { due, attempt, replaced } = readPreamble(frame.body, flags)
  const records: CursorRecord[] = []
  const fresh = flags & DUE ? state.runs.freshRanges(frame.firstId, frame.firstId + count - 1) : []
  if (fresh.length > 0) records.push({ kind: 'due', due: due > 0 ? moved(due, drift) : 0, attempt, ids: fresh })
  records.push(...replacedRecords({ replaced, retried: (flags & RETRIES) !== 0 }, state))
  return records
}

/** Settles what is replaced, as far as that is still there: a power cut may have taken the word that it had failed. */
export function replacedRecords({ replaced, retried }: Replacing, state: CursorState): CursorRecord[] {
  const records: CursorRecord[] = []
  const failed = retried ? replaced.filter(({ from }) => state.failed.has(from)) : []
  if (failed.length > 0) records.push({ kind: 'unfailed', ids: failed })
  const live = replaced.flatMap(({ from, to }) => state.runs.liveRanges(from, to))
  if (live.length > 0) records.push({ kind: 'settled', ids: live })
  return records
}
