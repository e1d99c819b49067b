// ahead.ts: zeros behind the last frame, written before frames take their place, where each put waits for its sync. The
// sync of bytes in blocks that the file has already is those bytes and no more; where the file grew, its size and its
// blocks are written too, by the file system's own journal, and take half as long again.
//
//    │ frame │ frame │ 0000000000000000 ┊     as much again as the segment holds, up to a limit: a small queue stays
//                    └ end              └ size  small, and most syncs of a large one find their place filled
//
// Zeros are no frame, and don't stand in the way of one: whoever goes on in the segment writes over them. A disk that has
// no room for them does without.

import { stretches } from './holes.ts'
import type { Segment } from './segment-file.ts'

/** What is filled is a multiple of this part of the most: 4 KiB of 1 MiB. */
const STEP_PART = 256
/** A frame that is larger than this part of the most fills nothing: writing it twice would cost more than it saves. */
const LARGE_PART = 8
/** What is read at once where zeros are looked for. */
const CHUNK_BYTES = 64 << 10
const ZEROS = Buffer.alloc(CHUNK_BYTES)

export interface Filling {
  /** Bytes that are filled at once at most. */
  readonly most: number
  /** Where the next segment begins. */
  readonly fullAt: number
}

/** Under append.lock, before a frame of so many bytes is written. */
export function fillAhead(tail: Segment, length: number, filling: Filling): void {
  if (tail.end + length <= tail.filledTo || length > filling.most / LARGE_PART) return
  try {
    // Others fill too.
    tail.filledTo = tail.size()
    if (tail.end + length > tail.filledTo) fill(tail, length, filling)
  } catch {
    tail.filledTo = Infinity // What was written of them is zeros, and counts for nothing.
  }
}

function fill(tail: Segment, length: number, { most, fullAt }: Filling): void {
  const step = most / STEP_PART
  const from = tail.filledTo
  const to = Math.min(Math.ceil((tail.end + Math.min(tail.end, most)) / step) * step, fullAt)
  if (to < tail.end + length) return // Not much is there yet, or the next segment is near.
  tail.file.write(Buffer.alloc(to - from), from)
  tail.filledTo = to
}

/** Behind the last byte between the two places that is no zero; `from` where all are. */
export function usedTo(segment: Segment, from: number, to: number): number {
  for (const stretch of stretches(segment.file, from, to).toReversed()) {
    const used = usedIn(segment, stretch.from, stretch.to)
    if (used > stretch.from) return used
  }
  return from
}

function usedIn(segment: Segment, from: number, to: number): number {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(0, to - from)))
  for (let end = to; end > from; ) {
    const start = Math.max(from, end - chunk.length)
    const read = segment.file.read(chunk, 0, end - start, start)
    if (!isZeros(chunk, read)) for (let i = read; i > 0; i--) if (chunk[i - 1] !== 0) return start + i
    end = start
  }
  return from
}

/** One call into the engine: holes are long. */
function isZeros(chunk: Buffer, length: number): boolean {
  return chunk.compare(ZEROS, 0, length, 0, length) === 0
}
