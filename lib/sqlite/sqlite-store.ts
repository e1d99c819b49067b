// sqlite-store.ts: a queue in an SQLite database, as a Store. Thin: what a call does, the worker thread does, in one
// transaction with all that came with it (put-ops.ts, take-ops.ts, settle-ops.ts); how it is called is in calls.ts, who is
// alive in owners.ts.

import { copyMarkOf } from '../copy-mark.ts'
import type * as seam from '../store.ts'
import { INDEXED } from '../supports.ts'
import { unlessAborted } from '../wait/aborts.ts'
import type { Watch } from '../wait/changes.ts'
import { type StoreClock, systemClock } from '../wait/clock.ts'
import { queueMicrotask } from '../wait/timers.ts'
import type { SqliteAddress } from './address.ts'
import { Appends } from './appends.ts'
import { Arguments, limitOf } from './arguments.ts'
import { Calls, type Parts } from './calls.ts'
import { openParts, type World } from './opening.ts'
import type { ArgsOf, OpName, ValueOf } from './ops.ts'
import { countsOf, listedOf, piecesOf } from './pieces.ts'
import { Pops } from './pops.ts'
import type { PutResult } from './put-ops.ts'
import { sealed } from './seal.ts'
import type { Answered, CallOptions } from './thread.ts'

export class SqliteStore implements seam.Store {
  readonly supports = INDEXED
  readonly codec: string
  readonly order: seam.Order
  readonly #parts: Parts
  readonly #queue: number
  readonly #args: Arguments
  readonly #calls: Calls
  readonly #appends: Appends
  readonly #pops: Pops
  #closing: Promise<void> | undefined

  /**
   * Opens the queue, or makes it. Rejects with FormatError, CodecMismatchError, CorruptionError, StorageError, or
   * UnsupportedError where no SQLite can be loaded.
   */
  static async open(
    address: SqliteAddress,
    options: seam.StoreOptions,
    world: World = { clock: systemClock },
  ): Promise<SqliteStore> {
    const parts = await openParts(address, options, world)
    const store = new SqliteStore(parts)
    if (!options.autoResume) return store
    try {
      await store.#recover()
      return store
    } catch (error) {
      await parts.owners.leave().catch(() => {})
      await parts.database.close()
      throw error
    }
  }

