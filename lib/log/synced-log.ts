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
import type { Segment } from './segment-file.ts'
import { type LogWorld, SegmentList } from './segment-list.ts'

export class SyncedLog extends SegmentList {
  readonly folderGate: Gate
  #syncedTo: Position = START

  constructor(folder: string, world: LogWorld) {
    super(folder, world)
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
    const from = this.#syncedTo.segment
    for (const segment of this.segments.filter(({ base }) => base >= from)) {
      const own = segment.named ? segment.synced.end : 0
      const told = segment.base === this.#syncedTo.segment ? this.#syncedTo.offset : 0
      if (own === 0 && told === 0) break
      nextId = own >= told ? segment.synced.nextId : 0
      this.learnSynced({ segment: segment.base, offset: own })
      if (!segment.seal || segment.unsure || Math.max(own, told) < segment.seal.end) break
    }
    return { position: this.#syncedTo, nextId }
  }

  /** Segments from synced-to on that are not known to be durable, in order. */
  unsynced(): Segment[] {
    const from = this.synced().position.segment
    const late = this.segments.filter(({ base }) => base >= from)
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
    try {
      await segment.gate.pass()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || this.#isThere(segment)) throw error
      // A flush removed it: all of it was settled, or a rewritten one is durable in its place.
      return
    }
    if (!segment.named) await this.folderGate.pass()
  }
}
