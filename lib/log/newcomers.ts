// newcomers.ts: the frames that others appended behind a segment's known end, read where consumers find them (windows.ts),
// many with one call, and each checked before it is told of.
//
//    segment    ┄┄ known ┬─────────┬─────────┬────────┬┄┄ no frame that holds, zeros, or the end of the file
//                        │  frame  │  frame  │ frame  │
//                        └─── one window ────┴ the next read begins here, where the rest of it was not read yet

import { checksumOf } from './bytes.ts'
import { goesOn, isPlausible, isPlausiblePreamble } from './claims.ts'
import { FRAME_HEADER_BYTES, readFrameHeader } from './frame.ts'
import { type Frame, FrameReader, frameOf } from './frame-reader.ts'
import type { Segment } from './segment-file.ts'
import type { Windows } from './windows.ts'

/** Read first: mostly there is nothing, or little. */
const FIRST_BYTES = 4096
/** A frame's magic number has no zeros in it. */
const BEGINNING_BYTES = 4

export class Newcomers {
  readonly #windows: Windows
  /** For frames that are too large to be kept. */
  readonly #reader: FrameReader

  constructor(windows: Windows, readBytes: number) {
    this.#windows = windows
    this.#reader = new FrameReader(readBytes)
  }

  /**
   * Tells `met` of each frame, in order, until none holds; `met` moves the segment's end behind it. Returns whether
   * bytes that are no frame stand there.
   */
  read(tail: Segment, met: (frame: Frame) => void): boolean {
    for (let most = Math.min(FIRST_BYTES, this.#windows.most); ; most = this.#windows.most) {
      const from = tail.end
      const rest = this.#readWindow(tail, most, met)
      const held = tail.end - from
      if (isOver(rest, held + rest.length < most)) return false
      if (held === 0 && !this.#readLarge(tail, met)) return true
      if (held > 0 && held + rest.length < most) return true
    }
  }

  /** Returns what stands behind the last frame. */
  #readWindow(tail: Segment, most: number, met: (frame: Frame) => void): Buffer {
    const from = tail.end
    const place = this.#windows.reserve(most)
    const got = tail.file.read(place, 0, most, from)
    const bytes = place.subarray(0, got)
    for (let frame = frameAt(tail, bytes, 0); frame; frame = frameAt(tail, bytes, tail.end - from)) met(frame)
    const held = tail.end - from
    this.#windows.giveBack(most - held)
    if (held > 0) this.#windows.commit(tail, from, bytes.subarray(0, held))
    return bytes.subarray(held)
  }

  #readLarge(tail: Segment, met: (frame: Frame) => void): boolean {
    this.#reader.discard()
    const frame = this.#reader.read(tail, tail.end, tail.file.size())
    if (!frame || !goesOn(tail, tail.nextId, frame.firstId, 0)) return false
    met(frame)
    return true
  }
}

/** Nothing, or zeros where a frame would begin: no writer leaves those behind that died in the middle of one. */
function isOver(rest: Buffer, isLast: boolean): boolean {
  if (rest.length < BEGINNING_BYTES && !isLast) return false
  for (let i = 0; i < rest.length && i < BEGINNING_BYTES; i++) if (rest[i] !== 0) return false
  return true
}

/** The frame that stands whole in the bytes from `at` on, which is where the segment ends so far. */
function frameAt(tail: Segment, bytes: Buffer, at: number): Frame | undefined {
  const header = readFrameHeader(bytes, at, bytes.length, tail.header.nonce)
  if (!header) return
  const start = at + FRAME_HEADER_BYTES
  const next = start + header.bodyBytes
  const firstId = tail.base + header.relativeId
  if (next > bytes.length || !isPlausible(header, tail) || !goesOn(tail, tail.nextId, firstId, 0)) return
  const body = bytes.subarray(start, next)
  if (checksumOf(body) !== header.bodyCrc || !isPlausiblePreamble(body, header.flags, firstId)) return
  return frameOf(tail, header, tail.end, body)
}
