// memory-store.ts: the store in memory: for tests, and the model that the other stores are held against. A name is
// shared by all handles of the process that give it, and keeps its items while the process lives, open or not.

import { earliest } from '../earliest.ts'
import { CodecMismatchError, FormatError, QueueClosedError } from '../errors.ts'
import type * as seam from '../store.ts'
import { INDEXED } from '../supports.ts'
import type { Watch } from '../wait/changes.ts'
import { type Clock, dueTime } from '../wait/clock.ts'
import { mannerOf, pieceOf, piecesOf, poppedPieces } from './pieces.ts'
import { Room } from './room.ts'
import { Shelf } from './shelf.ts'

const shelves = new Map<string, Shelf>()

const supports: seam.Supports = Object.freeze({ ...INDEXED, durable: false, documents: true })

export class MemoryStore implements seam.Store {
  readonly supports = supports
  readonly #shelf: Shelf
  readonly #clock: Clock
  readonly #room: Room
  readonly #keepAcked: number
  readonly #events: seam.StoreEvents
  readonly #unwatch = new Set<() => void>()
  #state: 'open' | 'closed' = 'open'

  /** An empty name is a shelf of its own. */
  static async open(name: string, options: seam.StoreOptions, clock: Clock): Promise<MemoryStore> {
    options.signal?.throwIfAborted()
    const shelf = shelves.get(name) ?? new Shelf(options.codec ?? 'msgpack', options.order ?? 'fifo')
    if (options.codec !== undefined && options.codec !== shelf.codec) {
      throw new CodecMismatchError(`memory:${name} was written with codec '${shelf.codec}', not '${options.codec}'`)
    }
    if (options.order !== undefined && options.order !== shelf.order) {
      throw new FormatError(`memory:${name} was made with order '${shelf.order}', not '${options.order}'`)
    }
    if (name !== '') shelves.set(name, shelf)
    return new MemoryStore(shelf, clock, options)
  }

  private constructor(shelf: Shelf, clock: Clock, { keepAcked = 0, events }: seam.StoreOptions) {
    this.#shelf = shelf
    this.#room = new Room(shelf)
    this.#clock = clock
    this.#keepAcked = keepAcked
    shelf.trimAcked(keepAcked)
    this.#events = events
  }

  get codec(): string {
    return this.#shelf.codec
  }

  get order(): seam.Order {
    return this.#shelf.order
  }

