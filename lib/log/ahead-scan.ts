// ahead-scan.ts: what opening reads before it takes any lock, so that nobody stands still for it. It proves only what holds.
//
//    from ═ frame ═ frame ═ frame ═ ✗ ┊ from here on all is read again under both locks (scan.ts), and judged there
//                                     └ a frame that another process writes just now looks like one that rotted
//
// It repeats until little has come meanwhile. Nothing is sealed, recorded, dropped for good or removed here.

import { codeOf } from '../disk/disk.ts'
import { turn, turnDue } from '../wait/turn.ts'
import type { SyncedTo } from './cursor-state.ts'
import { FrameReader } from './frame-reader.ts'
import type { Log } from './log.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'

/** What is read under the locks takes half a millisecond then. */
const LITTLE_BYTES = 1 << 20

/** How far all that stands in the log from `from` on holds. */
export async function scanAhead(log: Log, from: SyncedTo): Promise<SyncedTo> {
  const ahead = new AheadScan(log, from)
  for (;;) {
    const { bytes } = ahead
    if (!(await ahead.goOn()) || ahead.bytes - bytes < LITTLE_BYTES) return ahead.place
  }
}

class AheadScan {
  place: SyncedTo
  bytes = 0
  readonly #log: Log
  readonly #frames: FrameReader

  constructor(log: Log, from: SyncedTo) {
    this.#log = log
    this.place = from
    this.#frames = new FrameReader(log.world.limits.readBytes)
  }

  /** False where something doesn't hold. */
  async goOn(): Promise<boolean> {
    const log = this.#log
    log.list()
    const first = this.place.position.segment
    for (const segment of log.segments.filter(({ base }) => base >= first)) {
      if (!this.#opens(segment) || !(await this.#segment(segment))) return false
      // Behind one without a seal comes what a power cut left.
      if (!segment.seal) return segment === log.tail
    }
    return true
  }

  #opens(segment: Segment): boolean {
    if (segment.base > this.place.position.segment && segment.base !== this.place.nextId) return false
    if (this.#log.openIfThere(segment) && !segment.isGuessed) return true
    // Its creator may be about to make it whole: what is known of it now is worth nothing under the locks.
    this.#log.drop(segment)
    return false
  }

  async #segment(segment: Segment): Promise<boolean> {
    const { position, nextId } = this.place
    const isFirst = segment.base === position.segment
    if (segment.rewrite > 0 && segment.seal) return this.#at(segment, segment.seal)
    const known = { end: segment.header.asideEnd, nextId: segment.base + segment.header.asideCount }
    const start = known.end > DATA_START ? known : { end: DATA_START, nextId: segment.base }
    const from = isFirst && position.offset > start.end ? { end: position.offset, nextId } : start
    segment.end = from.end
    segment.nextId = from.nextId
    this.#at(segment, from)
    const end = segment.seal?.end ?? segment.size()
    this.#frames.discard()
    for (let frame = this.#next(segment, end); frame; frame = this.#next(segment, end)) {
      this.#log.advance(segment, frame)
      this.bytes += frame.next - frame.offset
      this.#at(segment, segment)
      if (turnDue()) await turn()
    }
    return !segment.seal || (segment.end === segment.seal.end && segment.nextId === segment.seal.nextId)
  }

  #next(segment: Segment, end: number): ReturnType<FrameReader['read']> {
    try {
      const frame = this.#frames.read(segment, segment.end, end)
      return frame && frame.firstId === segment.nextId ? frame : undefined
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error
    }
  }

  #at({ base }: Segment, { end, nextId }: { readonly end: number; readonly nextId: number }): true {
    this.place = { position: { segment: base, offset: end }, nextId }
    return true
  }
}
