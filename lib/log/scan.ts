// scan.ts: what opening reads: the log from synced-to on. Everything before it was durable and is trusted until somebody
// wants it; everything behind it is checked frame by frame.
//
//    segments   1 ═══════▶ 7001 ═══════▶ 13950 ───────────────▶
//                              synced-to ┊ frame frame ✗ frame ✗✗✗
//                                        └─ scanned ─────────────┘
//
// Ids that turn out to be missing are gaps. The scan only reads, but that it seals what a power cut left unsealed.

import type { SyncedTo } from './cursor-state.ts'
import type { Gap } from './document-reader.ts'
import { FrameReader } from './frame-reader.ts'
import type { Log } from './log.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'

export interface Scanned {
  readonly gaps: readonly Gap[]
  /** Bytes behind the last frame that holds, which are none. */
  readonly tornBytes: number
}

/** `start`: how far the log was durable. */
export function scan(log: Log, start: SyncedTo): Scanned {
  return new Scan(log, start).run()
}

class Scan {
  readonly #log: Log
  readonly #start: SyncedTo
  readonly #frames: FrameReader
  readonly #gaps: Gap[] = []
  #tornBytes = 0

  constructor(log: Log, start: SyncedTo) {
    this.#log = log
    this.#start = start
    this.#frames = new FrameReader(log.world.limits.readBytes)
  }

  run(): Scanned {
    const { segment } = this.#start.position
    const first = this.#log.segments.findIndex(({ base }) => base >= segment)
    let before: Segment | undefined
    for (const each of first < 0 ? [] : this.#log.segments.slice(first)) {
      if (!this.#log.open(each)) {
        this.#unborn(each)
        continue
      }
      if (before) this.#between(before, each)
      this.#segment(each)
      before = each
    }
    if (before) this.#sealLast(before)
    this.#atEnd()
    return { gaps: this.#gaps, tornBytes: this.#tornBytes }
  }

  /** No frame in it has a header to belong to: nobody was told of it, or damage took it whole. */
  #unborn(segment: Segment): void {
    this.#tornBytes += Math.max(0, segment.size() - DATA_START)
    this.#log.drop(segment)
  }

  #segment(segment: Segment): void {
    if (segment.rewrite > 0 && segment.seal) return
    const { position, nextId } = this.#start
    if (segment.base === position.segment && position.offset > DATA_START) {
      if (segment.size() < position.offset) return this.#cutOff(segment)
      segment.end = position.offset
      segment.nextId = nextId
    } else {
      segment.end = DATA_START
      segment.nextId = segment.base
    }
    this.#frame(segment)
  }

  #frame(segment: Segment): void {
    const end = segment.seal?.end ?? segment.size()
    while (segment.end < end) {
      const at = segment.end
      const found = this.#frames.read(segment, at, end)
      const frame = found && found.firstId >= segment.nextId ? found : this.#frames.resync(segment, at + 1, end, segment.nextId)
      if (!frame) break
      if (frame.firstId > segment.nextId) this.#gap(segment, frame.firstId - 1, frame.offset - at)
      this.#log.advance(segment, frame)
    }
    if (segment.seal) this.#upTo(segment, segment.seal.end, segment.seal.nextId)
    else if (segment.end < end) this.#tornBytes += end - segment.end
    segment.torn = !segment.seal && segment.end < end
  }

  /** The frames ended before the place that is known: what is missing is a gap. */
  #upTo(segment: Segment, end: number, nextId: number): void {
    if (segment.nextId < nextId) this.#gap(segment, nextId - 1, end - segment.end)
    segment.end = end
    segment.nextId = nextId
  }

  /** The file is shorter than what was known to be durable. All that is left of it is read again. */
  #cutOff(segment: Segment): void {
    segment.end = DATA_START
    segment.nextId = segment.base
    const known = segment.seal
    segment.seal = undefined
    this.#frame(segment)
    const nextId = known?.nextId ?? this.#start.nextId
    if (segment.nextId < nextId) this.#gap(segment, nextId - 1, 0)
    segment.nextId = Math.max(segment.nextId, nextId)
    segment.seal = known
    segment.torn = true
  }

  #between(before: Segment, next: Segment): void {
    if (!before.seal) {
      // The work of a power cut: no running process knows it as its tail, and the successor rules.
      before.writeSeal()
      before.torn = false
    }
    if (before.nextId < next.base) this.#gap(before, next.base - 1, 0)
  }

  #sealLast(last: Segment): void {
    if (last.torn) last.writeSeal()
  }

  /** The log ends before an id that is known to have been durable: its last segments are missing. */
  #atEnd(): void {
    const { nextId, position } = this.#start
    if (this.#log.nextId >= nextId) return
    const from = this.#log.nextId
    const at = { segment: Math.max(0, position.segment - 1), offset: 0 }
    this.#gaps.push({ from, to: nextId - 1, at, bytes: 0, segment: undefined })
    this.#log.minimumBase = nextId
  }

  #gap(segment: Segment, to: number, bytes: number): void {
    const at = { segment: segment.base, offset: segment.end }
    this.#gaps.push({ from: segment.nextId, to, at, bytes, segment })
  }
}