  async append(documents: readonly seam.Document[], options?: seam.AppendOptions): Promise<number | undefined> {
    this.#check()
    const bound = options?.bound
    this.#shelf.checkIds(documents.reduce((sum, { count }) => sum + count, 0))
    if (bound !== undefined && !this.#room.isMade(bound, documents)) return undefined
    const firstId = this.#shelf.append(documents, this.#clock.wall(), options)
    this.#shelf.changed()
    return firstId
  }

  async appendUnique(
    documents: readonly seam.Document[],
    keys: readonly string[],
    options?: seam.AppendOptions,
  ): Promise<readonly (number | undefined)[] | undefined> {
    this.#check()
    const seen = new Set<string>()
    const isNew = keys.map((key) => !this.#shelf.hasKey(key) && seen.size < seen.add(key).size)
    const bound = options?.bound
    const fresh = documents.filter((_, i) => isNew[i])
    const ignored = new Set(keys.filter((_, i) => !isNew[i]))
    this.#shelf.checkIds(fresh.length)
    if (bound !== undefined && fresh.length > 0 && !this.#room.isMade(bound, fresh, ignored)) return undefined
    const now = this.#clock.wall()
    const ids = documents.map((one, i) => (isNew[i] ? this.#shelf.append([one], now, options, keys[i]) : undefined))
    if (fresh.length > 0) this.#shelf.changed()
    return ids
  }

  async update(id: number, document: seam.Document, key?: string): Promise<boolean> {
    this.#check()
    const updated = this.#shelf.update(id, document, key)
    // There may be room now.
    if (updated) this.#shelf.changed()
    return updated
  }

  async peek(n: number): Promise<seam.Piece[]> {
    this.#check()
    return piecesOf(this.#shelf.peek(n), ({ deliveries }) => deliveries)
  }

  async pop(n: number): Promise<seam.Piece[]> {
    this.#check()
    const items = this.#shelf.take(n)
    if (items.length > 0) this.#shelf.changed()
    return poppedPieces(items)
  }

  async delete(n: number): Promise<number> {
    this.#check()
    const { length } = this.#shelf.take(n)
    if (length > 0) this.#shelf.changed()
    return length
  }

  async clear(): Promise<number> {
    this.#check()
    return this.#shelf.takeDelayed() + (await this.delete(Infinity))
  }

  async lease(
    n: number,
    first: readonly seam.Settlement[] = [],
    hold: seam.Hold = {},
    pick?: seam.Pick,
  ): Promise<seam.Piece[]> {
    this.#check()
    this.#settle(first)
    return piecesOf(this.#shelf.lease(n, this, hold.deadline ?? 0, pick), ({ deliveries }) => deliveries)
  }

  /** A handle of memory dies with its process: nobody is left to be told. */
  mark(): void {
    this.#check()
  }

  async extend(ids: readonly seam.HeldRange[], deadline: number): Promise<void> {
    this.#check()
    this.#shelf.extend(ids, this, deadline)
  }

  async reclaim(): Promise<number> {
    this.#check()
    return 0
  }

  async retry(ids?: readonly number[]): Promise<number> {
    this.#check()
    const count = this.#shelf.retry(ids)
    if (count > 0) this.#shelf.changed()
    return count
  }

  async discard(ids?: readonly number[]): Promise<number> {
    this.#check()
    const items = this.#shelf.failed(ids)
    this.#shelf.discard(items)
    return items.length
  }

  async settle(settlements: readonly seam.Settlement[]): Promise<void> {
    this.#check()
    this.#settle(settlements)
  }

  async fail(piece: seam.Piece, reason: string): Promise<void> {
    this.#check()
    const { firstId, count, document, enqueuedAt } = piece
    const rest = { document, enqueuedAt, ...mannerOf(document), deliveries: piece.attempt }
    for (let i = 0; i < count; i += 1) this.#shelf.fail({ ...rest, id: firstId + i, skip: piece.skip + i }, reason)
  }

  async counts(): Promise<seam.Counts> {
    this.#check()
    return this.#shelf.counts()
  }

  async stats(): Promise<seam.StoreStats> {
    this.#check()
    const firsts = [...this.#shelf.list('ready', 0, 1), ...this.#shelf.list('inFlight', 0, 1)]
    return {
      ...this.#shelf.counts(),
      bytes: Math.round(this.#shelf.heldBytes),
      fileBytes: 0,
      deadBytes: 0,
      segments: 0,
      oldest: earliest(firsts.map(({ item }) => item.enqueuedAt)),
      nextId: this.#shelf.nextId,
      lost: 0,
    }
  }

  async list({ status, after, limit }: seam.ListOptions): Promise<seam.Listed[]> {
    this.#check()
    const isPriority = this.order === 'priority'
    return this.#shelf.list(status, after, limit).map(({ item, reason }) => {
      return { piece: pieceOf(item, item.deliveries), status, reason, priority: isPriority ? item.priority : undefined }
    })
  }

  async flush(): Promise<{ readonly reclaimed: number }> {
    this.#check()
    const report = { reclaimed: 0 }
    this.#events.flushed(report)
    return report
  }

  async identity(): Promise<string> {
    return this.#shelf.identity
  }

  async copyMark(): Promise<seam.CopyMark | undefined> {
    this.#check()
    return this.#shelf.copyMark
  }

  async markCopy(mark: seam.CopyMark): Promise<void> {
    this.#check()
    this.#shelf.copyMark = mark
  }

  watch(changed: () => void): Watch {
    const watcher = (): void => changed()
    const unwatch = (): void => {
      this.#shelf.watchers.delete(watcher)
      this.#unwatch.delete(unwatch)
    }
    this.#shelf.watchers.add(watcher)
    this.#unwatch.add(unwatch)
    const dueInMs = (): number => this.#shelf.dueIn(this.#clock.now(), dueTime(this.#clock))
    return Object.assign(unwatch, { isSure: true, mayHaveChanged: () => false, dueInMs })
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    for (const unwatch of [...this.#unwatch]) unwatch()
    this.#shelf.giveBackAll(this)
    this.#shelf.changed()
  }

  #check(): void {
    if (this.#state === 'closed') throw new QueueClosedError()
    if (this.#shelf.isTimed) this.#shelf.pass(this.#clock.now(), dueTime(this.#clock))
  }

  #settle(settlements: readonly seam.Settlement[]): void {
    if (settlements.length === 0) return
    this.#shelf.settle(settlements, this, this.#keepAcked)
    this.#shelf.changed()
  }
}
