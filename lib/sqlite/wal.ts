// wal.ts: what stands in a -wal that a process left, looked through frame by frame. When SQLite opens a database whose last
// process was killed, it takes the frames up to the first that does not hold, and writes over all behind it, without a word.
//
//     0        32        24 + page    …
//    ┌────────┬─────────┬─────────┬─────────┬ ─ ─          header: magic 4 · version 4 · page size 4 · count 4 ·
//    │ header │ frame 1 │ frame 2 │ frame 3 │                      salts 8 · sums 8
//    └────────┴─────────┴─────────┴─────────┴ ─ ─          frame:  page number 4 · pages after a commit, or 0 4 ·
//                                                                  salts 8 · sums 8 · the page
//
// Sums go on from those of the frame before; numbers are big endian, and the magic says in which order sums read words.
// A frame that has other salts than the header is of an earlier round: nothing.
//
// Frames are written in order, so a kill leaves the first of them, and perhaps part of one. Yet frames of this round may stand
// behind one that doesn't hold, and nothing is wrong:
//
//    a transaction that was undone had written some        none of them commits
//    one that found its own pages in the WAL again wrote   it has more pages than SQLite holds back in memory, and no
//    over them, and was killed while it wrote new sums     other transaction is behind it
//
// So what doesn't hold is damage where two commits are behind it, or one of a transaction that is too small for that.

import fs from 'node:fs'
import { endianness } from 'node:os'
import { openPlain } from '../disk/ours.ts'

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC = 0x377f0682
/** SQLite holds back as much as its cache has room for: 2 MB. */
const SMALL_FRAMES = 64
const READ_BYTES = 2 ** 20

export interface WalLook {
  /** Where what holds ends: behind the last commit, or behind the header. */
  readonly end: number
  /** Where the last frame of this round ends; no more than `end` where nothing is left. */
  readonly left: number
  /** Where the first that doesn't hold begins. */
  readonly offset: number
  readonly isDamage: boolean
  /** Tells what is left from what any other kill leaves. */
  readonly key: string
}

/** A frame behind the first that doesn't hold, which follows from the one before it. */
export type SeenFrame = (page: Uint8Array, number: number) => void

