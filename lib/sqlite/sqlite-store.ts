// sqlite-store.ts: a queue in an SQLite database, as a Store. Thin: what a call does, the worker thread does, in one
// transaction with all that came with it (put-ops.ts, take-ops.ts, settle-ops.ts). Here is what needs this thread: who is
// alive, what is told, and how durable each call is.

import { nodeDisk } from '../disk/node.ts'
import { CorruptionError, QueueClosedError } from '../errors.ts'
import type * as seam from '../store.ts'
import { type Clock, systemClock } from '../wait/clock.ts'
import type { SqliteAddress } from './address.ts'
import { Appends } from './appends.ts'
import { MEMORY } from './connection.ts'
import { type Answered, type Database, openDatabase } from './database.ts'
import type { DriverName } from './driver.ts'
import type { ArgsOf, OpName, ValueOf } from './ops.ts'
import { Owners } from './owners.ts'
import { listedOf, piecesOf } from './pieces.ts'
import type { Recorded } from './schema.ts'
import { watchDatabase } from './watching.ts'

const SUPPORTS: seam.Supports = Object.freeze({
  orders: Object.freeze(['fifo', 'lifo', 'priority'] as const),
  unique: true,
  update: true,
  leaseById: true,
  durable: true,
  documents: false,
})

/** How often the owners of items in flight are looked at. */
const PROBE_MS = 400
/** How soon acknowledgements are synced that nobody waits for. */
const BEHIND_MS = 50

export interface World {
  readonly clock: Clock
  readonly drivers?: readonly DriverName[] | undefined
}

interface Parts {
  readonly world: World
  readonly options: seam.StoreOptions
  readonly database: Database
  readonly recorded: Recorded
  readonly owners: Owners
  readonly file: string | undefined
}

export class SqliteStore implements seam.Store {
  readonly supports = SUPPORTS
  readonly codec: string
  readonly order: seam.Order
  readonly #parts: Parts
  readonly #queue: number
  readonly #appends: Appends
  readonly #within: number
  #probedAt: number
  #underWay = 0
  #rested: (() => void) | undefined
  #closing: Promise<void> | undefined
  #isDamageTold = false

  /**
   * Opens the queue, or makes it. Rejects with FormatError, CodecMismatchError, CorruptionError, StorageError, or
   * UnsupportedError where no SQLite can be loaded.
   */
  static async open(
    { file, queue: name }: SqliteAddress,
    options: seam.StoreOptions,
    world: World = { clock: systemClock },
  ): Promise<SqliteStore> {
    const { signal, codec, order, flushLimit, events } = options
    signal?.throwIfAborted()
    const told = { vacuumed: (reclaimed: number) => events.flushed({ reclaimed }), failed: events.failed.bind(events) }
    const { drivers } = world
    const database = await openDatabase(file, { events: told, freeBytes: flushLimit, drivers })
    try {
      signal?.throwIfAborted()
      const within = withinOf(options.durability)
      const { value: recorded } = await database.call('queue.open', { name, codec, order }, { within })
      const path = file === MEMORY || file.startsWith('memory:') ? undefined : file
      const owners = await Owners.join({ disk: nodeDisk, database, file: path, queue: recorded.id })
      const store = new SqliteStore({ world, options, database, recorded, owners, file: path })
      if (options.autoResume) await store.#recover()
      return store
    } catch (error) {
      await database.close()
      throw error
    }
  }

  private constructor(parts: Parts) {
    const { recorded, options, world } = parts
    this.codec = recorded.codec
    this.order = recorded.order
    this.#parts = parts
    this.#queue = recorded.id
    this.#within = withinOf(options.durability)
    this.#probedAt = world.clock.elapsed()
    this.#appends = new Appends((args, blobs) => this.#changing('queue.put', args, { blobs }))
  }