  private constructor(parts: Parts) {
    const { recorded } = parts
    this.codec = recorded.codec
    this.order = recorded.order
    this.#parts = parts
    this.#queue = recorded.id
    this.#args = new Arguments(parts)
    this.#calls = new Calls(parts)
    this.#appends = new Appends(async (args, blobs, signal) => {
      this.#pops.end()
      const answer = await this.#calls.change('queue.put', args, { blobs, signal })
      return { ...answer, value: this.#calls.found(answer.value) }
    })
    this.#pops = new Pops(async (args, blobs) => {
      this.#appends.end()
      return this.#pieces(await this.#calls.change('queue.pop', args, { blobs }), () => 0)
    })
  }

  async #recover(): Promise<void> {
    const { events } = this.#parts.options
    const reclaimed = await this.#calls.reclaim()
    if (reclaimed > 0) queueMicrotask(() => events.recovered({ tornBytes: 0, reclaimed }))
  }

  get clock(): StoreClock {
    return this.#parts.time
  }

  append(documents: readonly seam.Document[], options?: seam.AppendOptions): Promise<number | undefined> {
    if (options === undefined) return this.#appends.plain(this.#args.plain, documents)
    return this.#put(documents, options).then((put) => put?.ids[0])
  }

  async appendUnique(
    documents: readonly seam.Document[],
    keys: readonly string[],
    options?: seam.AppendOptions,
  ): Promise<readonly (number | undefined)[] | undefined> {
    return (await this.#put(documents, options, keys))?.ids
  }

  async #put(
    documents: readonly seam.Document[],
    { bound, due = 0, attempt = 0, priority = 0, signal }: seam.AppendOptions = {},
    keys?: readonly string[],
  ): Promise<PutResult | undefined> {
    const isDropping = bound?.whenFull === 'drop-oldest'
    const { items = 0, bytes, round } = bound ?? {}
    const limits = bound === undefined ? undefined : { items, bytes, round, isDropping }
    const args = { ...this.#args.plain(), due, attempt, priority, bound: limits, keys }
    const put = await this.#appends.alone(args, documents, signal)
    // What the dead held can be dropped: who waits is told where it is ready. It is looked at behind the put, in its order.
    if (put === undefined && isDropping && this.#calls.isProbeDue) await unlessAborted(this.#calls.probe(), signal)
    if (put !== undefined && put.dropped > 0) bound?.dropped?.(put.dropped)
    return put
  }

  async update(id: number, document: seam.Document, key?: string): Promise<boolean> {
    const args = { ...this.#args.asked(), id, key }
    return (await this.#change('queue.update', args, { blobs: () => sealed([document.bytes]) })).value
  }

  async peek(n: number): Promise<seam.Piece[]> {
    if (this.#calls.isProbeDue) await this.#calls.probe()
    return this.#pieces(await this.#ask('queue.peek', this.#args.taking(n)), (attempt) => attempt)
  }

  async pop(n: number, signal?: AbortSignal): Promise<seam.Piece[]> {
    if (this.#calls.isProbeDue) await unlessAborted(this.#calls.probe(), signal)
    if (signal === undefined) return this.#pops.pop(this.#args.taking(n))
    return this.#pieces(await this.#change('queue.pop', this.#args.taking(n), { signal }), () => 0)
  }

  async delete(n: number): Promise<number> {
    return (await this.#change('queue.delete', this.#args.taking(n))).value
  }

  async clear(): Promise<number> {
    return (await this.#change('queue.clear', this.#args.asked())).value
  }

  async lease(
    n: number,
    first: readonly seam.Settlement[] = [],
    { deadline, uncharged = false, signal }: seam.Hold = {},
    pick?: seam.Pick,
  ): Promise<seam.Piece[]> {
    if (this.#calls.isProbeDue) await unlessAborted(this.#calls.probe(), signal)
    const hold = { deadline: deadline || null, isAhead: uncharged, pick }
    const args = { ...this.#args.taking(n), ...this.#args.settling(first), ...hold }
    this.#part()
    const taken = await this.#calls.ask('queue.lease', args, { within: this.#calls.behind, signal })
    if (first.length > 0) this.#parts.database.changed()
    return this.#pieces(taken, (attempt) => attempt + 1)
  }

  mark(loop: number, ids: seam.IdRange | undefined): void {
    this.#parts.owners.mark(loop, ids)
  }

  async extend(ids: readonly seam.HeldRange[], deadline: number): Promise<void> {
    const args = { ...this.#args.asked(), owner: this.#parts.owners.own, ids, deadline: deadline || null }
    await this.#change('queue.extend', args)
  }

  reclaim(): Promise<number> {
    return this.#calls.reclaim()
  }

  async retry(ids?: readonly number[]): Promise<number> {
    return (await this.#change('queue.retry', { queue: this.#queue, ids })).value
  }

  async discard(ids?: readonly number[]): Promise<number> {
    return (await this.#change('queue.discard', { queue: this.#queue, ids })).value
  }

  async settle(settlements: readonly seam.Settlement[], relaxed = false): Promise<void> {
    const within = relaxed ? this.#calls.behind : this.#calls.within
    await this.#change('queue.settle', this.#args.settling(settlements), { within })
  }

  async fail(piece: seam.Piece, reason: string): Promise<void> {
    const { firstId: id, attempt, enqueuedAt: enqueued, priority = null, key = null, document } = piece
    const args = { queue: this.#queue, id, attempt, enqueued, reason, priority, key }
    await this.#change('queue.fail', args, { blobs: () => sealed([document.bytes]) })
  }

  async counts(): Promise<seam.Counts> {
    if (this.#calls.isProbeDue) await this.#calls.probe()
    const { value } = await this.#ask('queue.counts', this.#args.asked())
    return countsOf(this.#calls.noted(value))
  }

  async stats(): Promise<seam.StoreStats> {
    const { value } = await this.#ask('queue.stats', this.#args.asked())
    const { bytes, nextId, oldest, lost, fileBytes, freeBytes: deadBytes } = value
    return { ...countsOf(value), bytes, fileBytes, deadBytes, segments: 0, oldest, nextId, lost }
  }

  async list({ status, after, limit }: seam.ListOptions): Promise<seam.Listed[]> {
    const args = { ...this.#args.asked(), status, after, limit: limitOf(limit) }
    return listedOf(await this.#ask('queue.list', args), status)
  }

  async flush(): Promise<{ readonly reclaimed: number }> {
    const { value: reclaimed } = await this.#ask('page.vacuum', null)
    this.#parts.options.events.flushed({ reclaimed })
    return { reclaimed }
  }

  async identity(): Promise<string> {
    return this.#parts.recorded.uuid
  }

  async copyMark(): Promise<seam.CopyMark | undefined> {
    const { value } = await this.#ask('queue.copyMark', this.#queue)
    return value === undefined ? undefined : copyMarkOf(value)
  }

  async markCopy(mark: seam.CopyMark): Promise<void> {
    await this.#ask('queue.markCopy', { queue: this.#queue, mark: JSON.stringify(mark) }, 0)
  }

  watch(changed: () => void): Watch {
    return this.#calls.watch(changed)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { owners, database } = this.#parts
    await this.#calls.end()
    try {
      await owners.leave()
      database.changed()
    } finally {
      await database.close()
    }
  }

  #pieces(taken: Answered<ValueOf<'queue.pop'>>, attemptOf: (attempt: number) => number): seam.Piece[] {
    this.#calls.met(taken.value)
    return piecesOf(taken, attemptOf)
  }

  #ask<N extends OpName>(op: N, args: ArgsOf<N>, within = this.#calls.within): Promise<Answered<ValueOf<N>>> {
    this.#part()
    return this.#calls.ask(op, args, { within })
  }

  #change<N extends OpName>(op: N, args: ArgsOf<N>, options?: CallOptions): Promise<Answered<ValueOf<N>>> {
    this.#part()
    return this.#calls.change(op, args, options)
  }

  /** What was asked for before stays apart from what is asked for behind this call. */
  #part(): void {
    this.#appends.end()
    this.#pops.end()
  }
}
