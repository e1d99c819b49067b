// batch.ts: what one append call brings, and how several become one frame.

import type { Bound, Document } from '../store.ts'
import { checksumOf } from './bytes.ts'
import { type Extra, encodePreamble, FRAME_HEADER_BYTES, flagsOf, type Slice, writeDocuments } from './frame.ts'
import type { Draft } from './log.ts'
import type { Windows } from './windows.ts'

export interface Batch {
  readonly documents: readonly (Document | Slice)[]
  readonly bytes: number
  readonly count: number
  readonly bound: Bound | undefined
  readonly extra: Extra | undefined
  /** Its signal has aborted, and it was refused: it is not to be written any more. */
  isGone: boolean
  /** A signal may still take it away. */
  mayGo: boolean
  readonly resolve: (firstId: number | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Those that are to be written: under the lock, so from here on no signal takes them away. */
export function staying(group: readonly Batch[]): readonly Batch[] {
  const here = group.some(({ isGone }) => isGone) ? group.filter(({ isGone }) => !isGone) : group
  for (const batch of here) batch.mayGo = false
  return here
}

export function countItems(documents: readonly (Document | Slice)[]): number {
  let count = 0
  for (const document of documents) count += 'taken' in document ? document.taken : document.count
  return count
}

/** As many batches from there on as share a frame; a large one, or one that says more than its items, is alone. */
export function groupLength(pending: readonly Batch[], from: number, frameBytes: number): number {
  let bytes = 0
  let at = from
  for (let batch = pending[at]; batch; batch = pending[at]) {
    if (at > from && (batch.extra || bytes + batch.bytes > frameBytes)) break
    bytes += batch.bytes
    at++
    if (batch.extra) break
  }
  return at - from
}

/** The batches as a frame without its ids. */
export function draftOf(group: readonly Batch[], windows: Windows): Draft {
  const extra = group[0]?.extra
  const preamble = extra ? encodePreamble(extra) : undefined
  let bytes = FRAME_HEADER_BYTES + (preamble?.length ?? 0)
  let count = 0
  for (const batch of group) {
    bytes += batch.bytes
    count += batch.count
  }
  const buffer = windows.reserve(bytes)
  preamble?.copy(buffer, FRAME_HEADER_BYTES)
  let at = FRAME_HEADER_BYTES + (preamble?.length ?? 0)
  for (const { documents } of group) at = writeDocuments(buffer, at, documents)
  const flags = extra ? flagsOf(extra) : 0
  return { bytes: buffer, bodyCrc: checksumOf(buffer, FRAME_HEADER_BYTES), count, flags }
}
