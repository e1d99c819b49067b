// log-store.ts: the append-only log as a Store. Thin: each call goes to the part that does it (assembly.ts).

import { nodeDisk } from '../disk/node.ts'
import { QueueClosedError } from '../errors.ts'
import type {
  AppendOptions,
  CopyMark,
  Counts,
  Document,
  HeldRange,
  Hold,
  IdRange,
  Listed,
  ListOptions,
  Piece,
  Settlement,
  Store,
  StoreOptions,
  StoreStats,
  Supports,
} from '../store.ts'
import type { Watch } from '../wait/changes.ts'
import { dueTime, type StoreClock, systemClock } from '../wait/clock.ts'
import { queueMicrotask } from '../wait/timers.ts'
import { type Assembly, assemble } from './assembly.ts'
import { readCopyMark, writeCopyMark } from './copy-mark.ts'
import type { Cursor } from './cursor.ts'
import { IntervalSync } from './interval-sync.ts'
import { defaultLimits } from './limits.ts'
import { type Opened, openLog, type World } from './opening.ts'
import { telling, tellingEvents } from './telling.ts'

const SUPPORTS: Supports = Object.freeze({
  orders: Object.freeze(['fifo'] as const),
  unique: false,
  update: false,
  leaseById: false,
  durable: true,
  documents: true,
})

export const systemWorld: World = Object.freeze({
  disk: nodeDisk,
  clock: systemClock,
  random: () => Math.floor(Math.random() * 2 ** 32),
  limits: defaultLimits,
})

/** After so many slow looks that nothing asked for there is one all the same. */
const SURE_LOOKS = 30

export class LogStore implements Store {
  readonly supports = SUPPORTS
  readonly codec: string
  readonly order = 'fifo'
  readonly #options: StoreOptions
  readonly #world: World
  readonly #opened: Opened
  readonly #parts: Assembly
  readonly #interval: IntervalSync
  readonly #watchers = new Set<() => void>()
  #underWay = 0
  #rested: (() => void) | undefined
  #closing: Promise<void> | undefined

  /** Opens the folder, or makes it. Rejects with FormatError, CodecMismatchError, CorruptionError or StorageError. */
  static async open(folder: string, options: StoreOptions, world: Partial<World> = {}): Promise<LogStore> {
    const whole = { ...systemWorld, ...world }
    const told = { ...options, events: tellingEvents(options.events, folder) }
    const store = new LogStore(await openLog(folder, told, whole), told, whole)
    await store.#trim(options.keepAcked ?? 0)
    return store
  }

