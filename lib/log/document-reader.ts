// document-reader.ts: documents by id. Going on where it was costs nothing; a redelivery goes by the segment list and
// the index of the segment.

import { codeOf } from '../disk/disk.ts'
import type { IdRange, Piece } from '../store.ts'
import { type PlacedDocument, type Position, readDocument, readPreamble, SPARSE } from './frame.ts'
import { type Frame, FrameReader } from './frame-reader.ts'
import type { Log } from './log.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'

/** Ids that the log turns out not to hold, and the bytes where they should be. */
export interface Gap extends IdRange {
  readonly at: Position
  /** Bytes that don't hold; 0 where nothing is there at all. */
  readonly bytes: number
  readonly segment: Segment | undefined
  /** Left out on purpose, because they were settled: whoever still wants them has forgotten that. */
  readonly dropped?: boolean
  /** A frame stands there that holds its checksums and can't be true: no crash left it. */
  readonly isLie?: boolean
}

export interface PiecesAndGap {
  readonly pieces: Piece[]
  readonly gap?: Gap
}

export class DocumentReader {
  readonly #log: Log
  readonly #frames: FrameReader
  #segment: Segment | undefined
  #frame: Frame | undefined
  /** In the frame's body: where the next document starts, and with which id. */
  #at = 0
  #nextId = 0
  #placed: PlacedDocument | undefined

  constructor(log: Log) {
    this.#log = log
    this.#frames = new FrameReader(log.world.limits.readBytes, log.windows)
  }

  /** Items with these ids, up to some bytes or a gap; or the first gap among them, where there is none before it. */
  pieces(ids: readonly IdRange[], attemptOf: (id: number) => number, maxBytes: number): Piece[] | Gap {
    const { pieces, gap } = this.piecesAndGap(ids, attemptOf, maxBytes)
    return pieces.length > 0 ? pieces : (gap ?? pieces)
  }

  /** Items with these ids, up to some bytes or a gap, and that gap. */
  piecesAndGap(ids: readonly IdRange[], attemptOf: (id: number) => number, maxBytes: number): PiecesAndGap {
    const pieces: Piece[] = []
    let bytes = 0
    for (const { from, to } of ids) {
      const attempt = attemptOf(from)
      for (let id = from; id <= to; ) {
        const found = this.locate(id)
        if ('at' in found) return { pieces, gap: { ...found, to: Math.min(found.to, to) } }
        const { firstId, document, offset, taken, time } = found
        const count = Math.min(to, firstId + taken - 1) - id + 1
        pieces.push({ firstId: id, count, document, skip: offset + id - firstId, attempt, enqueuedAt: time })
        bytes += (document.bytes.length * count) / document.count
        if (bytes >= maxBytes) return { pieces }
        id += count
      }
    }
    return { pieces }
  }

  /** The document that holds the id. */
  locate(id: number): PlacedDocument | Gap {
    const placed = this.#placed
    if (placed && id >= placed.firstId && id < placed.firstId + placed.taken) return placed
    const frame = this.#frame
    if (frame && id >= frame.firstId && id < frame.firstId + frame.header.count) return this.#inFrame(frame, id)
    if (frame && this.#segment && id === frame.firstId + frame.header.count) {
      return this.#onward(this.#segment, frame.next, id)
    }
    return this.#seek(id)
  }

