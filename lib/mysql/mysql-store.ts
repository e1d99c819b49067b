// mysql-store.ts: a MySQL or MariaDB database as a Store. Thin: each call goes to the part that does it.
//
//      putter       puts, in one transaction after the other           a connection each, so that
//      taker        takes and settlements, in another                  none waits for another's
//      looker       what is there
//      owner        that this handle lives
//
// The tables are described in schema.ts. Durability is the server's: with innodb_flush_log_at_trx_commit = 1, its
// default, each COMMIT is on its disk; a server that is set otherwise is told of where 'disk' is asked for.

import { QueueClosedError } from '../errors.ts'
import type * as seam from '../store.ts'
import type { Address } from './address.ts'
import { connect, type Link, type Result } from './driver.ts'
import { Looker } from './looker.ts'
import * as mending from './mending.ts'
import { Owner } from './owner.ts'
import { Putter } from './putter.ts'
import { type Dead, deadOf, isRestarted, leave, reclaim, UPTIME } from './reclaim.ts'
import { pieceOf } from './rows.ts'
import { type Recorded, recorded } from './schema.ts'
import { hex } from './statements.ts'
import type { Scene, Step } from './steps.ts'
import { Taker } from './taker.ts'
import { Watching } from './watching.ts'

const SUPPORTS: seam.Supports = Object.freeze({
  orders: Object.freeze(['fifo', 'lifo', 'priority'] as const),
  unique: true,
  update: true,
  leaseById: true,
  durable: true,
  documents: false,
})

/** How often to look for dead handles, at most. */
const PROBE_MS = 250

export class MysqlStore implements seam.Store {
  readonly supports = SUPPORTS
  readonly codec: string
  readonly #address: Address
  readonly #options: seam.StoreOptions
  readonly #recorded: Recorded
  readonly #owner: Owner
  readonly #putter: Putter
  readonly #taker: Taker
  readonly #looker: Looker
  readonly #watching: Watching
  #probed = 0
  #closing: Promise<void> | undefined

  /**
   * Opens the queue at a `mysql:` URL, or makes it. Rejects with UnsupportedError (no mysql2), StorageError (no server),
   * FormatError or CodecMismatchError.
   */
  static async open(address: Address, options: seam.StoreOptions): Promise<MysqlStore> {
    options.signal?.throwIfAborted()
    const link = await connect(address)
    let store: MysqlStore | undefined
    try {
      const queue = await recorded(link, address, options)
      const [settings] = await link.ask(['SELECT @@max_allowed_packet, @@innodb_flush_log_at_trx_commit'])
      const [packetBytes, flushes] = (settings?.rows[0] ?? []).map(Number)
      if (options.durability === 'disk' && flushes !== 1) warn(address, flushes)
      store = new MysqlStore({ address, options, queue, link, packetBytes: packetBytes ?? 0 })
      await store.#enter()
      options.signal?.throwIfAborted()
      return store
    } catch (error) {
      await store?.close().catch(() => {})
      await link.close()
      throw error
    }
  }

