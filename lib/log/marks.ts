// marks.ts: what a loop has in hand, in the file of its owner: written before the item is handed out, with one pwrite
// and no lock, and cleared when the loop ends. Of what a dead owner had only taken ahead, the marked is charged.
//
//     0             32             64
//    ┌─────────────┬─────────────┬─────────────┬ ─ ─      a slot a loop; zeros: nothing in hand
//    │ loop 0      │ loop 1      │ loop 2      │
//    └─────────────┴─────────────┴─────────────┴ ─ ─
//    first id 8 · last id 8 · crc of both 4 · zeros

import type { DiskFile } from '../disk/disk.ts'
import type { IdRange } from '../store.ts'
import { checksumOf, getU32, getU64, putU32, putU64 } from './bytes.ts'

export const MARK_BYTES = 32

export function writeMark(file: DiskFile, loop: number, ids: IdRange | undefined): void {
  const bytes = Buffer.alloc(MARK_BYTES)
  if (ids) {
    putU64(bytes, 0, ids.from)
    putU64(bytes, 8, ids.to)
    putU32(bytes, 16, checksumOf(bytes, 0, 16))
  }
  file.write(bytes, loop * MARK_BYTES)
}

/** The marks that hold; one that was torn was not handed out yet. */
export function readMarks(file: DiskFile): IdRange[] {
  const bytes = Buffer.alloc(file.size())
  file.read(bytes, 0, bytes.length, 0)
  const marks: IdRange[] = []
  for (let at = 0; at + MARK_BYTES <= bytes.length; at += MARK_BYTES) {
    const [from, to] = [getU64(bytes, at), getU64(bytes, at + 8)]
    if (from > 0 && checksumOf(bytes, at, at + 16) === getU32(bytes, at + 16)) marks.push({ from, to })
  }
  return marks
}
