// scan.ts: what opening reads under both locks: the log from synced-to on after another boot, in the same boot from the
// base of its last segment on; less what was read before and holds (ahead-scan.ts). What comes before is trusted until
// somebody wants it; what comes behind is checked frame by frame.
//
//    segments   1 ═══════▶ 7001 ═══════▶ 13950 ───────────────▶
//                                    from ┊ frame frame ✗ frame ✗✗✗
//                                         └─ scanned ─────────────┘
//
// Ids that turn out to be missing are gaps. The scan only reads, but that it seals what a power cut left unsealed.
// Where nothing from synced-to on is whole, the log ends with the last whole segment before it.

import { usedTo } from './ahead.ts'
import { goesOn } from './claims.ts'
import type { SyncedTo } from './cursor-state.ts'
import type { Gap } from './document-reader.ts'
import { FRAME_HEADER_BYTES, type FrameHeader, isBefore } from './frame.ts'
import { type Frame, FrameReader } from './frame-reader.ts'
import type { Log } from './log.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'

export interface Scanned {
  readonly gaps: readonly Gap[]
  /** Bytes behind the last frame that holds, which are none. */
  readonly tornBytes: number
  /** Segments by name, but nothing in them says so: they may go. */
  readonly unborn: readonly Unborn[]
}

export interface Unborn {
  readonly segment: Segment
  readonly bytes: number
}

export interface ScanOptions {
  /** How far the log was durable. */
  readonly synced: SyncedTo
  /** Where it begins. */
  readonly from: SyncedTo
  /** What was not durable may be missing, or there in part. */
  readonly wasCut: boolean
  /** It may stand among older bytes: the machine went down. */
  readonly wasDown: boolean
}

export function scan(log: Log, options: ScanOptions): Scanned {
  return new Scan(log, options).run()
}

class Scan {
  readonly #log: Log
  readonly #start: SyncedTo
  readonly #from: SyncedTo
  readonly #wasCut: boolean
  readonly #wasDown: boolean
  readonly #frames: FrameReader
  readonly #gaps: Gap[] = []
  readonly #unborn: Unborn[] = []
  #tornBytes = 0

  constructor(log: Log, { synced, from, wasCut, wasDown }: ScanOptions) {
    this.#log = log
    this.#start = synced
    this.#from = from
    this.#wasCut = wasCut
    this.#wasDown = wasDown
    this.#frames = new FrameReader(log.world.limits.readBytes)
  }

  run(): Scanned {
    const { segment } = this.#from.position
    let before: Segment | undefined
    for (const each of this.#bornFrom(segment)) {
      if (before) this.#between(before, each)
      this.#segment(each)
      before = each
    }
    before ??= this.#lastEarlier()
    if (before) this.#sealLast(before)
    this.#atEnd()
    return { gaps: this.#gaps, tornBytes: this.#tornBytes, unborn: this.#unborn }
  }

  /** What is no segment is passed over; then one may come to light that it hid. */
  #bornFrom(base: number): Segment[] {
    for (;;) {
      const late = this.#log.segments.filter((segment) => segment.base >= base)
      if (late.every((segment) => this.#isBorn(segment))) return late
    }
  }

  /** No frame in an unborn one has a header to belong to: nobody was told of it, or damage took it whole. */
  #isBorn(segment: Segment): boolean {
    const isDamage = isBefore({ segment: segment.base, offset: 0 }, this.#start.position)
    // Without a header that holds, the frames may be those of whatever stood in these blocks before.
    if (this.#log.open(segment) && (isDamage || !this.#wasDown || !segment.isGuessed)) return true
    const bytes = segment.size()
    this.#unborn.push({ segment, bytes })
    if (!isDamage && !segment.isForeign) this.#tornBytes += Math.max(0, bytes - DATA_START)
    this.#log.drop(segment)
    return false
  }

  /** What was trusted so far: its seal says where it ends, and where that rotted its frames do. */
  #lastEarlier(): Segment | undefined {
    for (let tail = this.#log.tail; tail; tail = this.#log.tail) {
      if (!this.#isBorn(tail)) continue
      if (!tail.seal) this.#segment(tail)
      return tail
    }
    return
  }

  #segment(segment: Segment): void {
    // What is read after another boot comes from the medium.
    if (this.#wasCut) segment.heardFrom = 0
    if (segment.rewrite > 0 && segment.seal) return
    const { position, nextId } = this.#from
    const { asideEnd, asideCount } = segment.header
    if (segment.base === position.segment && position.offset > Math.max(DATA_START, asideEnd)) {
      if (segment.size() < position.offset) return this.#cutOff(segment)
      segment.end = position.offset
      segment.nextId = nextId
    } else {
      // What was synced before the segment had its name is trusted like all that was.
      segment.end = Math.max(DATA_START, asideEnd)
      segment.nextId = segment.base + asideCount
    }
    this.#frame(segment)
  }

  #frame(segment: Segment): void {
    const end = segment.seal?.end ?? segment.size()
    while (segment.end < end) {
      const at = segment.end
      const frame = this.#next(segment, at, end)
      if (!frame) break
      if (frame.firstId > segment.nextId || this.#isLie(segment, at, frame.offset)) {
        this.#gap(segment, frame.firstId - 1, frame.offset - at)
      }
      this.#log.advance(segment, frame)
    }
    if (segment.seal) this.#upTo(segment, segment.seal.end, segment.seal.nextId)
    else this.#behind(segment, end)
  }

  /** The frame at a place where one should stand, or the first one behind it that may go on from here. */
  #next(segment: Segment, at: number, end: number): Frame | undefined {
    let frame = this.#frames.read(segment, at, end) ?? this.#frames.resync(segment, at + 1, end, segment.nextId)
    while (frame && !goesOn(segment, segment.nextId, frame.firstId, frame.offset - at)) {
      frame = this.#frames.resync(segment, frame.offset + 1, end, segment.nextId)
    }
    return frame
  }

  /** No crash leaves a frame whose checksums hold and that can't be true. */
  #isLie(segment: Segment, at: number, next: number): boolean {
    return next > at && this.#frames.lieAt(segment, at, next) > 0
  }