  private constructor({ address, options, queue, link, packetBytes }: Opened) {
    this.codec = queue.codec
    this.#address = address
    this.#options = options
    this.#recorded = queue
    const connecting = (): Promise<Link> => connect(address)
    this.#owner = new Owner(queue.id, connecting, link)
    const scene: Scene = { queue: queue.id, owner: this.#owner, connect: connecting }
    const front = queue.order === 'lifo' ? 'place DESC, id DESC' : 'place, id'
    const changed = (): void => this.#watching.changed()
    this.#putter = new Putter(scene, { front, packetBytes, changed })
    this.#taker = new Taker(scene, { queue: queue.id, front, keepAcked: options.keepAcked ?? 0 }, changed)
    const ask = (statements: readonly string[]): Promise<readonly Result[]> => this.#owner.ask(statements)
    this.#looker = new Looker({ queue: queue.id, front, order: queue.order, ask })
    this.#watching = new Watching(queue.uuid, this.#looker, () => this.#attend())
  }

  /** Alive from here on; what dead handles held is ready. */
  async #enter(): Promise<void> {
    await this.#owner.alive()
    if (!this.#options.autoResume) return
    const reclaimed = await this.#reclaim()
    if (reclaimed > 0) queueMicrotask(() => this.#options.events.recovered({ tornBytes: 0, reclaimed }))
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

  async update(id: number, { bytes }: seam.Document, key?: string): Promise<boolean> {
    this.#check()
    this.#putter.checkSize(bytes.length)
    const queue = this.#recorded.id
    return this.#taker.alone((step) => mending.update(step, { queue, id, bytes, key }), true)
  }

  async peek(n: number): Promise<seam.Piece[]> {
    await this.#attended()
    return n === 0 ? [] : this.#looker.peek(n)
  }

  async pop(n: number): Promise<seam.Piece[]> {
    await this.#probe()
    const rows = await this.#taker.take({ n, use: 'pop' })
    return rows.map((row) => pieceOf(row, 0))
  }

  async delete(n: number): Promise<number> {
    await this.#probe()
    const rows = await this.#taker.take({ n, use: 'delete' })
    return rows.length
  }

  async clear(): Promise<number> {
    await this.#attended()
    const { nextId } = await this.#looker.stats()
    const queue = this.#recorded.id
    return this.#parts((step) => mending.clear(step, { queue, before: nextId }))
  }

  async lease(
    n: number,
    first: readonly seam.Settlement[] = [],
    hold?: seam.Hold,
    pick?: seam.Pick,
  ): Promise<seam.Piece[]> {
    await this.#probe()
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
    return this.#reclaim()
  }

  async retry(ids?: readonly number[]): Promise<number> {
    this.#check()
    return this.#parts((step, after) => mending.retry(step, { queue: this.#recorded.id, ids, after }))
  }

  async discard(ids?: readonly number[]): Promise<number> {
    this.#check()
    return this.#parts((step, after) => mending.discard(step, { queue: this.#recorded.id, ids, after }))
  }

  async settle(settlements: readonly seam.Settlement[]): Promise<void> {
    this.#check()
    await this.#taker.take({ n: 0, use: 'lease' }, settlements)
  }

  async fail(piece: seam.Piece, reason: string): Promise<void> {
    this.#check()
    await this.#taker.alone((step) => mending.setAside(step, this.#recorded.id, { piece, reason }), undefined)
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
    const before = await this.#looker.deadBytes()
    const link = await connect(this.#address)
    await link.ask(['OPTIMIZE TABLE spoolq_items']).finally(() => link.close())
    return { reclaimed: Math.max(before - (await this.#looker.deadBytes()), 0) }
  }

  async identity(): Promise<string> {
    return this.#recorded.uuid
  }

  async copyMark(): Promise<seam.CopyMark | undefined> {
    this.#check()
    const [read] = await this.#owner.ask([`SELECT copy_mark FROM spoolq_queues WHERE id = ${this.#recorded.id}`])
    const mark = read?.rows[0]?.[0]
    return Buffer.isBuffer(mark) ? JSON.parse(mark.toString()) : undefined
  }

  async markCopy(mark: seam.CopyMark): Promise<void> {
    this.#check()
    const words = hex(Buffer.from(JSON.stringify(mark)))
    await this.#owner.ask([`UPDATE spoolq_queues SET copy_mark = ${words} WHERE id = ${this.#recorded.id}`])
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
      await this.#putter.idle()
      await this.#taker.idle()
      await this.#taker.alone((step) => leave(step, this.#recorded.id), undefined)
    } finally {
      this.#watching.changed()
      this.#watching.close()
      await Promise.all([this.#putter.close(), this.#taker.close(), this.#owner.close()])
    }
  }

  #check(): void {
    if (this.#closing !== undefined) throw new QueueClosedError()
  }

  /** For who looks: what is due is ready, and what the dead held. */
  async #attended(): Promise<void> {
    this.#check()
    await this.#attend()
  }

  async #attend(): Promise<boolean> {
    const reclaimed = await this.#probe()
    const isDue = await this.#looker.isDue()
    if (isDue) await this.#taker.resume()
    return isDue || reclaimed > 0
  }

  /** For who takes. */
  async #probe(): Promise<number> {
    this.#check()
    if (!this.#options.autoResume || performance.now() - this.#probed < PROBE_MS) return 0
    return this.#reclaim()
  }

  async #reclaim(): Promise<number> {
    this.#probed = performance.now()
    const queue = this.#recorded.id
    const [found, uptime] = await this.#owner.ask([deadOf(queue), UPTIME])
    const dead = (found?.rows ?? []).map(([id, uuid]): Dead => ({ id: Number(id), uuid: String(uuid) }))
    if (dead.length === 0 || isRestarted(uptime?.rows)) return 0
    let reclaimed = 0
    for (const one of dead) reclaimed += await this.#taker.alone((step) => reclaim(step, queue, one), 0)
    return reclaimed
  }

  /** Does it in as many transactions as it takes; resolves to how many items that were. */
  async #parts(part: (step: Step, after: number) => Promise<mending.Part>): Promise<number> {
    let count = 0
    for (let after: number | undefined = 0; after !== undefined; ) {
      const from: number = after
      const done: mending.Part = await this.#taker.alone((step) => part(step, from), { count: 0, after: undefined })
      count += done.count
      after = done.after
    }
    return count
  }
}

interface Opened {
  readonly address: Address
  readonly options: seam.StoreOptions
  readonly queue: Recorded
  readonly link: Link
  readonly packetBytes: number
}

function warn({ shown }: Address, flushes: number | undefined): void {
  const needed = "durability 'disk' needs innodb_flush_log_at_trx_commit = 1 of the server"
  const warning = `${shown}: ${needed}, which has ${flushes}: a crash of its host may lose the last second`
  process.emitWarning(warning, { type: 'SpoolqWarning', code: 'SPOOLQ_MYSQL_NO_FLUSH' })
}