/** Undefined where there is no WAL, or nothing in it. `seen` is told of frames behind what doesn't hold. */
export function lookThrough(wal: string, pageBytes: number, seen?: SeenFrame): WalLook | undefined {
  let fd: number
  try {
    fd = openPlain(wal, fs.constants.O_RDONLY)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    const header = new Uint8Array(HEADER_BYTES)
    if (fs.readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined
    return new Frames(fd, header, { pageBytes, seen }).look()
  } finally {
    fs.closeSync(fd)
  }
}

type Sums = readonly [number, number]

class Frames {
  readonly #fd: number
  readonly #pageBytes: number
  readonly #seen: SeenFrame | undefined
  readonly #isLittle: boolean
  readonly #salts: Sums
  readonly #isHeaderWhole: boolean
  #sums: Sums
  #end: number
  #left = 0
  #offset = 0
  #isWhole: boolean
  #frames = 0
  #commits = 0
  /** Frames up to the last commit that holds, and up to the first behind what doesn't. */
  #holding = 0
  #firstBehind = 0
  #key = ''

  constructor(fd: number, header: Uint8Array, { pageBytes, seen }: { pageBytes: number; seen: SeenFrame | undefined }) {
    const view = new DataView(header.buffer)
    this.#fd = fd
    this.#pageBytes = pageBytes
    this.#seen = seen
    this.#isLittle = (view.getUint32(0) & 1) === 0
    this.#sums = [view.getUint32(24), view.getUint32(28)]
    const isOurs = (view.getUint32(0) & ~1) >>> 0 === MAGIC && view.getUint32(8) === pageBytes
    this.#isHeaderWhole = isOurs && isSame(this.#sums, summed(view, { from: 0, to: 24, isLittle: this.#isLittle }))
    this.#isWhole = this.#isHeaderWhole
    this.#end = this.#isHeaderWhole ? HEADER_BYTES : 0
    this.#salts = this.#isHeaderWhole ? [view.getUint32(16), view.getUint32(20)] : this.#saltsOfFirst()
  }

  look(): WalLook {
    const frameBytes = FRAME_HEADER_BYTES + this.#pageBytes
    const chunk = new Uint8Array(Math.max(1, Math.floor(READ_BYTES / frameBytes)) * frameBytes)
    for (let at = HEADER_BYTES; ; at += chunk.length) {
      const read = fs.readSync(this.#fd, chunk, 0, chunk.length, at)
      for (let from = 0; from + frameBytes <= read; from += frameBytes) {
        this.#frame(new DataView(chunk.buffer, from, frameBytes), at + from)
      }
      if (read < chunk.length) break
    }
    const isSmall = this.#commits === 1 && this.#firstBehind - this.#holding <= SMALL_FRAMES
    const isDamage = this.#commits > 1 || isSmall
    return { end: this.#end, left: this.#left, offset: this.#offset, isDamage, key: this.#key }
  }

  #frame(frame: DataView, at: number): void {
    this.#frames += 1
    const isOfRound = isSame([frame.getUint32(8), frame.getUint32(12)], this.#salts)
    const stored: Sums = [frame.getUint32(16), frame.getUint32(20)]
    const follows = isOfRound && isSame(stored, this.#sumsOf(frame))
    this.#sums = stored
    if (this.#isWhole && !follows) this.#offset = at
    this.#isWhole &&= follows
    if (!isOfRound) return
    this.#left = at + frame.byteLength
    this.#key = [...this.#salts, ...stored, at].map((number) => number.toString(16)).join('-')
    const isCommit = frame.getUint32(4) !== 0
    if (this.#isWhole && isCommit) {
      this.#end = this.#left
      this.#holding = this.#frames
    }
    if (!this.#isWhole && follows) this.#behind(frame, isCommit)
  }

  #behind(frame: DataView, isCommit: boolean): void {
    if (isCommit) this.#commits += 1
    if (this.#commits === 1 && isCommit) this.#firstBehind = this.#frames
    const page = new Uint8Array(frame.buffer, frame.byteOffset + FRAME_HEADER_BYTES, this.#pageBytes)
    this.#seen?.(page, frame.getUint32(0))
  }

  #sumsOf(frame: DataView): Sums {
    const head = summed(frame, { from: 0, to: 8, isLittle: this.#isLittle, sums: this.#sums })
    return summed(frame, { from: FRAME_HEADER_BYTES, to: frame.byteLength, isLittle: this.#isLittle, sums: head })
  }

  /** Where the header says nothing. */
  #saltsOfFirst(): Sums {
    const salts = new Uint8Array(8)
    fs.readSync(this.#fd, salts, 0, 8, HEADER_BYTES + 8)
    const view = new DataView(salts.buffer)
    return [view.getUint32(0), view.getUint32(4)]
  }
}

interface Summing {
  readonly from: number
  readonly to: number
  readonly isLittle: boolean
  readonly sums?: Sums
}

/** Words of this machine's order are ten times as quick as a view of them. */
function summed(view: DataView, summing: Summing): Sums {
  return summing.isLittle === IS_LITTLE ? summedWords(view, summing) : summedView(view, summing)
}

const IS_LITTLE = endianness() === 'LE'

function summedWords(view: DataView, { from, to, sums: [one, other] = [0, 0] }: Summing): Sums {
  const words = new Int32Array(view.buffer, view.byteOffset + from, (to - from) / 4)
  for (let i = 0; i < words.length; i += 2) {
    one = (one + (words[i] ?? 0) + other) | 0
    other = (other + (words[i + 1] ?? 0) + one) | 0
  }
  return [one >>> 0, other >>> 0]
}

function summedView(view: DataView, { from, to, isLittle, sums: [one, other] = [0, 0] }: Summing): Sums {
  for (let at = from; at < to; at += 8) {
    one = (one + view.getUint32(at, isLittle) + other) | 0
    other = (other + view.getUint32(at + 4, isLittle) + one) | 0
  }
  return [one >>> 0, other >>> 0]
}

function isSame([one, other]: Sums, [another, last]: Sums): boolean {
  return one === another && other === last
}