  async #recover(): Promise<void> {
    const reclaimed = await this.#parts.owners.reclaim(this.#within).catch(async (error) => {
      await this.#parts.owners.leave().catch(() => {})
      throw error
    })
    if (reclaimed > 0) queueMicrotask(() => this.#parts.options.events.recovered({ tornBytes: 0, reclaimed }))
  }

  async append(documents: readonly seam.Document[], options?: seam.AppendOptions): Promise<number | undefined> {
    const put = await this.#appends.append(this.#putting(options), documents)
    if (put !== undefined && put.dropped > 0) options?.bound?.dropped?.(put.dropped)
    return put?.ids[0]
  }

  async appendUnique(
    documents: readonly seam.Document[],
    keys: readonly string[],
    options?: seam.AppendOptions,
  ): Promise<readonly (number | undefined)[] | undefined> {
    const put = await this.#appends.append({ ...this.#putting(options), keys }, documents)
    if (put !== undefined && put.dropped > 0) options?.bound?.dropped?.(put.dropped)
    return put?.ids
  }

  #putting({ bound, due = 0, attempt = 0, priority = 0 }: seam.AppendOptions = {}): ArgsOf<'queue.put'> {
    const isDropping = bound?.whenFull === 'drop-oldest'
    const limits = bound === undefined ? undefined : { items: bound.items, bytes: bound.bytes, isDropping }
    return { queue: this.#queue, now: this.#now(), due, attempt, priority, bound: limits, keys: undefined }
  }

  async update(id: number, document: seam.Document, key?: string): Promise<boolean> {
    const args = { queue: this.#queue, id, key, now: this.#now() }
    return (await this.#changing('queue.update', args, { blobs: [document.bytes] })).value
  }

  async peek(n: number): Promise<seam.Piece[]> {
    await this.#probe()
    return piecesOf(await this.#call('queue.peek', this.#taking(n), this.#within), () => 0)
  }

  async pop(n: number): Promise<seam.Piece[]> {
    await this.#probe()
    return piecesOf(await this.#changing('queue.pop', this.#taking(n)), () => 0)
  }

  async delete(n: number): Promise<number> {
    return (await this.#changing('queue.delete', this.#taking(n))).value
  }

  async clear(): Promise<number> {
    return (await this.#changing('queue.clear', { queue: this.#queue, now: this.#now() })).value
  }

  async lease(
    n: number,
    first: readonly seam.Settlement[] = [],
    { deadline, uncharged = false }: seam.Hold = {},
    pick?: seam.Pick,
  ): Promise<seam.Piece[]> {
    await this.#probe()
    const hold = { deadline: deadline || null, isAhead: uncharged, pick }
    const args = { ...this.#taking(n), ...this.#settling(first), ...hold }
    const taken = await this.#call('queue.lease', args, this.#behind())
    if (first.length > 0) this.#parts.database.changed()
    return piecesOf(taken, (attempt) => attempt)
  }

  mark(loop: number, ids: seam.IdRange | undefined): void {
    this.#parts.owners.mark(loop, ids)
  }

  async extend(ids: readonly seam.HeldRange[], deadline: number): Promise<void> {
    const args = {
      queue: this.#queue,
      now: this.#now(),
      owner: this.#parts.owners.own,
      ids,
      deadline: deadline || null,
    }
    await this.#changing('queue.extend', args)
  }

  async reclaim(): Promise<number> {
    return this.#guard(async () => {
      const items = await this.#parts.owners.reclaim(this.#within)
      if (items > 0) this.#parts.database.changed()
      return items
    })
  }

  async retry(ids?: readonly number[]): Promise<number> {
    return (await this.#changing('queue.retry', { queue: this.#queue, ids })).value
  }

  async discard(ids?: readonly number[]): Promise<number> {
    return (await this.#changing('queue.discard', { queue: this.#queue, ids })).value
  }

  async settle(settlements: readonly seam.Settlement[], relaxed = false): Promise<void> {
    await this.#changing('queue.settle', this.#settling(settlements), { within: relaxed ? this.#behind() : undefined })
  }

  async fail({ firstId, attempt, enqueuedAt, document }: seam.Piece, reason: string): Promise<void> {
    const args = { queue: this.#queue, id: firstId, attempt, enqueued: enqueuedAt, reason }
    await this.#changing('queue.fail', args, { blobs: [document.bytes] })
  }

  async counts(): Promise<seam.Counts> {
    await this.#probe()
    const { value } = await this.#call('queue.counts', this.#asked(), this.#within)
    return countsOf(value)
  }

  async stats(): Promise<seam.StoreStats> {
    const { value } = await this.#call('queue.stats', this.#asked(), this.#within)
    const { bytes, nextId, oldest, freeBytes: deadBytes } = value
    return { ...countsOf(value), bytes, deadBytes, segments: 0, oldest, nextId, lost: 0 }
  }

  async list({ status, after, limit }: seam.ListOptions): Promise<seam.Listed[]> {
    const args = { ...this.#asked(), status, after, limit: limitOf(limit) }
    return listedOf(await this.#call('queue.list', args, this.#within), status)
  }

  async flush(): Promise<{ readonly reclaimed: number }> {
    const { value: reclaimed } = await this.#call('page.vacuum', null, 0)
    this.#parts.options.events.flushed({ reclaimed })
    return { reclaimed }
  }

  async identity(): Promise<string> {
    return this.#parts.recorded.uuid
  }

  async copyMark(): Promise<seam.CopyMark | undefined> {
    const { value } = await this.#call('queue.copyMark', this.#queue, Infinity)
    return value === undefined ? undefined : JSON.parse(value)
  }

  async markCopy(mark: seam.CopyMark): Promise<void> {
    await this.#call('queue.markCopy', { queue: this.#queue, mark: JSON.stringify(mark) }, 0)
  }

  watch(changed: () => void): () => void {
    return watchDatabase(this.#parts.database, this.#parts.file, changed)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { owners, database } = this.#parts
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#rested = resolve))
    try {
      await owners.leave()
      database.changed()
    } finally {
      await database.close()
    }
  }

  #now(): number {
    return this.#parts.world.clock.now()
  }

  #asked(): { queue: number; now: number } {
    return { queue: this.#queue, now: this.#now() }
  }

  #taking(n: number): { queue: number; now: number; n: number } {
    return { ...this.#asked(), n: limitOf(n) }
  }

  #settling(settlements: readonly seam.Settlement[]): ArgsOf<'queue.settle'> {
    const { owners, options } = this.#parts
    return { ...this.#asked(), owner: owners.own, settlements, keep: options.keepAcked ?? 0 }
  }

  /** With 'disk', what nobody waits for is synced a little later. */
  #behind(): number {
    return this.#within === 0 ? BEHIND_MS : this.#within
  }

  /** Looks every so often for handles that have died. */
  async #probe(): Promise<void> {
    const { options, world, owners, database } = this.#parts
    if (!options.autoResume || world.clock.elapsed() - this.#probedAt < PROBE_MS) return
    this.#probedAt = world.clock.elapsed()
    const items = await this.#guard(() => owners.reclaim(this.#behind()))
    if (items > 0) database.changed()
  }

  async #changing<N extends OpName>(op: N, args: ArgsOf<N>, extra: Extra = {}): Promise<Answered<ValueOf<N>>> {
    const answer = await this.#call(op, args, extra.within ?? this.#within, extra.blobs)
    this.#parts.database.changed()
    return answer
  }

  #call<N extends OpName>(
    op: N,
    args: ArgsOf<N>,
    within: number,
    blobs?: Extra['blobs'],
  ): Promise<Answered<ValueOf<N>>> {
    if (op !== 'queue.put') this.#appends.end()
    return this.#guard(() => this.#parts.database.call(op, args, { within, blobs }))
  }

  /** A call: not after close(), which waits for those under way. */
  async #guard<R>(call: () => Promise<R>): Promise<R> {
    if (this.#closing) throw new QueueClosedError()
    this.#underWay += 1
    try {
      return await call()
    } catch (error) {
      if (error instanceof CorruptionError) this.#tellDamage()
      throw error
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#rested?.()
    }
  }

  /** Once: how far it reaches SQLite doesn't say. */
  #tellDamage(): void {
    if (this.#isDamageTold) return
    this.#isDamageTold = true
    this.#parts.options.events.corruption({ file: this.#parts.file ?? MEMORY, offset: 0, bytes: 0, lost: 0 })
  }
}

interface Extra {
  readonly blobs?: readonly Uint8Array[] | (() => readonly Uint8Array[]) | undefined
  readonly within?: number | undefined
}

function withinOf(durability: seam.Durability): number {
  if (durability === 'disk') return 0
  return durability === 'os' ? Infinity : durability.interval
}

function limitOf(n: number): number {
  return Math.min(n, Number.MAX_SAFE_INTEGER)
}

function countsOf({ ready, delayed, flying: inFlight, failed, acked }: ValueOf<'queue.counts'>): seam.Counts {
  return { ready, delayed, inFlight, failed, acked }
}
