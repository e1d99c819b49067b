// synced-log.ts: how far the log is durable.
//
//    segments   1 ══sealed, synced══▶ 7001 ══sealed══▶ 13950 ══▶ end
//                                         └ synced-to: it moves in order only
//
// Other processes' words count too: frames name the synced-to that their writer knew, and so does the journal.

import { codeOf } from '../disk/disk.ts'
import { Gate } from '../wait/gate.ts'
import type { SyncedTo } from './cursor-state.ts'
import { isBefore, type Position, START } from './frame.ts'
import { RemovedError } from './removed.ts'
import type { Void } from './segment.ts'
import type { Segment } from './segment-file.ts'
import { type LogWorld, SegmentList } from './segment-list.ts'

/** A StepLock, as far as a log needs it. */
export interface LogLock {
  readonly epoch: number
  assertThere(): void
}

export class SyncedLog extends SegmentList {
  readonly folderGate: Gate
  /** How far this handle's own syncs reached, and the id that comes there: it is for this handle to tell. */
  ownSynced: SyncedTo = { position: START, nextId: 1 }
  /** What a failed sync covered, which no segment's header tells of yet: the next step rolls. */
  pendingVoids: Void[] = []
  /** Called when they reach further. */
  onSynced: () => void = () => undefined
  /** Called when this handle goes on in a new segment. */
  onPassed: () => void = () => undefined
  /** Ids below it are settled, and the medium says so. */
  settledTo = 0
  /** append.lock, by which it learns that nobody else has written. */
  readonly lock: LogLock | undefined
  /** Whether nothing of the segment is live any more, as all handles know it. */
  isSettled: (segment: Segment) => Promise<boolean> | boolean = () => true
  #syncedTo: Position = START

  constructor(folder: string, world: LogWorld, lock?: LogLock) {
    super(folder, world)
    this.lock = lock
    this.folderGate = new Gate(() => this.#syncFolder())
  }

  get syncedTo(): Position {
    return this.#syncedTo
  }

  /** Somebody told that the log is durable up to here. */
  learnSynced(position: Position): void {
    if (isBefore(this.#syncedTo, position)) this.#syncedTo = position
  }

  /**
   * How far all of the log is durable, as this handle's own syncs and others' words tell. It moves in order only: into
   * the next segment when all of the one before is synced. `nextId` is 0 where others' words reach further.
   */
  synced(): SyncedTo {
    let nextId = 0
    for (const segment of this.#fromSynced()) {
      const isSettled = segment.seal !== undefined && segment.seal.nextId <= this.settledTo
      const own = isSettled ? segment.end : segment.named ? segment.synced.end : 0
      const told = segment.base === this.#syncedTo.segment ? this.#syncedTo.offset : 0
      if (own === 0 && told === 0) break
      const end = this.#behindVoid(segment, Math.max(own, told))
      nextId = nextIdAt(segment, end)
      this.learnSynced({ segment: segment.base, offset: end })
      const isUnsure = segment.unsure && !isSettled && !segment.poisoned
      if (!segment.seal || isUnsure || end < segment.seal.end) break
    }
    return { position: this.#syncedTo, nextId }
  }

  /** The segment that synced-to lies in, and those behind it. */
  #fromSynced(): Segment[] {
    const { segment } = this.#syncedTo
    const last = this.segments.at(-1)
    // Mostly it is the last one, or the one before.
    if (last?.base === segment) return [last]
    const first = this.segments.findLastIndex(({ base }) => base < segment) + 1
    return this.segments.slice(first)
  }

  /** What nobody was promised any more doesn't hold synced-to up. */
  #behindVoid(segment: Segment, offset: number): number {
    let end = offset
    for (const each of this.voids) if (each.segment === segment.base && each.from <= end) end = Math.max(end, each.to)
    return end
  }

  /** A sync failed: nobody vouches any more for what stands behind the last that ended well. */
  #void(segment: Segment): void {
    const isKnown = ({ segment: base }: Void) => base === segment.base
    if (!segment.poisoned || this.pendingVoids.some(isKnown) || this.voids.some(isKnown)) return
    this.pendingVoids.push({
      segment: segment.base,
      from: Math.max(segment.synced.end, segment.toldTo),
      to: segment.end,
    })
  }

  /** With their ends, under append.lock: nothing is appended to those segments any more. */
  closedVoids(): Void[] {
    return this.pendingVoids.map((each) => {
      const segment = this.segments.find(({ base }) => base === each.segment)
      return { ...each, to: Math.max(each.to, segment?.seal?.end ?? 0) }
    })
  }

  /** A sync ended well: what it tells is told by the next frame, and by the next record. */
  #tell(): void {
    const { position, nextId } = this.synced()
    if (nextId === 0 || !isBefore(this.ownSynced.position, position)) return
    this.ownSynced = { position, nextId }
    this.onSynced()
  }

  /** Segments from synced-to on that are not known to be durable, in order. */
  unsynced(): Segment[] {
    this.synced()
    const late = this.#fromSynced()
    const isUnsynced = ({ unsure, synced, end }: Segment): boolean => unsure || synced.end < end
    return late.filter((segment) => this.openIfThere(segment) && !segment.poisoned && isUnsynced(segment))
  }

  /** True where all of the segment up to there is known to be on the medium, and its name. */
  isDurable(segment: Segment, offset: number): boolean {
    if (segment.named && segment.synced.end >= offset) return true
    return !isBefore(this.#syncedTo, { segment: segment.base, offset })
  }

  async #syncFolder(): Promise<void> {
    const unnamed = this.segments.filter((segment) => !segment.named)
    await this.world.disk.syncFolder(this.folder)
    for (const segment of unnamed) segment.named = true
  }

  #isThere({ name }: Segment): boolean {
    return this.world.disk.list(this.folder).includes(name)
  }

  /** Makes all of the segment that was written before the call durable, its name too. */
  async makeDurable(segment: Segment): Promise<void> {
    const { position } = this.synced()
    if (position.segment >= segment.base) {
      segment.toldTo = position.segment > segment.base ? Infinity : position.offset
    }
    for (const each of this.voids) {
      if (each.segment === segment.base && !segment.gaps.includes(each)) segment.gaps.push(each)
    }
    try {
      await segment.gate.pass()
    } catch (error) {
      this.#void(segment)
      this.lock?.assertThere()
      const isGone = error instanceof RemovedError || (codeOf(error) === 'ENOENT' && !this.#isThere(segment))
      if (!isGone) throw error
      if (await this.#wasFlushed(segment)) return
      segment.poisoned = true
      this.#void(segment)
      throw error
    }
    this.lock?.assertThere()
    if (!segment.named) await this.folderGate.pass()
    this.#tell()
  }

  /** A flush removed it: all of it was settled, or a rewritten one is durable in its place. */
  async #wasFlushed(segment: Segment): Promise<boolean> {
    const { base, rewrite } = segment
    if (this.present().current.some((each) => each.base === base && each.rewrite > rewrite)) return true
    return this.isSettled(segment)
  }
}

/** The id that comes at a place in a segment; 0 where this handle doesn't know. */
function nextIdAt({ seal, synced, end, nextId }: Segment, offset: number): number {
  if (seal && offset === seal.end) return seal.nextId
  if (offset === synced.end) return synced.nextId
  return offset === end ? nextId : 0
}
