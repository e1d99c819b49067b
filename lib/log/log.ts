// log.ts: the append-only log as this handle knows it: its segments, and where it ends. Opening, learning what other
// processes wrote and repairing after a crash are one routine, `refresh`.
//
//    segments   1 ══sealed══▶ 7001 ══sealed══▶ 13950 ══▶ end
//                      synced-to ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┘
//
// `refresh` may be called under any lock or none: it only reads, and takes a frame that isn't whole for the end.
// `prepare` and `write` are for the holder of append.lock. Nothing is ever written behind a seal or over bytes that
// are no frame: then the log goes on in a new segment.

import { codeOf, type DiskFile } from '../disk/disk.ts'
import { checkIds } from '../ids.ts'
import { fillAhead } from './ahead.ts'
import { FRAME_HEADER_BYTES, REPLACES, RETRIES, writeFrameHeader } from './frame.ts'
import type { Frame } from './frame-reader.ts'
import { isMore, LogEnds } from './log-ends.ts'
import { Newcomers } from './newcomers.ts'
import { DATA_START, type SegmentHeader, writeHeader } from './segment.ts'
import type { Segment } from './segment-file.ts'
import type { LogWorld } from './segment-list.ts'
import { type LogLock, SyncedLog } from './synced-log.ts'
import type { Unrecorded } from './unrecorded.ts'
import { Windows } from './windows.ts'

export type { LogWorld }

/** A frame without its ids: built, and its body summed, before the lock is taken. */
export interface Draft {
  /** Room for the header, then the body. */
  readonly bytes: Buffer
  readonly bodyCrc: number
  readonly count: number
  readonly flags: number
}

/** A frame's header has 32 bits for it. */
const MOST_RELATIVE_ID = 2 ** 31

export class Log extends SyncedLog {
  readonly windows: Windows
  /** The next segment's base is at least this. */
  minimumBase = 1
  /** Frames met that say more than which items they hold: the journal may not know it yet. */
  unrecorded: Unrecorded[] = []
  codec = ''
  /** The start of the machine, as `joined` names it. */
  boot = 0
  segmentBytes: number
  /** Zeros that are written ahead of the frames at once, at most; 0: none. */
  aheadBytes = 0
  #asides = 0

  readonly #newcomers: Newcomers
  /** The lock's, when all was read that stood there. */
  #epoch = -1
  /** By whom it learns where the log ends, where it need not know what it has missed (log-end.ts). */
  readonly ends = new LogEnds()

  constructor(folder: string, world: LogWorld, segmentBytes: number, lock?: LogLock) {
    super(folder, world, lock)
    this.segmentBytes = segmentBytes
    this.windows = new Windows(world.limits.arenaBytes)
    this.#newcomers = new Newcomers(this.windows, world.limits.readBytes)
  }

  /** The id that the next item gets, as far as known. */
  get nextId(): number {
    return Math.max(this.tail?.nextId ?? 1, this.minimumBase)
  }

  /** A number for the name of what is in the making, a large batch or a rewrite: another one each time. */
  newAside(): number {
    this.#asides += 1
    return this.#asides
  }

  /** Begins once more with what was met so far, and lists the folder. */
  again(met: readonly Unrecorded[]): void {
    this.minimumBase = 1
    this.unrecorded = [...met]
    this.listAll()
  }

  /** Learns what was appended since, by whomever. */
  refresh(): void {
    for (let tail = this.#openTail(); tail; tail = this.#next(tail)) this.#readTail(tail)
  }

  /** What was listed and never opened another process may have removed since: it knew of a later one. */
  #openTail(): Segment | undefined {
    if (this.tail?.isOpen) return this.tail
    if (!this.tail) this.list()
    for (let tail = this.tail; tail && !this.openIfThere(tail); tail = this.tail) {
      const isGone = !tail.isOpen
      this.drop(tail)
      if (isGone) this.list()
    }
    return this.tail
  }

