// flusher.ts: compaction. A segment whose items are all settled is unlinked: nothing is copied, whatever the backlog.
// A sealed one with more dead than live bytes is rewritten by itself.
//
//    cursor durable ─▶ unlink what is wholly settled
//                   ─▶ rewrite: aside.7.4, synced ─▶ under append.lock: rename to the next rewrite count
//                               ─▶ folder synced ─▶ unlink the old
//
// The cursor is durable before a segment that it has passed goes: the other way round a power cut could deliver again
// what the log no longer holds. Where two rewrites of one base meet, the higher count rules.

import { codeOf, isFull } from '../disk/disk.ts'
import type { Clock } from '../wait/clock.ts'
import { Mutex } from '../wait/mutex.ts'
import type { Cursor, Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { FailedItems } from './failed-items.ts'
import type { Log } from './log.ts'
import type { Owners } from './owners.ts'
import { rewriteSegment } from './rewrite.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'
import type { StepLock } from './step-lock.ts'

const FIRST_BACK_OFF_MS = 100
const LONGEST_BACK_OFF_MS = 30_000

type IsWorth = (deadBytes: number, liveBytes: number) => boolean

export interface FlusherParts {
  readonly log: Log
  readonly cursor: Cursor
  readonly lock: StepLock
  readonly owners: Owners
  readonly clock: Clock
  readonly failedItems: FailedItems
  /** Dead bytes that start a flush by itself. */
  readonly flushLimit: number
  readonly flushed: (report: { readonly reclaimed: number }) => void
  readonly failed: (error: Error) => void
}

export class Flusher {
  readonly #parts: FlusherParts
  readonly #mutex = new Mutex()
  #settledAtLast: number
  #running: Promise<void> | undefined
  /** After a flush by itself has failed: until then none begins. */
  #backOff: { readonly cancel: () => void } | undefined

  constructor(parts: FlusherParts) {
    this.#parts = parts
    this.#settledAtLast = parts.cursor.state.runs.settled
  }

  /** By hand: everything dead goes but what shares a document with a live item. */
  flush(): Promise<{ readonly reclaimed: number }> {
    return this.#mutex.runExclusive(async () => {
      await this.#rolled(() => this.#rollIfDead())
      const report = await this.#compact(() => true, await this.#flushFailed())
      this.#parts.flushed(report)
      return report
    })
  }

  /** After a step: starts a flush when enough has been settled since the last one. */
  maybe(): void {
    const { cursor, flushLimit } = this.#parts
    if (this.#running || this.#backOff || flushLimit === Number.POSITIVE_INFINITY) return
    const settled = cursor.state.runs.settled - this.#settledAtLast
    if (settled <= 0) return
    if (settled * this.#bytesPerItem() < flushLimit && this.#passedBytes() < flushLimit) return
    this.#start(FIRST_BACK_OFF_MS)
  }

  #start(backOffMs: number): void {
    this.#running = this.#byItself()
      .catch((error: Error) => this.#failed(error, backOffMs))
      .finally(() => {
        this.#running = undefined
      })
  }

  /** Tried again after a while: no call is to reject because of it. That the disk is full is no news, and passes. */
  #failed(error: Error, ms: number): void {
    if (!isFull(error)) this.#parts.failed(error)
    const cancel = this.#parts.clock.after(ms, () => {
      this.#backOff = undefined
      if (!this.#running) this.#start(Math.min(ms * 2, LONGEST_BACK_OFF_MS))
    })
    this.#backOff = { cancel }
  }

  /** Bytes of segments that lie wholly behind the cursor's head: an estimate, where they were never opened here. */
  #passedBytes(): number {
    const { log, cursor } = this.#parts
    let bytes = 0
    const { head } = cursor.state.runs
    for (let at = 1; at < log.segments.length; at++) {
      if ((log.segments[at]?.base ?? 0) > head) break
      const end = log.segments[at - 1]?.end ?? 0
      bytes += end > DATA_START ? end : log.segmentBytes
    }
    return bytes
  }

  /**
   * Puts that roll faster than segments go would fill the disk with what is dead: they wait here once that is more than
   * flushLimit and a segment, as the segment that they go on in may come to lie dead too. Never rejects.
   */
  keepUp(): Promise<void> | undefined {
    const { flushLimit, log } = this.#parts
    if (flushLimit === Number.POSITIVE_INFINITY) return
    const passed = this.#passedBytes()
    if (passed >= flushLimit) this.maybe()
    return passed < flushLimit + log.segmentBytes ? undefined : this.#goOn()
  }

  async #goOn(): Promise<void> {
    await this.#running
    this.maybe()
    await this.#running
  }

  /** Resolves when none is under way; none begins by itself any more. */
  async idle(): Promise<void> {
    await this.#running
    this.#backOff?.cancel()
  }

  #bytesPerItem(): number {
    const { segments } = this.#parts.log
    for (let at = segments.length - 1; at >= 0; at--) {
      const known = segments[at]
      if (known && known.end > DATA_START && known.nextId > known.base) {
        return known.dataBytes / (known.nextId - known.base)
      }
    }
    return 0
  }

  async #byItself(): Promise<void> {
    await this.#mutex.runExclusive(async () => {
      this.#settledAtLast = this.#parts.cursor.state.runs.settled
      await this.#rolled(() => this.#rollIfAllDead())
      const failedBytes = await this.#flushFailed()
      const report = await this.#compact((dead, live) => dead > live && dead >= this.#parts.flushLimit, failedBytes)
      if (report.reclaimed > 0) this.#parts.flushed(report)
    })
  }

  /** The disk is full: what is wholly settled goes now, the tail too if it is. */
  makeRoom(): Promise<void> {
    return this.#mutex.runExclusive(() => this.#freeDead())
  }

  async #freeDead(): Promise<void> {
    await this.#parts.lock.run(() => {
      const { log, cursor } = this.#parts
      log.refresh()
      const tail = log.tail
      if (!tail || tail.seal || tail.end === DATA_START) return
      if (cursor.state.runs.live(tail.base, tail.nextId - 1) === 0) tail.writeSeal()
    })
    await this.#compact(() => false)
  }

  /** A new segment takes space: where there is none, what is wholly settled goes first. */
  async #rolled(roll: () => void): Promise<void> {
    try {
      await this.#parts.lock.run(roll)
    } catch (error) {
      if (!isFull(error)) throw error
      await this.#freeDead()
      await this.#parts.lock.run(roll)
    }
  }

  /** A new segment there takes space too: where there is none, what is failed no more stays for now. */
  async #flushFailed(): Promise<number> {
    try {
      return await this.#parts.failedItems.flush(this.#parts.cursor)
    } catch (error) {
      if (!isFull(error)) throw error
      return 0
    }
  }

  #rollIfDead(): void {
    const { log, cursor } = this.#parts
    log.refresh()
    const tail = log.tail
    if (!tail || tail.seal || tail.end === DATA_START) return
    const items = tail.nextId - tail.base
    if (cursor.state.runs.live(tail.base, tail.nextId - 1) < items) log.roll()
  }

  #rollIfAllDead(): void {
    const { log, cursor, flushLimit } = this.#parts
    log.refresh()
    const tail = log.tail
    if (!tail || tail.seal || tail.dataBytes < flushLimit) return
    if (cursor.state.runs.live(tail.base, tail.nextId - 1) === 0) log.roll()
  }

  async #compact(isWorth: IsWorth, already = 0): Promise<{ reclaimed: number }> {
    const { log, cursor } = this.#parts
    const state = await cursor.step((present) => ({ records: [], result: present }))
    log.list()
    // What lies behind the last id that anybody took is live: it need not even be opened.
    const touched = Math.max(state.runs.head - 1, state.runs.highest)
    const passed = log.segments.filter(({ base }) => base <= touched)
    const over = passed.filter((segment) => log.isOver(segment))
    const dead = over.filter((segment) => state.runs.live(segment.base, segment.nextId - 1) === 0)
    const mixed = over.filter((segment) => segment.isWhole && !dead.includes(segment))
    const worth = mixed.filter((segment) => {
      const deadBytes = deadBytesOf(segment, state)
      return deadBytes > 0 && isWorth(deadBytes, segment.dataBytes - deadBytes)
    })
    if (dead.length + worth.length === 0) return this.#freed(already)
    await cursor.durable()
    await log.folderGate.pass()
    let reclaimed = already + (await this.#remove(dead))
    // A copy of what is live may need the space of what has gone.
    if (worth.length > 0) await log.world.disk.allClosed()
    for (const segment of worth) reclaimed += await this.#rewrite(segment, state)
    await log.folderGate.pass()
    return this.#freed(reclaimed)
  }

  /** Whoever waits for room needs the blocks of what was removed, and not the names. */
  async #freed(reclaimed: number): Promise<{ reclaimed: number }> {
    await this.#parts.log.world.disk.allClosed()
    return { reclaimed }
  }

  /** The tail may be among them, where the disk was full: then the cursor alone knows the next id. */
  async #remove(dead: readonly Segment[]): Promise<number> {
    const { cursor, lock } = this.#parts
    let reclaimed = 0
    // One by one, so that nobody waits for more than one: unlinking a large file takes a millisecond.
    for (const segment of dead) {
      const removing: Decide<number> = () => {
        lock.takeOver()
        return { records: [], result: this.#isStillDead(segment) ? this.#unlink(segment) : 0 }
      }
      reclaimed += await cursor.step(removing, { outer: lock })
    }
    return reclaimed
  }

  #unlink(segment: Segment): number {
    const { log } = this.#parts
    log.minimumBase = Math.max(log.minimumBase, segment.nextId)
    const bytes = unlinked(log, segment) ? segment.end : 0
    log.drop(segment)
    return bytes
  }

  /**
   * Under both locks: what a failed take settled may have been restored since. Nothing can have been appended, but an
   * empty segment's name may have been given to another one.
   */
  #isStillDead(segment: Segment): boolean {
    const { log, cursor } = this.#parts
    if (cursor.state.runs.live(segment.base, segment.nextId - 1) > 0) return false
    return segment.end > DATA_START || log.isNamed(segment)
  }

  async #rewrite(segment: Segment, state: CursorState): Promise<number> {
    const { log, lock, owners } = this.#parts
    const made = await rewriteSegment(log, segment, state, { owner: owners.own, number: log.newAside() })
    if (!made) return 0
    let took = false
    try {
      // What was settled while it was copied was left out as well.
      await this.#parts.cursor.durable()
      took = await lock.run(() => made.takePlace())
    } finally {
      if (!took) made.abandon()
    }
    if (!took) return 0
    // The new name is durable before the old one goes: the other way round a power cut could leave neither.
    await log.folderGate.pass()
    const before = segment.end
    return lock.run(() => {
      unlinked(log, segment)
      log.list()
      return Math.max(0, before - made.bytes)
    })
  }
}

/** Bytes of settled items in a segment, by the share of its items. */
export function deadBytesOf(segment: Segment, state: CursorState): number {
  const items = segment.header.items || segment.nextId - segment.base
  const live = state.runs.live(segment.base, segment.nextId - 1)
  return items === 0 ? 0 : Math.round((segment.dataBytes * (items - live)) / items)
}

function unlinked(log: Log, segment: Segment): boolean {
  try {
    log.world.disk.unlink(segment.path)
    return true
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    return false
  }
}
