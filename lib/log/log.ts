// log.ts: the append-only log as this handle knows it: its segments, and where it ends. Opening, learning what other
// processes wrote and repairing after a crash are one routine, `refresh`.
//
//    segments   1 ══sealed══▶ 7001 ══sealed══▶ 13950 ══▶ end
//                      synced-to ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┘
//
// `refresh` may be called under any lock or none: it only reads, and takes a frame that isn't whole for the end.
// `prepare` and `write` are for the holder of append.lock. Nothing is ever written behind a seal or over bytes that
// are no frame: then the log goes on in a new segment.

import { codeOf, type Disk, type DiskFile } from '../disk/disk.ts'
import { Gate } from '../wait/gate.ts'
import type { Known } from './classify.ts'
import { DUE, FRAME_HEADER_BYTES, isBefore, type Position, REPLACES, RETRIES, START, writeFrameHeader } from './frame.ts'
import { type Frame, FrameReader } from './frame-reader.ts'
import { type SegmentName, segmentName, segmentsOf } from './layout.ts'
import type { Limits } from './limits.ts'
import { DATA_START, readHeader, readSeal, SEAL_AT, type SegmentHeader, type Void, writeHeader } from './segment.ts'
import { Segment } from './segment-file.ts'
import type { SyncedTo } from './cursor-state.ts'
import { Windows } from './windows.ts'

export interface LogWorld {
  readonly disk: Disk
  readonly limits: Limits
  readonly random: () => number
  readonly now: () => number
}

/** A frame without its ids: built, and its body summed, before the lock is taken. */
export interface Draft {
  /** Room for the header, then the body. */
  readonly bytes: Buffer
  readonly bodyCrc: number
  readonly count: number
  readonly flags: number
}

export class Log {
  readonly folder: string
  readonly windows: Windows
  /** By base; the last one is the tail. */
  segments: Segment[] = []
  /** Frames whose sync failed, which no segment's header tells of yet: the next step rolls. */
  pendingVoids: Void[] = []
  /** What the headers met so far tell of frames whose sync failed. */
  readonly voids: Void[] = []
  /** The next segment's base is at least this. */
  minimumBase = 1
  /** Frames met that say more than which items they hold: the journal may not know it yet. */
  unrecorded: Frame[] = []
  codec = ''
  segmentBytes: number
  readonly folderGate: Gate
  readonly world: LogWorld

  #syncedTo: Position = START
  #reader: FrameReader
  readonly #probe = Buffer.alloc(16)

  constructor(folder: string, world: LogWorld, segmentBytes: number) {
    this.folder = folder
    this.world = world
    this.segmentBytes = segmentBytes
    this.windows = new Windows(world.limits.arenaBytes)
    this.#reader = new FrameReader(world.limits.readBytes)
    this.folderGate = new Gate(() => this.#syncFolder())
  }

  get tail(): Segment | undefined {
    return this.segments.at(-1)
  }

  /** The id that the next item gets, as far as known. */
  get nextId(): number {
    return Math.max(this.tail?.nextId ?? 1, this.minimumBase)
  }

  get known(): Known {
    const tail = this.tail
    const verifiedTo = tail ? { segment: tail.base, offset: tail.end } : START
    return { syncedTo: this.#syncedTo, verifiedTo, voids: this.voids }
  }

  get syncedTo(): Position {
    return this.#syncedTo
  }

  /** Somebody told that the log is durable up to here. */
  learnSynced(position: Position): void {
    if (isBefore(this.#syncedTo, position)) this.#syncedTo = position
  }

  /** Forgets all, and lists the folder. */
  reset(): void {
    this.unrecorded = []
    for (const segment of this.segments) segment.close()
    this.segments = []
    this.list()
  }

  /** Reads the folder anew: segments that are new, rewritten or gone. What is known of the others stays. */
  list(): void {
    const { current } = segmentsOf(this.world.disk.list(this.folder))
    const known = new Map(this.segments.map((segment) => [segmentName(segment), segment]))
    const tail = this.tail
    const listed = current.map((name) => known.get(segmentName(name)) ?? this.#named(name))
    for (const segment of this.segments) if (!listed.includes(segment) && segment !== tail) segment.close()
    this.segments = listed
    // A tail that others have passed and unlinked: what it says still holds.
    if (tail && listed.every((segment) => segment.base < tail.base)) this.segments.push(tail)
  }

  #named(name: { base: number; rewrite: number }): Segment {
    return new Segment(this.world.disk, this.folder, name, this.world.limits.indexBytes)
  }

  /** The segment that holds the id, if one does. */
  segmentOf(id: number): Segment | undefined {
    let low = 0
    let high = this.segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.segments[middle]?.base ?? 0) <= id) low = middle + 1
      else high = middle
    }
    return this.segments[low - 1]
  }

  /** The segment behind a segment. */
  after(segment: Segment): Segment | undefined {
    return this.segments.find((each) => each.base > segment.base)
  }

  /** Learns what was appended since, by whomever. */
  refresh(): void {
    for (let tail = this.tail ?? this.#first(); tail; tail = this.#next(tail)) this.#readTail(tail)
  }

  #first(): Segment | undefined {
    this.list()
    while (this.tail && !this.open(this.tail)) this.segments.pop()
    return this.tail
  }

  #readTail(tail: Segment): void {
    if (tail.seal) return
    if (tail.file.read(this.#probe, 0, 1, tail.end) === 0) {
      tail.torn = false
      return
    }
    this.#reader.discard()
    const end = tail.file.size()
    for (let frame = this.#reader.read(tail, tail.end, end); frame; frame = this.#reader.read(tail, tail.end, end)) {
      if (frame.firstId < tail.nextId) break
      this.#met(tail, frame)
    }
    tail.torn = tail.end < end
  }

  #met(tail: Segment, frame: Frame): void {
    const size = frame.next - frame.offset
    if (size <= this.world.limits.arenaBytes / 4) {
      const copy = this.windows.reserve(size)
      writeFrameHeader(copy, 0, frame.header)
      frame.body.copy(copy, FRAME_HEADER_BYTES)
      this.windows.commit(tail, frame.offset, copy)
    }
    this.advance(tail, frame)
  }