  /** What stands behind the last frame: zeros are room for the next. */
  #behind(segment: Segment, end: number): void {
    const used = usedTo(segment, segment.end, end)
    const lie = this.#frames.lieAt(segment, segment.end, end)
    if (lie > 0) return this.#lied(segment, lie)
    const last = this.#wasCut ? undefined : this.#frames.header(segment, segment.end, used)
    // A process that dies leaves the beginning of what it wrote: where all of it is there, it was whole once.
    if (last && goesOn(segment, segment.nextId, segment.base + last.relativeId, 0)) return this.#rotted(segment, last)
    const tornBytes = used - segment.end
    this.#tornBytes += tornBytes
    segment.torn = tornBytes > 0
  }

  /** The last frame, whose header holds and whose body doesn't. */
  #rotted(segment: Segment, { relativeId, count, bodyBytes }: FrameHeader): void {
    const size = FRAME_HEADER_BYTES + bodyBytes
    const nextId = segment.base + relativeId + count
    this.#gap(segment, nextId - 1, size)
    segment.end += size
    segment.nextId = nextId
    segment.torn = true
  }

  /** The last frame holds and can't be true: the segment ends before it. */
  #lied(segment: Segment, bytes: number): void {
    this.#gap(segment, segment.nextId - 1, bytes, true)
    segment.torn = true
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
    const nextId = known?.nextId ?? this.#from.nextId
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
    if (before.nextId < next.base) this.#gaps.push(this.#missing(before, next.base - 1))
  }

  #sealLast(last: Segment): void {
    if (last.torn) last.writeSeal()
  }

  /** The log ends before an id that is known to have been durable: its last segments are missing. */
  #atEnd(): void {
    const { nextId, position } = this.#start
    if (this.#log.nextId >= nextId) return
    const at = { segment: Math.max(0, position.segment - 1), offset: 0 }
    this.#gaps.push({ ...this.#missing(undefined, nextId - 1), from: this.#log.nextId, at })
    this.#log.minimumBase = nextId
  }

  /** Ids behind a segment, which an unborn one should hold, if there is one. */
  #missing(before: Segment | undefined, to: number): Gap {
    const from = before?.nextId ?? 0
    const unborn = this.#unborn.find(({ segment }) => segment.base >= from && segment.base <= to)
    if (unborn) return { from, to, at: { segment: unborn.segment.base, offset: 0 }, ...unborn }
    const at = { segment: before?.base ?? 0, offset: before?.end ?? 0 }
    return { from, to, at, bytes: 0, segment: before }
  }

  #gap(
    segment: Segment,
    to: number,
    bytes: number,
    isLie = this.#isLie(segment, segment.end, segment.end + bytes),
  ): void {
    const at = { segment: segment.base, offset: segment.end }
    this.#gaps.push({ from: segment.nextId, to, at, bytes, segment, isLie })
    segment.gaps.push({ from: segment.end, to: segment.end + bytes })
  }
}
