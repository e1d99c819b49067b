// mysql-store.ts: a MySQL or MariaDB database as a Store. Thin: each call goes to the part that does it.
//
//      putter       puts, in one transaction after the other           two lanes, so that
//      taker        takes and settlements, in another                  neither waits for the other
//      mender       items that nobody holds, in that lane too
//      looker       what is there
//      keeper       what is kept beside the items
//      graves       which others are dead, whose items are ready then
//      owner        that this handle lives
//
// The tables are described in schema.ts. Durability is the server's: with innodb_flush_log_at_trx_commit = 1, its
// default, each COMMIT is on its disk; where 'disk' is asked of a server that is set otherwise, a warning says so.

import { QueueClosedError } from '../errors.ts'
import type * as seam from '../store.ts'
import { INDEXED } from '../supports.ts'
import type { Address } from './address.ts'
import { Fronts } from './fronts.ts'
import { Graves } from './graves.ts'
import { Keeper } from './keeper.ts'
import { Looker } from './looker.ts'
import { Mender } from './mender.ts'
import { Owner } from './owner.ts'
import { Pool } from './pool.ts'
import { Putter } from './putter.ts'
import { pieceOf } from './rows.ts'
import { type Recorded, recorded } from './schema.ts'
import { checkServer } from './settings.ts'
import type { Scene } from './steps.ts'
import { Taker } from './taker.ts'
import { type Attended, Watching } from './watching.ts'

