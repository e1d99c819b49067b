// segments-rig.ts: logs of several segments, filled by plan or by chance, and all that can be read of them.

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { CursorState } from '../../lib/log/cursor-state.ts'
import { DocumentReader } from '../../lib/log/document-reader.ts'
import type { Log } from '../../lib/log/log.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import type { IdRange } from '../../lib/store.ts'
import { LogRig, textAt } from './log-rig.ts'

/** Frames of documents of items; 0 rolls. */
export const anyFrames = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.constant<number[]>([]) },
  ),
  { minLength: 1, maxLength: 25, size: 'max' },
)

export function fill(rig: LogRig, log: Log, frames: readonly (readonly number[])[]): void {
  for (const counts of frames) {
    if (counts.length > 0) rig.put(log, counts)
    else if (log.tail && log.tail.end > DATA_START) log.roll()
  }
}

/** Three segments of nine items each, in frames of three documents of one item. */
export function threeSegments(): { readonly rig: LogRig; readonly log: Log } {
  const rig = new LogRig()
  const log = rig.log()
  for (let segment = 0; segment < 3; segment++) {
    for (let frame = 0; frame < 3; frame++) rig.put(log, [1, 1, 1])
    if (segment < 2) log.roll()
  }
  return { rig, log }
}

export const pathOf = (base: number, rewrite = 0) => `/q/${String(base).padStart(20, '0')}.${rewrite}.log`

export function settled(...ranges: readonly IdRange[]): CursorState {
  const state = new CursorState()
  state.apply({ kind: 'settled', ids: ranges })
  return state
}

/** Reads every id in order, stepping over gaps; no gap may hide what can be read by itself. */
export function readAll(
  rig: LogRig,
  log: Log,
): { readonly texts: Map<number, string>; readonly gaps: readonly IdRange[] } {
  const reader = new DocumentReader(log)
  const texts = new Map<number, string>()
  const gaps: IdRange[] = []
  for (let id = 1; id <= rig.lastId; ) {
    const found = textAt(reader, id)
    if (typeof found === 'string') texts.set(id++, found)
    else {
      assert.ok(found.from === id && found.to >= id)
      for (let hidden = id; hidden <= Math.min(found.to, rig.lastId); hidden++) {
        assert.notEqual(typeof textAt(new DocumentReader(log), hidden), 'string', `${hidden} is hidden by a gap`)
      }
      gaps.push(found)
      id = found.to + 1
    }
  }
  return { texts, gaps }
}