  private constructor(opened: Opened, options: StoreOptions, world: World) {
    this.codec = opened.codec
    this.#opened = opened
    this.#options = options
    this.#world = world
    this.#interval = new IntervalSync(options.durability, world.clock, () => this.#sync(), options.events)
    this.#parts = assemble(opened, options, {
      appended: () => this.#changed(),
      recorded: () => this.#recorded(),
      syncLater: () => this.#interval.start(),
    })
    this.#tell()
  }

  /** No more acknowledged items stay than are kept: an opening without that lets their space be flushed. */
  async #trim(keep: number): Promise<void> {
    const record = { kind: 'acked', keep, ids: [] } as const
    if (this.#cursor.state.runs.acked <= keep) return
    try {
      await this.#cursor.step(({ runs }) => ({ records: runs.acked > keep ? [record] : [], result: undefined }))
      this.#recorded()
    } catch (error) {
      this.#options.events.failed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** What opening found, behind the opening itself. */
  #tell(): void {
    const { corruptions, tornBytes, reclaimed } = this.#opened.recovery
    if (corruptions.length === 0 && tornBytes === 0 && reclaimed === 0) return
    queueMicrotask(() => {
      for (const corruption of corruptions) this.#options.events.corruption(corruption)
      if (tornBytes > 0 || reclaimed > 0) this.#options.events.recovered({ tornBytes, reclaimed })
    })
  }

  get #cursor(): Cursor {
    return this.#opened.cursor
  }

  get clock(): StoreClock {
    return this.#opened.time
  }

  append(documents: readonly Document[], options?: AppendOptions): Promise<number | undefined> {
    if (this.#closing) return Promise.reject(new QueueClosedError())
    const { due = 0, attempt = 0, signal } = options ?? {}
    const extra = due === 0 && attempt === 0 ? undefined : { due, attempt, replaced: [], retried: false }
    return this.#parts.appender.append(documents, options?.bound, extra, signal)
  }

  appendNow(documents: readonly Document[]): number | Promise<number | undefined> {
    if (this.#closing) return Promise.reject(new QueueClosedError())
    return this.#parts.appender.appendNow(documents)
  }

  peek(n: number): Promise<Piece[]> {
    return this.#guard(() => this.#parts.looker.peek(n))
  }

  pop(n: number, signal?: AbortSignal): Promise<Piece[]> {
    return Promise.resolve(this.popNow(n, signal))
  }

  popNow(n: number, signal?: AbortSignal): Piece[] | Promise<Piece[]> {
    if (this.#closing) return Promise.reject(new QueueClosedError())
    try {
      const pieces = this.#parts.taker.pop(n, signal)
      return pieces instanceof Promise ? this.#awaited(pieces, signal) : pieces
    } catch (error) {
      return Promise.reject(telling(error, this.#opened.log.folder))
    }
  }

  delete(n: number): Promise<number> {
    return this.#guard(() => this.#parts.taker.delete(n))
  }

  clear(): Promise<number> {
    return this.#guard(() => this.#parts.taker.clear())
  }

  lease(n: number, first?: readonly Settlement[], hold?: Hold): Promise<Piece[]> {
    return this.#guard(() => this.#parts.taker.lease(n, first, hold), hold?.signal)
  }

  leaseNow(n: number, first: readonly Settlement[], hold: Hold): Piece[] | undefined {
    if (this.#closing) return undefined
    try {
      return this.#parts.taker.leaseNow(n, first, hold)
    } catch {
      return undefined // Nothing was recorded: lease() meets it again, and tells.
    }
  }

  mark(loop: number, ids: IdRange | undefined): void {
    this.#opened.owners.mark(loop, ids)
  }

  extend(ids: readonly HeldRange[], deadline: number): Promise<void> {
    return this.#guard(() => this.#parts.settler.extend(ids, deadline))
  }

  reclaim(): Promise<number> {
    return this.#guard(() => this.#parts.reclaimer.reclaim())
  }

  retry(ids?: readonly number[]): Promise<number> {
    return this.#guard(() => this.#parts.settler.retry(ids))
  }

  discard(ids?: readonly number[]): Promise<number> {
    return this.#guard(() => this.#parts.settler.discard(ids))
  }

  settle(settlements: readonly Settlement[], relaxed?: boolean): Promise<void> {
    return this.#guard(() => this.#parts.settler.settle(settlements, relaxed))
  }

  fail(piece: Piece, reason: string): Promise<void> {
    return this.#guard(() => this.#parts.settler.fail(piece, reason))
  }

  list(options: ListOptions): Promise<Listed[]> {
    return this.#guard(() => this.#parts.looker.list(options))
  }

  flush(): Promise<{ readonly reclaimed: number }> {
    return this.#guard(() => this.#parts.flusher.flush())
  }

  counts(): Promise<Counts> {
    return this.#guard(() => this.#parts.counter.counts())
  }

  stats(): Promise<StoreStats> {
    return this.#guard(() => this.#parts.counter.stats())
  }

  async identity(): Promise<string> {
    return this.#opened.id
  }

  copyMark(): Promise<CopyMark | undefined> {
    return this.#guard(async () => readCopyMark(this.#opened.disk, this.#opened.log.folder))
  }

  markCopy(mark: CopyMark): Promise<void> {
    const { lock, log } = this.#opened
    const tag = () => `copy${this.#world.random().toString(16)}`
    return this.#guard(() => writeCopyMark(this.#opened.disk, log.folder, mark, { lock, tag }))
  }

  watch(changed: () => void): Watch {
    const stop = this.#opened.disk.watch(this.#opened.log.folder, changed)
    this.#watchers.add(changed)
    const stopAll = () => {
      this.#watchers.delete(changed)
      stop()
    }
    return Object.assign(stopAll, {
      isSure: stop.isSure,
      mayHaveChanged: this.#mayHaveChanged(stop.isSure ?? false),
      dueInMs: () => this.#opened.cursor.state.runs.dueIn(this.clock.now(), dueTime(this.clock)),
    })
  }

  /** Where the system tells of all that is written, a consumer may have died all the same; and what if it did not tell? */
  #mayHaveChanged(isSure: boolean): () => boolean {
    const { cursor } = this.#opened
    let looks = 0
    return () => {
      looks += 1
      const { owners, runs } = cursor.state
      return !isSure || (owners.size > 1 && runs.inFlight > 0) || looks % SURE_LOOKS === 0
    }
  }

  #changed(): void {
    for (const changed of this.#watchers) changed()
  }

  #recorded(): void {
    this.#interval.start()
    this.#parts.flusher.maybe()
    this.#changed()
  }

  /** A call: not after close(), which waits for those under way. */
  #guard<R>(call: () => R | Promise<R>, signal?: AbortSignal): Promise<R> {
    if (this.#closing) return Promise.reject(new QueueClosedError())
    let result: R | Promise<R>
    try {
      result = call()
    } catch (error) {
      return Promise.reject(telling(error, this.#opened.log.folder))
    }
    return result instanceof Promise ? this.#awaited(result, signal) : Promise.resolve(result)
  }

  async #awaited<R>(result: Promise<R>, signal?: AbortSignal): Promise<R> {
    this.#underWay += 1
    try {
      return await result
    } catch (error) {
      throw signal?.aborted && error === signal.reason ? error : telling(error, this.#opened.log.folder)
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#rested?.()
    }
  }

  /** Resolves when no call is under way. */
  #rest(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#rested = resolve
    })
  }

  /** All that was written so far, the log before the cursor. */
  async #sync(): Promise<void> {
    const { log } = this.#opened
    for (const segment of log.unsynced()) await log.makeDurable(segment)
    await this.#cursor.durable()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The log is synced and its end recorded, whatever the durability; then everything is freed, whatever failed. */
  async #close(): Promise<void> {
    const { log, owners, lock, failed, release } = this.#opened
    await this.#rest()
    await this.#parts.appender.idle()
    await this.#interval.stop()
    await this.#parts.syncedRecords.stop()
    await this.#parts.flusher.idle()
    try {
      await this.#leave()
    } catch (error) {
      throw telling(error, this.#opened.log.folder)
    } finally {
      owners.leave()
      log.close()
      failed.close()
      await this.#cursor.close()
      lock.close()
      release()
      await this.#opened.disk.allClosed()
    }
  }

  async #leave(): Promise<void> {
    const { log, owners, lock } = this.#opened
    lock.assertThere()
    for (const segment of log.unsynced()) await log.makeDurable(segment)
    const { position, nextId } = log.synced()
    const synced = { kind: 'synced', segment: position.segment, offset: position.offset, nextId } as const
    const left = { kind: 'left', owner: owners.own, counted: 1, ids: [] } as const
    await this.#cursor.step(() => ({ records: nextId > 0 ? [synced] : [], result: undefined }))
    await this.#cursor.durable()
    // Left only when all before it is durable: then a record that is missing was damaged, and not cut off.
    await this.#cursor.step(() => ({ records: [left], result: undefined }))
    await this.#cursor.durable()
  }
}