  /** A frame that holds stands at the segment's known end. */
  advance(segment: Segment, frame: Frame): void {
    if (frame.header.flags & (DUE | REPLACES | RETRIES)) this.unrecorded.push(frame)
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
    if (isEmpty) this.#forget(sealed)
    this.list()
    const again = this.tail
    if (isEmpty && again?.base === sealed.base) return this.open(again) && !again.seal ? again : undefined
    for (let tail = this.tail; tail && tail.base > sealed.base; tail = this.tail) {
      if (this.open(tail)) return tail
      this.segments.pop()
    }
    return
  }

  #forget(segment: Segment): void {
    segment.close()
    this.segments = this.segments.filter((each) => each !== segment)
  }

  /** No longer part of the log: unlinked, or never whole. */
  drop(segment: Segment): void {
    this.#forget(segment)
  }

  /** True where the segment of this base is whole, so that it may rule. */
  holds(base: number): boolean {
    const segment = this.segments.find((each) => each.base === base)
    return segment !== undefined && this.openIfThere(segment)
  }

  /** Under append.lock: removes what was found to be no segment, unless it has become one since. */
  removeUnborn(name: SegmentName): void {
    const segment = this.#named(name)
    if (!this.openIfThere(segment) && segment.isOpen) this.world.disk.unlink(segment.path)
    segment.close()
  }

  /** Opens a segment of the list; false where nothing makes it one: its creator died, or damage took its head. */
  open(segment: Segment): boolean {
    if (segment.isOpen) return segment.isWhole
    const isWhole = segment.open()
    // Nobody appends to one that another follows, so it ends there though it doesn't say so.
    const next = segment.seal ? undefined : this.after(segment)
    if (next) segment.presume(next.base)
    if (!isWhole) return false
    for (const each of segment.header.voids) this.#learnVoid(each)
    return true
  }

  /** As `open`; false, too, where another process removed or replaced it meanwhile. */
  openIfThere(segment: Segment): boolean {
    try {
      return this.open(segment)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
  }

  /** What stands under the segment's name now, in bytes. */
  sizeOf(segment: Segment): number {
    try {
      const file = this.world.disk.open(segment.path, 'read')
      const size = file.size()
      file.close()
      return size
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return 0
      throw error
    }
  }

  /** True where nothing is ever appended to the segment again. Without a head of its own it may be. */
  isOver(segment: Segment): boolean {
    const isThere = this.openIfThere(segment) || segment.isOpen
    if (!isThere) return false
    const next = this.after(segment)
    // It may have been open since before it was sealed: what was appended meanwhile is known by the seal alone.
    if (segment.isWhole) segment.readSeal()
    if (next && !segment.seal) segment.presume(next.base)
    return segment.seal !== undefined || next !== undefined
  }

  #learnVoid(each: Void): void {
    const isKnown = this.voids.some(({ segment, from }) => segment === each.segment && from === each.from)
    if (!isKnown) this.voids.push(each)
  }

  /** Under append.lock: a tail that a frame may be written to. `wanted`: bytes about to be written. */
  prepare(): Segment {
    this.refresh()
    const tail = this.tail
    if (!tail || this.#isDone(tail)) return this.roll()
    return tail
  }

  #isDone(tail: Segment): boolean {
    if (tail.seal || tail.badSeal || tail.torn || tail.poisoned || this.pendingVoids.length > 0) return true
    if (tail.nextId < this.minimumBase) return true
    return tail.end - DATA_START >= (tail.header.limit || this.segmentBytes)
  }

  /** Under append.lock: seals the tail and goes on in a new segment. */
  roll(): Segment {
    const tail = this.tail
    if (tail && !tail.seal) tail.writeSeal()
    return this.create(this.nextId)
  }

  /** Under append.lock: a new, empty tail. */
  create(base: number): Segment {
    const segment = this.#named({ base, rewrite: 0 })
    const header = this.header(base)
    const file = this.#createFile(segment)
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
    const segment = this.#named({ base: header.base, rewrite: 0 })
    const replaced = this.segments.find(({ base }) => base === header.base)
    this.world.disk.rename(path, segment.path)
    if (replaced) this.#forget(replaced)
    segment.adopt(file, header)
    if (header.asideEnd > 0) {
      segment.end = header.asideEnd
      segment.nextId = header.base + header.asideCount
    }
    segment.dirty = true
    this.#push(segment)
    // Frames that say more than their items are met like anybody's.
    this.refresh()
    return segment
  }

  #push(segment: Segment): void {
    this.segments.push(segment)
    for (const each of this.pendingVoids) this.#learnVoid(each)
    this.pendingVoids = []
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
      voids: this.pendingVoids,
    }
  }

  #createFile(segment: Segment): DiskFile {
    const { disk } = this.world
    try {
      return disk.open(segment.path, 'create')
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    this.#removeEmpty(segment)
    return disk.open(segment.path, 'create')
  }

  /** What holds no frame may go: the remains of a creator that died, or a tail that was sealed before it held one. */
  #removeEmpty(segment: Segment): void {
    const file = this.world.disk.open(segment.path, 'read')
    const head = Buffer.alloc(DATA_START)
    const { header } = readHeader(head.subarray(0, file.read(head, 0, DATA_START, 0)))
    const seal = readSeal(head, SEAL_AT)
    const isSealedEmpty = typeof seal === 'object' && seal.end === DATA_START
    const holdsNothing = !header || isSealedEmpty || file.size() <= DATA_START
    file.close()
    if (!holdsNothing) throw new Error(`${segment.path} is there already, and it is no part of the log`)
    this.world.disk.unlink(segment.path)
    const known = this.segments.find(({ base, rewrite }) => base === segment.base && rewrite === segment.rewrite)
    if (known) this.#forget(known)
  }

  /** Under append.lock, behind `prepare`: writes the frame, and says which id it begins with. */
  write(tail: Segment, draft: Draft): number {
    const firstId = tail.nextId
    const header = {
      bodyCrc: draft.bodyCrc,
      bodyBytes: draft.bytes.length - FRAME_HEADER_BYTES,
      count: draft.count,
      flags: draft.flags,
      relativeId: firstId - tail.base,
      nonce: tail.header.nonce,
      time: this.world.now(),
      syncedTo: this.#syncedTo,
    }
    writeFrameHeader(draft.bytes, 0, header)
    const offset = tail.end
    try {
      tail.file.write(draft.bytes, offset)
    } catch (error) {
      this.#cutBack(tail)
      throw error
    }
    tail.dirty = true
    this.windows.commit(tail, offset, draft.bytes)
    const body = draft.bytes.subarray(FRAME_HEADER_BYTES)
    this.advance(tail, { header, firstId, offset, next: offset + draft.bytes.length, body })
    return firstId
  }

  /** What a failed write left is cut off; where even that fails, nothing is written behind it. */
  #cutBack(tail: Segment): void {
    try {
      tail.file.truncate(tail.end)
    } catch {
      tail.torn = true
    }
  }

  /**
   * How far all of the log is durable, as this handle's own syncs and others' words tell. It moves in order only: into
   * the next segment when all of the one before is synced. `nextId` is 0 where others' words reach further.
   */
  synced(): SyncedTo {
    let nextId = 0
    for (let at = this.segments.findIndex(({ base }) => base >= this.#syncedTo.segment); at >= 0; at++) {
      const segment = this.segments[at]
      if (!segment) break
      const own = segment.named ? segment.synced.end : 0
      const told = segment.base === this.#syncedTo.segment ? this.#syncedTo.offset : 0
      if (own === 0 && told === 0) break
      nextId = own >= told ? segment.synced.nextId : 0
      this.learnSynced({ segment: segment.base, offset: own })
      if (!segment.seal || Math.max(own, told) < segment.seal.end) break
    }
    return { position: this.#syncedTo, nextId }
  }

  /** Segments from synced-to on that are not known to be durable, in order. */
  unsynced(): Segment[] {
    const from = this.synced().position.segment
    const late = this.segments.filter(({ base }) => base >= from)
    return late.filter((segment) => this.openIfThere(segment) && !segment.poisoned && segment.synced.end < segment.end)
  }

  async #syncFolder(): Promise<void> {
    const unnamed = this.segments.filter((segment) => !segment.named)
    await this.world.disk.syncFolder(this.folder)
    for (const segment of unnamed) segment.named = true
  }

  /** Makes all of the segment that was written before the call durable, its name too. */
  async makeDurable(segment: Segment): Promise<void> {
    await segment.gate.pass()
    if (!segment.named) await this.folderGate.pass()
  }

  close(): void {
    for (const segment of this.segments) segment.close()
  }
}
