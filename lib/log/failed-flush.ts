// failed-flush.ts: what is failed no more gives its room back. A segment of failed/ in which nothing is failed goes; one
// of which less than half still is, is rewritten: those are copied to the end of failed/, and then nothing is failed in it.
//
//    rewrite:  copies written, synced, their name too ─▶ under cursor.lock: `failed` anew for all that still are
//    unlink:   cursor durable ─▶ under both locks: nothing failed in it ─▶ unlink
//
// A power cut must not bring back a record that names a copy which is gone: so the cursor is durable before the unlink.
// The tail is sealed where it is to go. Segments get bases that rise, and the last one stays: no name is ever given to
// another file. What doesn't hold is left as it is: it may have held a copy, and the next look at that tells of it.

import { codeOf } from '../disk/disk.ts'
import type { Cursor, Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import { draftAgain, type Placed, writeCopies } from './failed-copy.ts'
import type { FailedPlaces } from './failed-places.ts'
import type { FrameReader } from './frame-reader.ts'
import type { Draft, Log } from './log.ts'
import type { CursorRecord } from './record.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'
import type { StepLock } from './step-lock.ts'

// Copies that are read, written and recorded at once, and their bytes.
const COPIES = 256
const BYTES = 256 * 1024

export interface FailedFlushParts {
  readonly log: Log
  readonly lock: StepLock
  readonly reader: FrameReader
}

/** A copy, and the failed items that it is of. */
interface Moving {
  readonly offset: number
  readonly attempt: number
  readonly ids: readonly number[]
}

interface Moved {
  readonly from: Segment
  readonly moving: readonly Moving[]
  /** Where each of them stands now. */
  readonly placed: readonly Placed[]
}

export class FailedFlush {
  readonly #parts: FailedFlushParts

  constructor(parts: FailedFlushParts) {
    this.#parts = parts
  }

  /** Resolves to how many bytes less it is. */
  async flush(cursor: Cursor): Promise<number> {
    const { log, lock } = this.#parts
    if (!log.tail) return 0
    let reclaimed = await this.#removeDead(cursor)
    const { failed } = await present(cursor)
    await lock.run(() => this.#rollIfWorth(failed))
    for (const segment of this.#sealed().filter((each) => this.#isWorth(failed, each))) {
      reclaimed -= await this.#rewrite(segment, cursor)
    }
    reclaimed += await this.#removeDead(cursor)
    return Math.max(0, reclaimed)
  }

  #sealed(): Segment[] {
    const { log } = this.#parts
    return log.segments.filter((each) => each !== log.tail && this.#isWhole(each))
  }

  /** What is no segment is left to whoever appends: open, it would pass for one. */
  #isWhole(segment: Segment | undefined): boolean {
    if (segment === undefined) return false
    if (this.#parts.log.openIfThere(segment) && segment.isWhole) return true
    segment.close()
    return false
  }

  #rollIfWorth(failed: FailedPlaces): void {
    const { log } = this.#parts
    if (!this.#isWhole(log.tail)) return
    log.refresh()
    const { tail } = log
    if (tail && tail.end > DATA_START && failed.countIn(tail.base) * 2 < tail.nextId - tail.base) log.roll()
  }

  /** There is a frame for each item, where the codec can give its bytes. The seal tells how many frames there are. */
  #isWorth(failed: FailedPlaces, segment: Segment): boolean {
    const still = failed.countIn(segment.base)
    if (still === 0 || !this.#parts.log.isOver(segment)) return false
    return segment.seal !== undefined && still * 2 < segment.seal.nextId - segment.base
  }

  async #removeDead(cursor: Cursor): Promise<number> {
    const { log, lock } = this.#parts
    const { failed } = await present(cursor)
    const dead = this.#sealed().filter(({ base }) => failed.countIn(base) === 0)
    if (dead.length === 0) return 0
    await log.folderGate.pass()
    await cursor.durable()
    let bytes = 0
    for (const segment of dead) {
      const removing: Decide<number> = (now) => {
        lock.takeOver()
        return { records: [], result: now.failed.countIn(segment.base) > 0 ? 0 : this.#unlink(segment) }
      }
      bytes += await cursor.step(removing, { outer: lock })
    }
    return bytes
  }

  #unlink(segment: Segment): number {
    const { log } = this.#parts
    const bytes = log.openIfThere(segment) ? segment.size() : 0
    log.drop(segment)
    try {
      log.world.disk.unlink(segment.path)
      return bytes
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      return 0
    }
  }

  /** Resolves to how many bytes were written. */
  async #rewrite(segment: Segment, cursor: Cursor): Promise<number> {
    const { log, lock } = this.#parts
    const all = movingOf((await present(cursor)).failed, segment)
    let bytes = 0
    for (let at = 0; at < all.length; ) {
      const drafts = this.#read(segment, all.slice(at, at + COPIES))
      if (drafts.length === 0) return bytes
      const moving = all.slice(at, at + drafts.length)
      const placed = await writeCopies(log, lock, drafts)
      for (const draft of drafts) bytes += draft.bytes.length
      const isDone = await cursor.step((now) => {
        // No record named them yet: somebody may have taken their segment for one with nothing in it.
        const isThere = [...new Set(placed.map((each) => each.segment))].every((each) => log.isNamed(each))
        return { records: isThere ? recordsOf(now, { from: segment, moving, placed }) : [], result: isThere }
      })
      if (!isDone) return bytes
      at += drafts.length
    }
    return bytes
  }

  /** As many of them as are moved at once; none where one doesn't hold. */
  #read(segment: Segment, moving: readonly Moving[]): Draft[] {
    if (!this.#isWhole(segment)) return []
    const drafts: Draft[] = []
    let bytes = 0
    for (const { offset } of moving) {
      const frame = this.#parts.reader.read(segment, offset, segment.size())
      if (!frame) return []
      const draft = draftAgain(frame)
      bytes += draft.bytes.length
      if (drafts.length > 0 && bytes > BYTES) break
      drafts.push(draft)
    }
    return drafts
  }
}

function present(cursor: Cursor): CursorState | Promise<CursorState> {
  return cursor.step((state) => ({ records: [], result: state }))
}

/** The copies in a segment of what is failed, in order. */
function movingOf(failed: FailedPlaces, { base }: Segment): Moving[] {
  const byOffset = new Map<number, { offset: number; attempt: number; ids: number[] }>()
  for (const [id, { segment, offset, attempt }] of failed) {
    if (segment !== base) continue
    const moving = byOffset.get(offset)
    if (moving) moving.ids.push(id)
    else byOffset.set(offset, { offset, attempt, ids: [id] })
  }
  return [...byOffset.values()].sort((one, other) => one.offset - other.offset)
}

/** For what is still failed, and has its copy there. */
function recordsOf({ failed }: CursorState, { from, moving, placed }: Moved): CursorRecord[] {
  return moving.flatMap(({ offset: before, attempt, ids: all }, index): CursorRecord[] => {
    const isStill = (id: number): boolean => {
      const at = failed.get(id)
      return at?.segment === from.base && at.offset === before
    }
    const ids = all.filter(isStill).map((id) => ({ from: id, to: id }))
    const to = placed[index]
    return to && ids.length > 0 ? [{ kind: 'failed', segment: to.segment.base, offset: to.offset, attempt, ids }] : []
  })
}
