// log-store.ts: the append-only log as a Store. It puts the parts together and is otherwise thin.
//
//    appender ──▶ log ◀── reader ◀── taker ──▶ cursor ──▶ journal
//                  ▲                   │          ▲
//               flusher ◀──────────────┘        owners

import { codeOf } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node.ts'
import { QueueClosedError, QueueError, StorageError } from '../errors.ts'
import type {
  AppendOptions,
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
import { systemClock } from '../wait/clock.ts'
import { Appender } from './appender.ts'
import type { Cursor } from './cursor.ts'
import { DocumentReader } from './document-reader.ts'
import { FailedItems } from './failed-items.ts'
import { deadBytesOf, Flusher } from './flusher.ts'
import { IntervalSync } from './interval-sync.ts'
import { Judge } from './judge.ts'
import { FAILED } from './layout.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { Log } from './log.ts'
import { Looker } from './looker.ts'
import { type Opened, openLog, type World } from './opening.ts'
import { Reclaimer } from './reclaimer.ts'
import { Settler } from './settler.ts'
import { Taker } from './taker.ts'
import { missingRecords } from './unrecorded.ts'

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

export class LogStore implements Store {
  readonly supports = SUPPORTS
  readonly codec: string
  readonly #options: StoreOptions
  readonly #world: World
  readonly #opened: Opened
  readonly #appender: Appender
  readonly #taker: Taker
  readonly #settler: Settler
  readonly #reclaimer: Reclaimer
  readonly #looker: Looker
  readonly #reader: DocumentReader
  readonly #flusher: Flusher
  readonly #interval: IntervalSync
  readonly #failedLog: Log
  readonly #watchers = new Set<() => void>()
  #closing: Promise<void> | undefined

  /** Opens the folder, or makes it. Rejects with FormatError, CodecMismatchError, CorruptionError or StorageError. */
  static async open(folder: string, options: StoreOptions, world: Partial<World> = {}): Promise<LogStore> {
    const whole = { ...systemWorld, ...world }
    return new LogStore(await openLog(folder, options, whole), options, whole)
  }

  private constructor(opened: Opened, options: StoreOptions, world: World) {
    const { log, cursor, owners, lock } = opened
    const { events, durability, flushLimit, onDamage } = options
    this.codec = opened.codec
    this.#opened = opened
    this.#options = options
    this.#world = world
    this.#reader = new DocumentReader(log)
    this.#interval = new IntervalSync(durability, world.clock, () => this.#sync(), events)
    const flushed = (report: { readonly reclaimed: number }) => events.flushed(report)
    const failing = (error: Error) => events.failed(error)
    this.#flusher = new Flusher({ log, cursor, lock, owners, flushLimit, flushed, failed: failing })
    const judge = new Judge({
      log,
      cursor,
      lock,
      reader: this.#reader,
      onDamage,
      corruption: (report) => events.corruption(report),
    })
    this.#appender = new Appender({
      log,
      cursor,
      lock,
      durability,
      owner: () => owners.own,
      makeRoom: () => this.#flusher.makeRoom(),
      appended: () => this.#changed(),
      syncLater: () => this.#interval.start(),
    })
    this.#failedLog = new Log(`${log.folder}/${FAILED}`, log.world, options.segmentSize)
    const failed = new FailedItems(this.#failedLog, lock)
    const recorded = () => this.#recorded()
    const durable = durability === 'disk'
    const parts = {
      log,
      cursor,
      lock,
      reader: this.#reader,
      judge,
      owners,
      clock: world.clock,
      durable,
      recorded,
      failing,
    }
    this.#reclaimer = new Reclaimer(parts, options.autoResume)
    this.#settler = new Settler(parts, this.#appender, failed, options.keepAcked ?? 0)
    this.#taker = new Taker(parts, this.#settler, this.#reclaimer)
    this.#looker = new Looker(parts, failed)
    this.#tell()
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

  append(documents: readonly Document[], options?: AppendOptions): Promise<number | undefined> {
    if (this.#closing) return Promise.reject(new QueueClosedError())
    const due = options?.due
    const extra = due === undefined ? undefined : { due, attempt: 0, replaced: [], retried: false }
    return this.#appender.append(documents, options?.bound, extra)
  }

  peek(n: number): Promise<Piece[]> {
    return this.#guard(this.#looker.peek(n))
  }

  pop(n: number): Promise<Piece[]> {
    return this.#guard(this.#taker.pop(n))
  }

  delete(n: number): Promise<number> {
    return this.#guard(this.#taker.delete(n))
  }

  clear(): Promise<number> {
    return this.#guard(this.#taker.clear())
  }

  lease(n: number, first?: readonly Settlement[], hold?: Hold): Promise<Piece[]> {
    return this.#guard(this.#taker.lease(n, first, hold))
  }

  mark(loop: number, ids: IdRange | undefined): void {
    this.#opened.owners.mark(loop, ids)
  }

  extend(ids: readonly HeldRange[], deadline: number): Promise<void> {
    return this.#guard(this.#settler.extend(ids, deadline))
  }

  reclaim(): Promise<number> {
    return this.#guard(this.#reclaimer.reclaim())
  }

  retry(ids?: readonly number[]): Promise<number> {
    return this.#guard(this.#settler.retry(ids))
  }

  discard(ids?: readonly number[]): Promise<number> {
    return this.#guard(this.#settler.discard(ids))
  }

  settle(settlements: readonly Settlement[], relaxed?: boolean): Promise<void> {
    return this.#guard(this.#settler.settle(settlements, relaxed))
  }

  fail(piece: Piece, reason: string): Promise<void> {
    return this.#guard(this.#settler.fail(piece, reason))
  }

  list(options: ListOptions): Promise<Listed[]> {
    return this.#guard(this.#looker.list(options))
  }

  flush(): Promise<{ readonly reclaimed: number }> {
    return this.#guard(this.#flusher.flush())
  }

  async counts(): Promise<Counts> {
    return this.#guard(Promise.resolve(this.#count()))
  }

  #count(): Counts | Promise<Counts> {
    const { log } = this.#opened
    return this.#cursor.step((state) => {
      log.refresh()
      const before = missingRecords(log, state)
      if (before.length > 0) return { before }
      const { ready, delayed } = state.runs.count(log.nextId, this.#world.clock.now())
      const { inFlight, acked } = state.runs
      return { records: [], result: { ready, delayed, inFlight, failed: state.failed.size, acked } }
    })
  }

  async stats(): Promise<StoreStats> {
    const counts = await this.counts()
    const oldest = counts.ready > 0 ? (await this.peek(1))[0]?.enqueuedAt : undefined
    const { log } = this.#opened
    const sizes = await this.#guard(
      Promise.resolve(this.#cursor.step((state) => ({ records: [], result: sizesOf(log, state) }))),
    )
    return { ...counts, ...sizes, oldest, nextId: log.nextId, lost: this.#cursor.state.lost }
  }

  watch(changed: () => void): () => void {
    const stop = this.#world.disk.watch(this.#opened.log.folder, changed)
    this.#watchers.add(changed)
    return () => {
      this.#watchers.delete(changed)
      stop()
    }
  }

  #changed(): void {
    for (const changed of this.#watchers) changed()
  }

  #recorded(): void {
    this.#interval.start()
    this.#flusher.maybe()
    this.#changed()
  }

  /** What failed without saying what to do becomes a StorageError. */
  async #guard<R>(call: Promise<R>): Promise<R> {
    try {
      return await call
    } catch (error) {
      if (error instanceof QueueError || codeOf(error) === '') throw error
      throw new StorageError(`${this.#opened.log.folder}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      })
    }
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
    const { log, owners, lock, release } = this.#opened
    await this.#appender.idle()
    this.#interval.stop()
    await this.#flusher.idle()
    try {
      await this.#guard(this.#leave())
    } finally {
      owners.leave()
      log.close()
      this.#failedLog.close()
      await this.#cursor.close()
      lock.close()
      release()
    }
  }

  async #leave(): Promise<void> {
    const { log, owners } = this.#opened
    for (const segment of log.unsynced()) await log.makeDurable(segment)
    const { position, nextId } = log.synced()
    const synced = { kind: 'synced', segment: position.segment, offset: position.offset, nextId } as const
    const left = { kind: 'left', owner: owners.own, counted: 1, ids: [] } as const
    await this.#cursor.step(() => ({ records: nextId > 0 ? [synced, left] : [left], result: undefined }))
    await this.#cursor.durable()
  }
}

function sizesOf(log: Log, state: Cursor['state']): { bytes: number; deadBytes: number; segments: number } {
  let bytes = 0
  let deadBytes = 0
  for (const segment of log.segments) {
    const wasOpen = segment.isOpen
    if (!log.openIfThere(segment)) continue
    bytes += segment.end
    deadBytes += deadBytesOf(segment, state)
    if (!wasOpen) segment.close()
  }
  return { bytes, deadBytes, segments: log.segments.length }
}

export type { Limits }
