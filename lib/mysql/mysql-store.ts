// mysql-store.ts: a MySQL or MariaDB database as a Store. Thin: each call goes to the part that does it (parts.ts).
//
// The tables are described in schema.ts. Durability is the server's: with innodb_flush_log_at_trx_commit = 1, its
// default, each COMMIT is on its disk; where 'disk' is asked of a server that is set otherwise, a warning says so.

import { QueueClosedError } from '../errors.ts'
import type * as seam from '../store.ts'
import { INDEXED } from '../supports.ts'
import type { Watch } from '../wait/changes.ts'
import { type StoreClock, systemClock } from '../wait/clock.ts'
import { queueMicrotask } from '../wait/timers.ts'
import type { Address } from './address.ts'
import { type Parts, partsOf } from './parts.ts'
import { Pool } from './pool.ts'
import type { Outcome } from './putter.ts'
import { pieceOf, poppedOf } from './rows.ts'
import { type Recorded, recorded } from './schema.ts'
import { checkServer } from './settings.ts'
import { checkSize, REASON } from './trips.ts'
import type { Attended } from './watching.ts'

const STEADY: StoreClock = Object.freeze({ now: systemClock.now, slept: () => 0 })

export class MysqlStore implements seam.Store {
  readonly supports = INDEXED
  readonly codec: string
  readonly order: seam.Order
  readonly #uuid: string
  readonly #parts: Parts
  readonly #events: seam.StoreEvents
  #closing: Promise<void> | undefined

  /**
   * Opens the queue at a `mysql:` URL, or makes it. Rejects with UnsupportedError (no mysql2, or an old server),
   * StorageError (no server), FormatError or CodecMismatchError.
   */
  static async open(address: Address, options: seam.StoreOptions): Promise<MysqlStore> {
    options.signal?.throwIfAborted()
    const pool = Pool.enter(address)
    let store: MysqlStore | undefined
    try {
      const queue = await pool.use(async (link) => {
        await checkServer(link, address, options.durability)
        return recorded(link, address, options)
      })
      store = new MysqlStore(pool, options, queue)
      await store.#enter(options)
      options.signal?.throwIfAborted()
      return store
    } catch (error) {
      await (store ?? { close: () => pool.leave() }).close().catch(() => {})
      throw error
    }
  }

  private constructor(pool: Pool, options: seam.StoreOptions, queue: Recorded) {
    this.codec = queue.codec
    this.order = queue.order
    this.#uuid = queue.uuid
    this.#events = options.events
    this.#parts = partsOf(pool, queue, { ...options, attend: () => this.#attend() })
  }