  #readTail(tail: Segment): void {
    if (tail.seal) return
    tail.torn = this.#newcomers.read(tail, (frame) => this.#met(tail, frame))
    tail.met()
  }

  #met(tail: Segment, frame: Frame): void {
    this.advance(tail, frame)
    // Its writer may die before its sync; what it replaces is settled when the frame is durable, and not before.
    if (isReplacing(frame)) this.makeDurable(tail).catch(ignore)
  }

  /** A frame that holds stands at the segment's known end. */
  advance(segment: Segment, frame: Frame, isOwn = false): void {
    if (isMore(frame)) {
      this.unrecorded.push({ segment, frame, isOwn: isOwn && isReplacing(frame) })
    }
    this.ends.met(segment, frame)
    segment.index.add(frame.firstId, frame.offset)
    segment.end = frame.next
    segment.nextId = frame.firstId + frame.header.count
    this.learnSynced(frame.header.syncedTo)
  }

  /** The tail behind a sealed one. A seal without a successor is no error: whoever wants to append makes it. */
  #next(sealed: Segment): Segment | undefined {
    if (!sealed.readSeal()) return
    const isEmpty = sealed.end === DATA_START
    // An empty one is replaced under its own name: what is there now has to be opened anew.
    if (isEmpty) this.drop(sealed)
    this.list()
    const again = this.tail
    if (isEmpty && again?.base === sealed.base) return this.open(again) && !again.seal ? again : undefined
    for (let tail = this.tail; tail && tail.base > sealed.base; tail = this.tail) {
      if (this.open(tail)) return tail
      this.drop(tail)
    }
    return
  }

  /** Under append.lock: a tail that a frame may be written to. `wanted`: bytes about to be written. */
  prepare(): Segment {
    if (this.lock === undefined || this.lock.epoch !== this.#epoch) {
      if (this.tail?.isOpen) this.ends.skip(this.tail)
      this.refresh()
    }
    this.#epoch = this.lock?.epoch ?? 0
    const tail = this.tail
    if (!tail || this.#isDone(tail)) return this.roll()
    return tail
  }

  #isDone(tail: Segment): boolean {
    if (tail.seal || tail.badSeal || tail.torn || tail.poisoned || this.pendingVoids.length > 0) return true
    if (tail.nextId < this.minimumBase || tail.header.boot !== this.boot) return true
    if (tail.nextId - tail.base >= MOST_RELATIVE_ID) return true
    return tail.end >= this.#fullAt(tail)
  }

  /** Where the next segment begins. */
  #fullAt(tail: Segment): number {
    return DATA_START + (tail.header.limit || this.segmentBytes)
  }

  /** Under append.lock: seals the tail and goes on in a new segment. */
  roll(): Segment {
    const tail = this.tail
    if (tail && !tail.seal) tail.writeSeal()
    return this.create(this.nextId)
  }

  /** Under append.lock: a new, empty tail. */
  create(base: number): Segment {
    const segment = this.named({ base, rewrite: 0 })
    const header = this.header(base)
    const file = this.createFile(segment)
    try {
      file.write(writeHeader(header), 0)
    } catch (error) {
      file.close()
      this.world.disk.unlink(segment.path)
      throw error
    }
    segment.adopt(file, header)
    this.#push(segment)
    return segment
  }

  /** Under append.lock: a file whose frames are synced takes its name as the new tail. */
  joined(path: string, file: DiskFile, header: SegmentHeader): Segment {
    const segment = this.named({ base: header.base, rewrite: 0 })
    const replaced = this.segments.find(({ base }) => base === header.base)
    this.world.disk.rename(path, segment.path)
    if (replaced) this.drop(replaced)
    segment.adopt(file, header)
    if (header.asideEnd > 0) {
      segment.end = header.asideEnd
      segment.nextId = header.base + header.asideCount
    }
    segment.dirty = true
    this.#push(segment)
    if (header.asideEnd > 0) return segment
    this.#meet()
    for (const met of this.unrecorded) met.isOwn ||= met.segment === segment && isReplacing(met.frame)
    return segment
  }

  /** Frames that say more than their items are met like anybody's: what can't be read now, by the next step. */
  #meet(): void {
    try {
      this.refresh()
    } catch (error) {
      if (codeOf(error) === '') throw error
      this.#epoch = -1
    }
  }

  #push(segment: Segment): void {
    this.segments.push(segment)
    for (const each of this.closedVoids()) this.learnVoid(each)
    this.pendingVoids = []
    if (this.segments.length > 1) this.onPassed()
  }

  header(base: number): SegmentHeader {
    return {
      base,
      rewrite: 0,
      nonce: this.world.random(),
      made: this.world.now(),
      asideEnd: 0,
      asideCount: 0,
      items: 0,
      limit: this.segmentBytes,
      codec: this.codec,
      voids: this.closedVoids(),
      boot: this.boot,
    }
  }

  /** Under append.lock, behind `prepare`: writes the frame, and says which id it begins with. */
  write(tail: Segment, draft: Draft): number {
    const firstId = tail.nextId
    checkIds(firstId, draft.count, this.folder)
    tail.met()
    const header = {
      bodyCrc: draft.bodyCrc,
      bodyBytes: draft.bytes.length - FRAME_HEADER_BYTES,
      count: draft.count,
      flags: draft.flags,
      relativeId: firstId - tail.base,
      nonce: tail.header.nonce,
      time: this.world.now(),
      syncedTo: this.syncedTo,
    }
    writeFrameHeader(draft.bytes, 0, header)
    const offset = tail.end
    if (this.aheadBytes > 0) {
      fillAhead(tail, draft.bytes.length, { most: this.aheadBytes, fullAt: this.#fullAt(tail) })
    }
    try {
      tail.file.write(draft.bytes, offset)
    } catch (error) {
      this.#cutBack(tail)
      throw error
    }
    tail.dirty = true
    this.windows.commit(tail, offset, draft.bytes)
    const body = draft.flags === 0 ? NO_BODY : draft.bytes.subarray(FRAME_HEADER_BYTES)
    this.advance(tail, { header, firstId, offset, next: offset + draft.bytes.length, body }, true)
    return firstId
  }

  /** What a failed write left is cut off; where even that fails, nothing is written behind it. */
  #cutBack(tail: Segment): void {
    tail.filledTo = Infinity
    try {
      tail.file.truncate(tail.end)
    } catch {
      tail.torn = true
    }
  }
}

/** Of a frame that says no more than its items, which nobody asks for here. */
const NO_BODY = Buffer.alloc(0)

function isReplacing({ header }: Frame): boolean {
  return (header.flags & (REPLACES | RETRIES)) !== 0
}

function ignore(): void {}
