// holes.ts: how much is looked through of a file that says that it is long. A hole takes no block, and a file of a terabyte
// may be one: somebody lengthened it, or a file system lost what it had promised.
//
//    │ frames │ ✗ ······ budget ······ ┊            hole            ┊ ···· 64 MiB ···· │
//             └ from                                                                to ┘
//
// The budget is what may stand in the blocks that the file has, also where the file system compresses them. What lies
// between is passed over: where a frame should stand there it doesn't hold.

import type { DiskFile } from '../disk/disk.ts'
import { checksumOf } from './bytes.ts'

/** What is looked through at either end at least, and a body that is read at once at most where its blocks are not there. */
export const MOST_HOLE_BYTES = 64 << 20
/** Few items are compressed better. */
const COMPRESSED = 8
const CHUNK_BYTES = 1 << 20

export interface Stretch {
  readonly from: number
  readonly to: number
}

/** Where something may stand between two places, in order. */
export function stretches(file: DiskFile, from: number, to: number): readonly Stretch[] {
  const all = [{ from, to }]
  if (to - from <= 2 * MOST_HOLE_BYTES) return all
  const budget = Math.max(MOST_HOLE_BYTES, file.allocated() * COMPRESSED)
  if (to - from <= budget + MOST_HOLE_BYTES) return all
  return [
    { from, to: from + budget },
    { from: to - MOST_HOLE_BYTES, to },
  ]
}

/** Whether so many bytes are more than the file has blocks for: then no memory is taken for them before they hold. */
export function isHollow(file: DiskFile, length: number): boolean {
  return length > MOST_HOLE_BYTES && file.allocated() < length
}

/** The checksum of any number of bytes, in little memory. */
export function checksumIn(file: DiskFile, from: number, length: number): number {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let crc = 0
  for (let done = 0; done < length; ) {
    const got = file.read(chunk, 0, Math.min(CHUNK_BYTES, length - done), from + done)
    if (got === 0) break
    crc = checksumOf(chunk, 0, got, crc)
    done += got
  }
  return crc
}