  #onward(segment: Segment, offset: number, id: number): PlacedDocument | Gap {
    try {
      return this.#walk(segment, offset, id)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      this.#log.list()
      return this.#seek(id)
    }
  }

  #inFrame(frame: Frame, id: number): PlacedDocument | Gap {
    if (id < this.#nextId) this.#rewind(frame)
    const { flags, time } = frame.header
    const end = frame.firstId + frame.header.count
    while (this.#at < frame.body.length) {
      const found = readDocument(frame.body, this.#at, { flags, time, firstId: this.#nextId, end })
      if (!found) break
      const { firstId, taken } = found.placed
      if (firstId > id) return this.#dropped(id, firstId - 1, frame.offset)
      this.#at = found.next
      this.#nextId = firstId + taken
      if (id >= this.#nextId) continue
      this.#placed = found.placed
      return found.placed
    }
    const last = end - 1
    if (frame.header.flags & SPARSE) return this.#dropped(id, last, frame.offset)
    return this.#gap(id, last, frame.offset, frame.next - frame.offset)
  }

  #rewind(frame: Frame): void {
    this.#at = readPreamble(frame.body, frame.header.flags).end
    this.#nextId = frame.firstId
  }

  #seek(id: number): PlacedDocument | Gap {
    for (let tries = 0; ; tries++) {
      const segment = this.#log.segmentOf(id)
      if (!segment) return this.#nothing(id)
      try {
        if (!this.#log.open(segment)) {
          if (this.#log.segments.includes(segment)) return this.#headless(segment, id)
          continue // It stood in the way of another, and does so no more.
        }
        const start = segment.index.before(id)?.offset ?? DATA_START
        return this.#walk(segment, start, id)
      } catch (error) {
        // Another process replaced or removed it since the folder was read.
        if (codeOf(error) !== 'ENOENT' || tries > 3) throw error
        this.#log.list()
      }
    }
  }

  /** Nothing in the segment that should hold the id says that it is one. */
  #headless(segment: Segment, id: number): Gap {
    const at = { segment: segment.base, offset: 0 }
    return { from: id, to: this.#idBehind(segment, id) - 1, at, bytes: segment.size(), segment }
  }

  /** No segment reaches down to the id. */
  #nothing(id: number): Gap {
    const next = this.#log.segments.find((segment) => segment.base > id)
    const to = (next?.base ?? this.#log.nextId) - 1
    return { from: id, to: Math.max(to, id), at: { segment: 0, offset: 0 }, bytes: 0, segment: undefined }
  }

  /** From a frame at `offset` on to the one that holds the id. */
  #walk(segment: Segment, offset: number, id: number): PlacedDocument | Gap {
    this.#enter(segment)
    const end = this.#endOf(segment)
    for (let at = offset; at < end; ) {
      const frame = this.#frames.readFor(segment, at, end, id)
      if (!frame) {
        if (this.#isBehind(segment, id)) return this.#seek(id)
        const next = this.#frames.resync(segment, at + 1, end, segment.base)
        if (!next || next.firstId > id)
          return this.#gap(id, (next?.firstId ?? this.#idBehind(segment, id)) - 1, at, (next?.offset ?? end) - at)
        at = next.offset
        continue
      }
      segment.index.add(frame.firstId, frame.offset)
      if (frame.firstId > id) return this.#isBehind(segment, id) ? this.#seek(id) : this.#outOfOrder(segment, frame, id)
      if (id < frame.firstId + frame.header.count) return this.#found(frame, id)
      at = frame.next
    }
    if (this.#isBehind(segment, id)) return this.#seek(id)
    if (segment.seal && id < segment.seal.nextId) return this.#dropped(id, segment.seal.nextId - 1, end)
    return this.#gap(id, this.#idBehind(segment, id) - 1, end, 0)
  }

  /** Another segment has the id, whatever stands here where frames should be. */
  #isBehind(segment: Segment, id: number): boolean {
    const holder = this.#log.segmentOf(id)
    return holder !== undefined && holder !== segment
  }

  /** A later frame came before that of the id, which may stand further on where damage put it. */
  #outOfOrder(segment: Segment, later: Frame, id: number): PlacedDocument | Gap {
    const end = this.#endOf(segment)
    for (let at = later.next; at < end; ) {
      const frame = this.#frames.readFor(segment, at, end, id)
      if (!frame) break
      if (frame.firstId <= id && id < frame.firstId + frame.header.count) return this.#found(frame, id)
      at = frame.next
    }
    return this.#dropped(id, later.firstId - 1, later.offset)
  }

  /** The first id behind a segment's end that is not `id` or before it. */
  #idBehind(segment: Segment, id: number): number {
    if (segment.seal && id < segment.seal.nextId) return segment.seal.nextId
    return this.#log.after(segment)?.base ?? Math.max(this.#log.nextId, id + 1)
  }

  #found(frame: Frame, id: number): PlacedDocument | Gap {
    this.#frame = frame
    this.#rewind(frame)
    return this.#inFrame(frame, id)
  }

  /** Segments that lie behind are closed: a long queue doesn't need many descriptors. */
  #enter(segment: Segment): void {
    const left = this.#segment
    this.#segment = segment
    if (left === segment) return
    this.#frame = undefined
    this.#placed = undefined
    if (left && left !== this.#log.tail && !left.dirty) left.close()
  }

  #endOf(segment: Segment): number {
    if (segment.seal) return segment.seal.end
    return segment === this.#log.tail ? segment.end : segment.file.size()
  }

  /** Only a rewrite leaves ids out between frames that hold. */
  #dropped(from: number, to: number, offset: number): Gap {
    return { ...this.#gap(from, to, offset, 0), dropped: (this.#segment?.rewrite ?? 0) > 0 }
  }

  #gap(from: number, to: number, offset: number, bytes: number): Gap {
    const segment = this.#segment
    return { from, to: Math.max(to, from), at: { segment: segment?.base ?? 0, offset }, bytes, segment }
  }
}