  /** Alive from here on; what dead handles held is ready. */
  async #enter({ autoResume, keepAcked = 0 }: seam.StoreOptions): Promise<void> {
    await this.#parts.owner.alive()
    if ((await this.#parts.looker.counts()).acked > keepAcked) await this.#parts.taker.trim()
    const reclaimed = autoResume ? await this.#parts.taker.reclaim() : 0
    if (reclaimed > 0) queueMicrotask(() => this.#events.recovered({ tornBytes: 0, reclaimed }))
  }

  /** Only distances count: the server's clock measures them. */
  get clock(): StoreClock {
    return STEADY
  }

  async append(documents: readonly seam.Document[], options: seam.AppendOptions = {}): Promise<number | undefined> {
    return (await this.#put(documents, options))?.[0]
  }

  async appendUnique(
    documents: readonly seam.Document[],
    keys: readonly string[],
    options: seam.AppendOptions = {},
  ): Promise<readonly (number | undefined)[] | undefined> {
    return this.#put(documents, options, keys)
  }

  /** Who waits for room is woken when something is due. What does not wait may drop what is due already, or dead. */
  async #put(
    documents: readonly seam.Document[],
    options: seam.AppendOptions,
    keys?: readonly string[],
  ): Promise<Outcome> {
    this.#check()
    const { putter } = this.#parts
    const ids = await putter.append(documents, options, keys)
    const { whenFull, round } = options.bound ?? {}
    if (ids !== undefined || whenFull !== 'drop-oldest' || round !== undefined) return ids
    await this.#attend()
    return putter.append(documents, options, keys)
  }

  async update(id: number, document: seam.Document, key?: string): Promise<boolean> {
    this.#check()
    checkSize(document.bytes.length, this.#parts.pool.packetBytes)
    return this.#parts.mender.update(id, document, key)
  }

  async peek(n: number): Promise<seam.Piece[]> {
    await this.#attended()
    return n === 0 ? [] : this.#parts.looker.peek(n)
  }

  async pop(n: number): Promise<seam.Piece[]> {
    this.#check()
    const rows = await this.#parts.taker.take({ n, use: 'pop' })
    return rows.map(poppedOf)
  }

  async delete(n: number): Promise<number> {
    this.#check()
    const rows = await this.#parts.taker.take({ n, use: 'delete' })
    return rows.length
  }

  async clear(): Promise<number> {
    await this.#attended()
    const { nextId } = await this.#parts.looker.stats()
    return this.#parts.mender.clear(nextId)
  }

  async lease(
    n: number,
    first: readonly seam.Settlement[] = [],
    hold?: seam.Hold,
    pick?: seam.Pick,
  ): Promise<seam.Piece[]> {
    this.#checkSettlements(first)
    const rows = await this.#parts.taker.take({ n, use: 'lease', hold, pick }, first)
    return rows.map((row) => pieceOf(row, row.attempt + 1))
  }

  mark(loop: number, ids: seam.IdRange | undefined): void {
    this.#parts.owner.mark(loop, ids)
  }

  async extend(ids: readonly seam.HeldRange[], deadline: number): Promise<void> {
    this.#check()
    await this.#parts.taker.extend(ids, deadline)
  }

  async reclaim(): Promise<number> {
    this.#check()
    return this.#parts.taker.reclaim()
  }

  async retry(ids?: readonly number[]): Promise<number> {
    this.#check()
    return this.#parts.mender.retry(ids)
  }

  async discard(ids?: readonly number[]): Promise<number> {
    this.#check()
    return this.#parts.mender.discard(ids)
  }

  async settle(settlements: readonly seam.Settlement[]): Promise<void> {
    this.#checkSettlements(settlements)
    await this.#parts.taker.take({ n: 0, use: 'lease' }, settlements)
  }

  async fail(piece: seam.Piece, reason: string): Promise<void> {
    this.#check()
    await this.#parts.mender.setAside(piece, reason)
  }

  async counts(): Promise<seam.Counts> {
    await this.#attended()
    return this.#parts.looker.counts()
  }

  async stats(): Promise<seam.StoreStats> {
    await this.#attended()
    return this.#parts.looker.stats()
  }

  async list(options: seam.ListOptions): Promise<seam.Listed[]> {
    await this.#attended()
    return this.#parts.looker.list(options)
  }

  async flush(): Promise<{ readonly reclaimed: number }> {
    this.#check()
    const reclaimed = await this.#parts.keeper.flush()
    this.#events.flushed({ reclaimed })
    return { reclaimed }
  }

  async identity(): Promise<string> {
    return this.#uuid
  }

  async copyMark(): Promise<seam.CopyMark | undefined> {
    this.#check()
    return this.#parts.keeper.copyMark()
  }

  async markCopy(mark: seam.CopyMark): Promise<void> {
    this.#check()
    await this.#parts.keeper.markCopy(mark)
  }

  watch(changed: () => void): Watch {
    return this.#parts.watching.watch(changed)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Where the server is lost, what is held is ready again by itself: the lock of this handle is free. */
  async #close(): Promise<void> {
    try {
      this.#parts.watching.rest()
      await this.#parts.putter.idle()
      await this.#parts.taker.leave()
    } finally {
      this.#parts.watching.changed()
      this.#parts.watching.close()
      await this.#parts.owner.close()
      await this.#parts.pool.leave()
    }
  }

  /** A reason that fits into no statement would reject all that goes with it. */
  #checkSettlements(settlements: readonly seam.Settlement[]): void {
    this.#check()
    for (const one of settlements) {
      if (one.outcome === 'fail') checkSize(Buffer.byteLength(one.reason), this.#parts.pool.packetBytes, REASON)
    }
  }

  #check(): void {
    if (this.#closing !== undefined) throw new QueueClosedError()
  }

  /** For who looks. */
  async #attended(): Promise<void> {
    this.#check()
    await this.#attend()
  }

  /** Looks after the due and the dead. */
  async #attend(): Promise<Attended> {
    const { graves, looker, taker } = this.#parts
    const isLooking = graves.isDue
    let glance = await looker.glance()
    if (isLooking && glance.dead > 0) {
      await taker.reclaim()
      glance = await looker.glance()
    } else if (isLooking) graves.seen()
    if (glance.dueMs === 0) await taker.resume()
    return glance
  }
}
