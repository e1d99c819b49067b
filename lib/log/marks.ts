// marks.ts: what a loop has in hand, in the file of its owner: written before the item is handed out, with one pwrite
// and no lock, and cleared when the loop ends. Of what a dead owner had only taken ahead, the marked is charged.
//
//     0                512           544           576
//    ┌─ ─ ─ ─ ─ ─ ─ ─ ┬─────────────┬─────────────┬ ─ ─      a slot a loop; zeros: nothing in hand
//    │ owner-head.ts  │ loop 0      │ loop 1      │
//    └─ ─ ─ ─ ─ ─ ─ ─ ┴─────────────┴─────────────┴ ─ ─
//    first id 8 · last id 8 · crc of both 4 · zeros
//
// The slots are filled with zeros before they are needed, so that a mark needs no room on a full disk. There is always one
// more than is given to loops, the last one: where the disk has no room for more slots, it spans all that has none.

import { type DiskFile, isFull } from '../disk/disk.ts'
import { END_OF_IDS } from '../ids.ts'
import type { IdRange } from '../store.ts'
import { checksumOf, getU32, getU64, putU32, putU64 } from './bytes.ts'
import { OWNER_HEAD_BYTES } from './owner-head.ts'

export const MARK_BYTES = 32
/** A new owner's file, and what is added at once when it has too few slots: a block of most file systems. */
export const MARKS_GROW_BYTES = 4096
/** What is read of the marks of a dead owner, at most: 32,000 slots. */
const MOST_BYTES = 1 << 20

export function writeMark(file: DiskFile, slot: number, ids: IdRange | undefined): void {
  const bytes = Buffer.alloc(MARK_BYTES)
  if (ids) {
    putU64(bytes, 0, ids.from)
    putU64(bytes, 8, ids.to)
    putU32(bytes, 16, checksumOf(bytes, 0, 16))
  }
  file.write(bytes, OWNER_HEAD_BYTES + slot * MARK_BYTES)
}

/** The marks that hold; one that was torn was not handed out yet. */
export function readMarks(file: DiskFile): IdRange[] {
  const bytes = Buffer.alloc(Math.min(file.size(), MOST_BYTES))
  const read = file.read(bytes, 0, bytes.length, 0)
  const marks: IdRange[] = []
  for (let at = OWNER_HEAD_BYTES; at + MARK_BYTES <= read; at += MARK_BYTES) {
    const [from, to] = [getU64(bytes, at), getU64(bytes, at + 8)]
    if (from > 0 && from <= to && to < END_OF_IDS && checksumOf(bytes, at, at + 16) === getU32(bytes, at + 16))
      marks.push({ from, to })
  }
  return marks
}

/** The slots of an owner's own file. */
export class MarkSlots {
  readonly #file: DiskFile
  readonly #head: Buffer
  /** What is there for good. */
  #bytes = 0
  /** Marks for which there is no slot. */
  readonly #crowded = new Map<number, IdRange>()

  /** `head`: written first. A full disk may have no room for it, nor for slots: then each mark tries again. */
  constructor(file: DiskFile, head: Buffer) {
    this.#file = file
    this.#head = head
    this.#grow()
  }

  /** Slots for loops: all but the last. */
  get #slots(): number {
    return Math.max(0, Math.floor((this.#bytes - OWNER_HEAD_BYTES) / MARK_BYTES) - 1)
  }

  write(loop: number, ids: IdRange | undefined): void {
    while (loop >= this.#slots) if (!this.#grow()) return this.#crowd(loop, ids)
    writeMark(this.#file, loop, ids)
    if (this.#crowded.delete(loop)) this.#writeCrowd()
  }

  /** False where the disk is full. */
  #grow(): boolean {
    const bytes = Buffer.alloc(MARKS_GROW_BYTES)
    if (this.#bytes === 0) this.#head.copy(bytes)
    const last = this.#slots
    try {
      this.#file.write(bytes, this.#bytes)
    } catch (error) {
      if (isFull(error)) return false
      throw error
    }
    this.#bytes += bytes.length
    if (this.#crowded.size === 0) return true
    // The last slot is another one now, and must not stay behind in what is given to a loop.
    this.#writeCrowd()
    writeMark(this.#file, last, undefined)
    return true
  }

  #crowd(loop: number, ids: IdRange | undefined): void {
    if (ids) this.#crowded.set(loop, ids)
    else if (!this.#crowded.delete(loop)) return
    this.#writeCrowd()
  }

  /** Where there is no slot at all, a crash of what is in hand is not counted. */
  #writeCrowd(): void {
    if (this.#bytes === 0) return
    const all = [...this.#crowded.values()]
    const from = all.reduce((least, ids) => Math.min(least, ids.from), Infinity)
    const to = all.reduce((most, ids) => Math.max(most, ids.to), 0)
    writeMark(this.#file, this.#slots, to === 0 ? undefined : { from, to })
  }
}
