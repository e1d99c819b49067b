// segment-list.ts: the segments in a folder, as this handle knows them. The listing is read when something says that it
// has changed: a seal, a name that is not there any more.

import { codeOf, type Disk, type DiskFile, withFile } from '../disk/disk.ts'
import { DAMAGED, parseSegmentName, type SegmentName, segmentName, segmentsOf } from './layout.ts'
import type { Limits } from './limits.ts'
import { OpenSegments } from './open-segments.ts'
import { DATA_START, isOf, readHeader, readSeal, SEAL_AT, type Void } from './segment.ts'
import { Segment } from './segment-file.ts'

export interface LogWorld {
  readonly disk: Disk
  readonly limits: Limits
  readonly random: () => number
  /** By the wall clock. */
  readonly now: () => number
  /** The time that delays are measured with. */
  readonly dueTime: () => number
}

export class SegmentList {
  readonly folder: string
  readonly world: LogWorld
  /** By base; the last one is the tail. */
  segments: Segment[] = []
  /** What the headers met so far tell of frames whose sync failed. */
  readonly voids: Void[] = []
  /** Names under which no segment stood when they were opened, and that hid one. */
  readonly #foreign = new Set<string>()

  readonly descriptors: OpenSegments

  constructor(folder: string, world: LogWorld) {
    this.folder = folder
    this.world = world
    this.descriptors = new OpenSegments(world.limits, (segment) => segment === this.tail)
  }

  get tail(): Segment | undefined {
    return this.segments.at(-1)
  }

  /** Reads the folder anew: segments that are new, rewritten or gone. What is known of the others stays. */
  list(): void {
    const { current } = this.present()
    const known = new Map(this.segments.map((segment) => [segmentName(segment), segment]))
    const tail = this.tail
    const last = current.at(-1)
    const listed = current.map((name) => {
      const present = known.get(segmentName(name))
      // One that was empty when it was passed may have been replaced under its own name, by a large batch.
      return present && (name === last || present.end > DATA_START) ? present : this.named(name)
    })
    // A tail that others have passed and unlinked: what it says still holds.
    if (tail && listed.every((segment) => segment.base < tail.base)) listed.push(tail)
    for (const segment of this.segments) if (!listed.includes(segment)) segment.close()
    this.segments = listed
  }

  /** As `list`, with what turned out to be no segment: it is judged once more. */
  listAll(): void {
    this.#foreign.clear()
    this.list()
  }

  /** The segments that the folder holds, and those that they replace. */
  present(): ReturnType<typeof segmentsOf> {
    return segmentsOf(this.world.disk.list(this.folder).filter((name) => !this.#isForeign(name)))
  }

  /** Looked at each time: the name may have been given to a segment since. */
  #isForeign(name: string): boolean {
    const parsed = this.#foreign.has(name) && parseSegmentName(name)
    if (!parsed || this.#opens(this.named(parsed)) === false) return parsed !== false
    this.#foreign.delete(name)
    return false
  }

  /** Whether it is one; undefined where nothing is there any more. */
  #opens(segment: Segment): boolean | undefined {
    try {
      return segment.open()
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error
    } finally {
      segment.close()
    }
  }

  named(name: { base: number; rewrite: number }): Segment {
    return new Segment(this.world.disk, this.folder, name, this.world.limits.indexBytes, this.descriptors)
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

  /** No longer part of the log: unlinked, replaced, or never whole. */
  drop(segment: Segment): void {
    segment.close()
    this.segments = this.segments.filter((each) => each !== segment)
  }

  /** True where the segment of this base is whole, so that it may rule. */
  holds(base: number): boolean {
    const segment = this.segments.find((each) => each.base === base)
    return segment !== undefined && this.openIfThere(segment)
  }

  /** Under append.lock: removes what was found to be no segment, unless it has become one since. */
  removeUnborn(name: SegmentName, isWorthless: boolean): void {
    const segment = this.named(name)
    const isWhole = this.#opens(segment) !== false
    if (isWhole && !(isWorthless && segment.isGuessed)) return
    if (segment.isForeign && !isWorthless) this.#setAside(segment)
    else this.world.disk.unlink(segment.path)
  }

  /** A segment of another name is kept as it is. */
  #setAside(segment: Segment): void {
    const { disk } = this.world
    disk.makeFolder(`${this.folder}/${DAMAGED}`)
    disk.rename(segment.path, `${this.folder}/${DAMAGED}/${segment.name}`)
  }

  /** Opens a segment of the list; false where nothing makes it one: its creator died, or damage took its head. */
  open(segment: Segment): boolean {
    if (segment.isOpen) return segment.isWhole
    const isWhole = segment.open()
    // Nobody appends to one that another follows, so it ends there though it doesn't say so.
    const next = segment.seal ? undefined : this.after(segment)
    if (next) segment.presume(next.base)
    if (!isWhole) return this.#passOver(segment)
    for (const each of segment.header.voids) this.learnVoid(each)
    return true
  }

  /** What is none must not hide one: of its own base, or between whose ids it stands. */
  #passOver(segment: Segment): false {
    if (!this.#isStray(segment)) return false
    this.#foreign.add(segment.name)
    this.drop(segment)
    this.list()
    return false
  }

  #isStray(segment: Segment): boolean {
    if (segment.isForeign || this.present().replaced.some(({ base }) => base === segment.base)) return true
    const before = this.segments.findLast(({ base }) => base < segment.base)
    return before !== undefined && this.openIfThere(before) && (before.seal?.nextId ?? 0) > segment.base
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

  /** True where the segment's name is still its own: an empty one's may have been given to another since. */
  isNamed(segment: Segment): boolean {
    if (!segment.isWhole) return true
    const present = this.named(segment)
    const isSame = this.openIfThere(present) && present.header.nonce === segment.header.nonce
    present.close()
    return isSame
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

  learnVoid(each: Void): void {
    const isKnown = this.voids.some(({ segment, from }) => segment === each.segment && from === each.from)
    if (!isKnown) this.voids.push(each)
  }

  /** Under append.lock: a new file for the segment. */
  createFile(segment: Segment): DiskFile {
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
    const { header, holdsNothing } = withFile(this.world.disk.open(segment.path, 'read'), (file) => {
      const head = Buffer.alloc(DATA_START)
      const { header } = readHeader(head.subarray(0, file.read(head, 0, DATA_START, 0)))
      const seal = readSeal(head, SEAL_AT)
      const isSealedEmpty = typeof seal === 'object' && seal.end === DATA_START
      return { header, holdsNothing: !header || isSealedEmpty || file.size() <= DATA_START }
    })
    if (header && !isOf(header, segment)) return this.#setAside(segment)
    if (!holdsNothing) throw new Error(`${segment.path} is there already, and it is no part of the log`)
    this.world.disk.unlink(segment.path)
    const known = this.segments.find(({ base, rewrite }) => base === segment.base && rewrite === segment.rewrite)
    if (known) this.drop(known)
  }

  close(): void {
    for (const segment of this.segments) segment.close()
  }
}
