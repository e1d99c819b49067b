// unrecorded.ts: what frames say besides their items, as records. A frame that delays its items, or that replaces
// others, is the commit; its record is written in the same step, unless its writer died in between. Then whoever
// meets the frame writes it, before anything else is decided.

import type { IdRange } from '../store.ts'
import type { CursorState } from './cursor-state.ts'
import { DUE, RETRIES, readPreamble } from './frame.ts'
import type { Frame } from './frame-reader.ts'
import type { Log } from './log.ts'
import type { CursorRecord } from './record.ts'

/** Records that are missing for frames that were met since the last time; `log.refresh()` comes first. */
export function missingRecords(log: Log, state: CursorState): CursorRecord[] {
  if (log.unrecorded.length === 0) return []
  // A frame is met no more when the state knows all that it says: a step that fails is made again.
  const missing = log.unrecorded.map((frame) => ({ frame, records: recordsOf(frame, state) }))
  log.unrecorded = missing.filter(({ records }) => records.length > 0).map(({ frame }) => frame)
  return missing.flatMap(({ records }) => records)
}

/** What a frame says, as far as the state doesn't know it yet. */
export function recordsOf(frame: Frame, state: CursorState): CursorRecord[] {
  const { flags, count } = frame.header
  const { due, attempt, replaced } = readPreamble(frame.body, flags)
  const records: CursorRecord[] = []
  const fresh = flags & DUE ? state.runs.freshRanges(frame.firstId, frame.firstId + count - 1) : []
  if (fresh.length > 0) records.push({ kind: 'due', due, attempt, ids: fresh })
  const ids = flags & RETRIES ? replaced.filter(({ from }) => state.failed.has(from)) : live(replaced, state)
  if (ids.length > 0) records.push(flags & RETRIES ? { kind: 'unfailed', ids } : { kind: 'settled', ids })
  return records
}

function live(ranges: readonly IdRange[], state: CursorState): IdRange[] {
  return ranges.flatMap(({ from, to }) => state.runs.liveRanges(from, to))
}
