// frame-reader.ts: frames of a segment, read in chunks, each checked before anybody sees it.

import { crc32 } from './bytes.ts'
import { FRAME_HEADER_BYTES, FRAME_MAGIC, type FrameHeader, readFrameHeader } from './frame.ts'
import type { Segment } from './segment-file.ts'
import type { Windows } from './windows.ts'

export interface Frame {
  readonly header: FrameHeader
  readonly firstId: number
  readonly offset: number
  /** Where the next one starts. */
  readonly next: number
  /** Held its checksum; empty where only the header was asked for. */
  readonly body: Buffer
}

const NO_BODY = Buffer.alloc(0)
const MAGIC = Buffer.alloc(4)
MAGIC.writeUInt32LE(FRAME_MAGIC)

export class FrameReader {
  readonly #readBytes: number
  readonly #windows: Windows | undefined
  #chunk = NO_BODY
  #chunkLength = 0
  #chunkOffset = 0
  #segment: Segment | undefined

  /** Bytes are read anew into fresh buffers: what was handed out never changes. */
  constructor(readBytes: number, windows?: Windows) {
    this.#readBytes = readBytes
    this.#windows = windows
  }

  /** Forgets what was read, because more may have been written behind it. */
  discard(): void {
    this.#segment = undefined
  }

  /** The frame at `offset` below `end`, or undefined where none holds. */
  read(segment: Segment, offset: number, end: number): Frame | undefined {
    const window = this.#windows?.find(segment, offset)
    if (window) return this.#inWindow(segment, window.bytes, window.at + offset - window.offset, window.end, offset)
    const header = this.header(segment, offset, end)
    if (!header) return
    const size = FRAME_HEADER_BYTES + header.bodyBytes
    if (!this.#holds(segment, offset, size)) this.#load(segment, offset, Math.max(size, this.#readBytes), end)
    if (!this.#holds(segment, offset, size)) return
    const at = offset - this.#chunkOffset
    const body = this.#chunk.subarray(at + FRAME_HEADER_BYTES, at + size)
    if (crc32(body) !== header.bodyCrc) return
    return frameOf(segment, header, offset, body)
  }

  #inWindow(segment: Segment, bytes: Buffer, at: number, end: number, offset: number): Frame | undefined {
    const header = readFrameHeader(bytes, at, end, segment.header.nonce)
    if (!header) return
    const body = bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + header.bodyBytes)
    return frameOf(segment, header, offset, body)
  }

  /** The frame's header alone: enough to step over it. */
  hop(segment: Segment, offset: number, end: number): Frame | undefined {
    const window = this.#windows?.find(segment, offset)
    if (window) return this.#inWindow(segment, window.bytes, window.at + offset - window.offset, window.end, offset)
    const header = this.header(segment, offset, end)
    return header && frameOf(segment, header, offset, NO_BODY)
  }

  header(segment: Segment, offset: number, end: number): FrameHeader | undefined {
    if (offset + FRAME_HEADER_BYTES > end) return
    if (!this.#holds(segment, offset, FRAME_HEADER_BYTES)) this.#load(segment, offset, this.#readBytes, end)
    if (!this.#holds(segment, offset, FRAME_HEADER_BYTES)) return
    const header = readFrameHeader(this.#chunk, offset - this.#chunkOffset, this.#chunkLength, segment.header.nonce)
    return header && offset + FRAME_HEADER_BYTES + header.bodyBytes <= end ? header : undefined
  }

  /** The first frame that holds at or behind `offset`, whose ids are not below `id`. */
  resync(segment: Segment, offset: number, end: number, id: number): Frame | undefined {
    for (let at = this.#findMagic(segment, offset, end); at !== undefined; at = this.#findMagic(segment, at + 1, end)) {
      const frame = this.read(segment, at, end)
      if (frame && frame.firstId >= id) return frame
    }
    return
  }

  #findMagic(segment: Segment, offset: number, end: number): number | undefined {
    for (let from = offset; from + MAGIC.length <= end; from = this.#chunkOffset + this.#chunkLength - MAGIC.length + 1) {
      if (!this.#holds(segment, from, MAGIC.length)) this.#load(segment, from, this.#readBytes, end)
      if (!this.#holds(segment, from, MAGIC.length)) return
      const found = this.#chunk.subarray(0, this.#chunkLength).indexOf(MAGIC, from - this.#chunkOffset)
      if (found >= 0) return this.#chunkOffset + found
    }
    return
  }

  #holds(segment: Segment, offset: number, length: number): boolean {
    if (this.#segment !== segment || offset < this.#chunkOffset) return false
    return offset + length <= this.#chunkOffset + this.#chunkLength
  }

  #load(segment: Segment, offset: number, length: number, end: number): void {
    const wanted = Math.min(length, end - offset)
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(wanted, 0))
    this.#chunkLength = segment.file.read(this.#chunk, 0, this.#chunk.length, offset)
    this.#chunkOffset = offset
    this.#segment = segment
  }
}

function frameOf(segment: Segment, header: FrameHeader, offset: number, body: Buffer): Frame {
  const next = offset + FRAME_HEADER_BYTES + header.bodyBytes
  return { header, firstId: segment.base + header.relativeId, offset, next, body }
}
