// frame-reader.ts: frames of a segment, read in chunks, each checked before anybody sees it.

import { checksumOf } from './bytes.ts'
import { isPlausible, isPlausiblePreamble } from './claims.ts'
import { FRAME_HEADER_BYTES, FRAME_MAGIC, type FrameHeader, parseFrameHeader, readFrameHeader } from './frame.ts'
import { checksumIn, isHollow, stretches } from './holes.ts'
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
    return this.readFor(segment, offset, end, 0)
  }

  /** As `read`; a frame whose ids all lie below `id` comes without its body, which isn't looked at. */
  readFor(segment: Segment, offset: number, end: number, id: number): Frame | undefined {
    const window = this.#windows?.find(segment, offset)
    if (window) return inWindow(segment, window.bytes, window.at + offset - window.offset, offset)
    const header = this.header(segment, offset, end)
    if (!header) return
    if (id >= segment.base + header.relativeId + header.count) return frameOf(segment, header, offset, NO_BODY)
    const size = FRAME_HEADER_BYTES + header.bodyBytes
    if (isHollow(segment.file, size) && !bodyHolds(segment, offset, header)) return
    if (!this.#holds(segment, offset, size)) this.#load(segment, offset, Math.max(size, this.#readBytes), end)
    if (!this.#holds(segment, offset, size)) return
    const at = offset - this.#chunkOffset
    const body = this.#chunk.subarray(at + FRAME_HEADER_BYTES, at + size)
    if (checksumOf(body) !== header.bodyCrc) return
    if (!isPlausiblePreamble(body, header.flags, segment.base + header.relativeId)) return
    return frameOf(segment, header, offset, body)
  }

  header(segment: Segment, offset: number, end: number): FrameHeader | undefined {
    if (offset + FRAME_HEADER_BYTES > end) return
    if (!this.#holds(segment, offset, FRAME_HEADER_BYTES)) this.#load(segment, offset, this.#readBytes, end)
    if (!this.#holds(segment, offset, FRAME_HEADER_BYTES)) return
    const header = readFrameHeader(this.#chunk, offset - this.#chunkOffset, this.#chunkLength, segment.header.nonce)
    if (!header || offset + FRAME_HEADER_BYTES + header.bodyBytes > end) return
    return isPlausible(header, segment) ? header : undefined
  }

  /** Bytes of a frame at `offset` that holds both of its checksums, although what it says can't be; 0 where there is none. */
  lieAt(segment: Segment, offset: number, end: number): number {
    if (!this.#holds(segment, offset, FRAME_HEADER_BYTES)) this.#load(segment, offset, this.#readBytes, end)
    const at = offset - this.#chunkOffset
    const header = readFrameHeader(this.#chunk, at, this.#chunkLength, segment.header.nonce)
    const size = FRAME_HEADER_BYTES + (header?.bodyBytes ?? 0)
    if (!header || offset + size > end || isHollow(segment.file, size)) return 0
    return bodyHolds(segment, offset, header) ? size : 0
  }

  /** The first frame that holds at or behind `offset`, whose ids are not below `id`. */
  resync(segment: Segment, offset: number, end: number, id: number): Frame | undefined {
    for (const { from, to } of stretches(segment.file, offset, end)) {
      for (let at = this.#findMagic(segment, from, to); at !== undefined; at = this.#findMagic(segment, at + 1, to)) {
        const frame = this.read(segment, at, end)
        if (frame && frame.firstId >= id) return frame
      }
    }
    return
  }

  #findMagic(segment: Segment, offset: number, end: number): number | undefined {
    for (
      let from = offset;
      from + MAGIC.length <= end;
      from = this.#chunkOffset + this.#chunkLength - MAGIC.length + 1
    ) {
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
    const chunk = Buffer.allocUnsafeSlow(Math.max(wanted, 0))
    // A read that fails leaves what was read before as it was: nothing of it passes for damage.
    this.#chunkLength = segment.file.read(chunk, 0, chunk.length, offset)
    this.#chunk = chunk
    this.#chunkOffset = offset
    this.#segment = segment
  }
}

function bodyHolds({ file }: Segment, offset: number, { bodyBytes, bodyCrc }: FrameHeader): boolean {
  return checksumIn(file, offset + FRAME_HEADER_BYTES, bodyBytes) === bodyCrc
}

/** What is in a window was checked when it came there. */
function inWindow(segment: Segment, bytes: Buffer, at: number, offset: number): Frame {
  const header = parseFrameHeader(bytes, at)
  const start = at + FRAME_HEADER_BYTES
  return frameOf(segment, header, offset, bytes.subarray(start, start + header.bodyBytes))
}

export function frameOf(segment: Segment, header: FrameHeader, offset: number, body: Buffer): Frame {
  const next = offset + FRAME_HEADER_BYTES + header.bodyBytes
  return { header, firstId: segment.base + header.relativeId, offset, next, body }
}
