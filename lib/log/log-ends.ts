// log-ends.ts: where the log ends, told by one handle to the next that gets append.lock. Among many that put all the time
// each would else read all that the others put, only to learn where its own next frame goes.
//
//    segment    ═══ known ═══┬── plain frames of others ──┬───────┐
//                            └────────── skipped ─────────│ last  │ end
//                                                         └───────┘ read, and it has to hold
//
// A frame that says more than which items it holds is never skipped. What is skipped is read by who takes those items.

import { checksumOf } from './bytes.ts'
import { DUE, FRAME_HEADER_BYTES, REPLACES, RETRIES, readFrameHeader } from './frame.ts'
import type { Frame } from './frame-reader.ts'
import type { LogEnd } from './lock-line.ts'
import type { Segment } from './segment-file.ts'

/** Less is read at once, and is at hand then for who takes it. */
const LEAST_BYTES = 16 << 10
const MOST_LAST_BYTES = 64 << 10

/** What a handle shares with others, as far as the log needs it. */
export interface Sharing {
  end: () => LogEnd | undefined
  toldEnd(): LogEnd | undefined
}

export class LogEnds {
  #sharing: Sharing | undefined
  #segment: Segment | undefined
  #plainFrom = 0
  #last = 0

  /** From now on, of the handle's own log, where what was missed says nothing that it has to know. */
  share(sharing: Sharing): void {
    this.#sharing = sharing
    sharing.end = () => this.#end()
  }

  /** A frame that holds is about to stand at the segment's known end. */
  met(segment: Segment, frame: Frame): void {
    if (segment !== this.#segment) {
      this.#segment = segment
      this.#plainFrom = frame.offset
    }
    if (isMore(frame)) this.#plainFrom = frame.next
    this.#last = frame.offset
  }

  #end(): LogEnd | undefined {
    const segment = this.#segment
    if (!segment || segment.seal || segment.torn || segment.end <= this.#last) return
    return {
      base: segment.base,
      end: segment.end,
      nextId: segment.nextId,
      last: this.#last,
      plainFrom: this.#plainFrom,
    }
  }

  /** Under append.lock. */
  skip(tail: Segment): void {
    const told = this.#sharing?.toldEnd()
    if (!told || told.base !== tail.base || tail !== this.#segment || tail.seal || tail.torn) return
    if (told.end - tail.end < LEAST_BYTES || told.plainFrom > tail.end || !holds(tail, told)) return
    tail.index.add(told.nextId, told.end)
    tail.end = told.end
    tail.nextId = told.nextId
    this.#last = told.last
  }
}

/** The last frame stands where it is told to. */
function holds(tail: Segment, { end, last, nextId }: LogEnd): boolean {
  const length = end - last
  if (last < tail.end || length < FRAME_HEADER_BYTES || length > MOST_LAST_BYTES) return false
  const bytes = Buffer.alloc(length)
  if (tail.file.read(bytes, 0, length, last) < length) return false
  const header = readFrameHeader(bytes, 0, length, tail.header.nonce)
  if (!header || FRAME_HEADER_BYTES + header.bodyBytes !== length) return false
  if (tail.base + header.relativeId + header.count !== nextId) return false
  return checksumOf(bytes.subarray(FRAME_HEADER_BYTES)) === header.bodyCrc
}

/** It says more than which items it holds. */
export function isMore({ header }: Frame): boolean {
  return (header.flags & (DUE | REPLACES | RETRIES)) !== 0
}