export class MysqlStore implements seam.Store {
  readonly supports = INDEXED
  readonly codec: string
  readonly order: seam.Order
  readonly #pool: Pool
  readonly #recorded: Recorded
  readonly #owner: Owner
  readonly #putter: Putter
  readonly #taker: Taker
  readonly #mender: Mender
  readonly #looker: Looker
  readonly #keeper: Keeper
  readonly #graves: Graves
  readonly #watching: Watching
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
      const opened = await pool.use(async (link) => {
        const packetBytes = await checkServer(link, address, options.durability)
        return { queue: await recorded(link, address, options), packetBytes }
      })
      store = new MysqlStore(pool, options, opened)
      await store.#enter(options)
      options.signal?.throwIfAborted()
      return store
    } catch (error) {
      await (store ?? { close: () => pool.leave() }).close().catch(() => {})
      throw error
    }
  }

  private constructor(pool: Pool, options: seam.StoreOptions, { queue, packetBytes }: Opened) {
    this.codec = queue.codec
    this.order = queue.order
    this.#pool = pool
    this.#recorded = queue
    this.#events = options.events
    this.#owner = new Owner(queue.id, pool)
    const scene: Scene = { queue: queue.id, owner: this.#owner, pool, packetBytes }
    const fronts = new Fronts(queue.id, queue.order)
    const changed = (): void => this.#watching.changed()
    this.#putter = new Putter(scene, fronts, changed)
    this.#graves = new Graves(scene, !options.autoResume)
    this.#taker = new Taker(scene, this.#graves, { fronts, keepAcked: options.keepAcked ?? 0, changed })
    this.#mender = new Mender(queue.id, this.#taker)
    this.#looker = new Looker(fronts, pool)
    this.#keeper = new Keeper(queue.id, this.#looker, pool)
    this.#watching = new Watching(queue.uuid, () => this.#attend())
  }

  /** Alive from here on; what dead handles held is ready. */
  async #enter({ autoResume }: seam.StoreOptions): Promise<void> {
    await this.#owner.alive()
    const reclaimed = autoResume ? await this.#taker.reclaim() : 0
    if (reclaimed > 0) queueMicrotask(() => this.#events.recovered({ tornBytes: 0, reclaimed }))
  }

  async append(documents: readonly seam.Document[], options: seam.AppendOptions = {}): Promise<number | undefined> {
    this.#check()
    const ids = await this.#putter.append(documents, options)
    return ids?.[0]
  }

  async appendUnique(
    documents: readonly seam.Document[],
    keys: readonly string[],
    options: seam.AppendOptions = {},
  ): Promise<readonly (number | undefined)[] | undefined> {
    this.#check()
    return this.#putter.append(documents, options, keys)
  }

  async update(id: number, document: seam.Document, key?: string): Promise<boolean> {
    this.#check()
    this.#putter.checkSize(document.bytes.length)
    return this.#mender.update(id, document, key)
  }

  async peek(n: number): Promise<seam.Piece[]> {
    await this.#attended()
    return n === 0 ? [] : this.#looker.peek(n)
  }

  async pop(n: number): Promise<seam.Piece[]> {
    this.#check()
    const rows = await this.#taker.take({ n, use: 'pop' })
    return rows.map((row) => pieceOf(row, 0))
  }

  async delete(n: number): Promise<number> {
    this.#check()
    const rows = await this.#taker.take({ n, use: 'delete' })
    return rows.length
  }

  async clear(): Promise<number> {
    await this.#attended()
    const { nextId } = await this.#looker.stats()
    return this.#mender.clear(nextId)
  }

  async lease(
    n: number,
    first: readonly seam.Settlement[] = [],
    hold?: seam.Hold,
    pick?: seam.Pick,
  ): Promise<seam.Piece[]> {
    this.#check()
    const rows = await this.#taker.take({ n, use: 'lease', hold, pick }, first)
    return rows.map((row) => pieceOf(row, row.attempt + 1))
  }

  mark(loop: number, ids: seam.IdRange | undefined): void {
    this.#owner.mark(loop, ids)
  }

  async extend(ids: readonly seam.HeldRange[], deadline: number): Promise<void> {
    this.#check()
    await this.#taker.extend(ids, deadline)
  }

  async reclaim(): Promise<number> {
    this.#check()
    return this.#taker.reclaim()
  }

  async retry(ids?: readonly number[]): Promise<number> {
    this.#check()
    return this.#mender.retry(ids)
  }

  async discard(ids?: readonly number[]): Promise<number> {
    this.#check()
    return this.#mender.discard(ids)
  }

  async settle(settlements: readonly seam.Settlement[]): Promise<void> {
    this.#check()
    await this.#taker.take({ n: 0, use: 'lease' }, settlements)
  }

  async fail(piece: seam.Piece, reason: string): Promise<void> {
    this.#check()
    await this.#mender.setAside(piece, reason)
  }

  async counts(): Promise<seam.Counts> {
    await this.#attended()
    return this.#looker.counts()
  }

  async stats(): Promise<seam.StoreStats> {
    await this.#attended()
    return this.#looker.stats()
  }

  async list(options: seam.ListOptions): Promise<seam.Listed[]> {
    await this.#attended()
    return this.#looker.list(options)
  }

  async flush(): Promise<{ readonly reclaimed: number }> {
    this.#check()
    const reclaimed = await this.#keeper.flush()
    this.#events.flushed({ reclaimed })
    return { reclaimed }
  }

  async identity(): Promise<string> {
    return this.#recorded.uuid
  }

  async copyMark(): Promise<seam.CopyMark | undefined> {
    this.#check()
    return this.#keeper.copyMark()
  }

  async markCopy(mark: seam.CopyMark): Promise<void> {
    this.#check()
    await this.#keeper.markCopy(mark)
  }

  watch(changed: () => void): () => void {
    return this.#watching.watch(changed)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Where the server is lost, what is held is ready again by itself: the lock of this handle is free. */
  async #close(): Promise<void> {
    try {
      this.#watching.rest()
      await this.#putter.idle()
      await this.#taker.leave()
    } finally {
      this.#watching.changed()
      this.#watching.close()
      await this.#owner.close()
      await this.#pool.leave()
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
    if (this.#graves.isDue) await this.#taker.reclaim()
    const { changes, isTimed } = await this.#looker.glance()
    const dueMs = isTimed ? await this.#looker.dueIn() : Infinity
    if (dueMs === 0) await this.#taker.resume()
    return { changes, dueMs }
  }
}

interface Opened {
  readonly queue: Recorded
  readonly packetBytes: number
}
