// shelf.ts: the items of one memory queue, whoever holds the handles. The model of what a store does: each item is
// in exactly one of these places.
//
//      #ready ──take──▶ the caller; a lease puts it in #away
//      #away (in flight, or delayed) ──settle──▶ gone · #ready · #aside
//        └──due, the lease is over──▶ #ready
//      #aside (failed, or acknowledged and kept for the record) ──retry──▶ #ready

import { randomUUID } from 'node:crypto'
import { checkIds } from '../ids.ts'
import type { AppendOptions, CopyMark, Counts, Document, HeldRange, Order, Pick, Settlement, Status } from '../store.ts'
import { Aside } from './aside.ts'
import { Away } from './away.ts'
import { Holdings } from './holdings.ts'
import { byId, type Item } from './item.ts'
import { Ready } from './ready.ts'

export class Shelf {
  readonly codec: string
  readonly order: Order
  readonly watchers = new Set<() => void>()
  readonly identity = randomUUID()
  copyMark: CopyMark | undefined
  readonly #ready: Ready<Item>
  readonly #away = new Away()
  readonly #aside = new Aside()
  readonly #holdings = new Holdings()
  #nextId: number
  /** Of the handle that settles. */
  #keepAcked = 0

  constructor(codec: string, order: Order, nextId = 1) {
    this.#nextId = nextId
    this.codec = codec
    this.order = order
    this.#ready = new Ready(order)
  }

  get nextId(): number {
    return this.#nextId
  }

  /** Encoded bytes of what is ready, delayed or in flight. */
  get heldBytes(): number {
    return this.#holdings.bytes
  }

  counts(): Counts {
    return { ready: this.#ready.length, ...this.#away.counts, ...this.#aside.counts }
  }

  get isTimed(): boolean {
    return this.#away.isTimed
  }

  /** Milliseconds until something is ready by itself. */
  dueIn(now: number, dueTime: number): number {
    return this.#away.dueIn(now, dueTime)
  }

  /** What has become due by `dueTime`, or by `now` was held beyond its lease, is ready. */
  pass(now: number, dueTime: number): void {
    for (const item of this.#away.takeDue(now, dueTime)) this.#ready.add(item)
  }

  append(documents: readonly Document[], enqueuedAt: number, options: AppendOptions = {}, key?: string): number {
    const { due = 0, attempt = 0, priority = 0 } = options
    const firstId = this.#nextId
    this.checkIds(documents.reduce((sum, { count }) => sum + count, 0))
    for (const document of documents) {
      for (let skip = 0; skip < document.count; skip += 1) {
        this.#add({ id: this.#nextId, document, skip, enqueuedAt, priority, key, deliveries: attempt }, due)
      }
    }
    return firstId
  }

  /** Throws StorageError where there are not so many ids any more. */
  checkIds(count: number): void {
    checkIds(this.#nextId, count, 'the queue in memory')
  }

  #add(item: Item, due: number): void {
    if (due > 0) this.#away.delay(item, due)
    else this.#ready.add(item)
    this.#holdings.add(item)
    this.#nextId += 1
  }

  /** Whether an item that is ready, delayed or in flight has the key. */
  hasKey(key: string): boolean {
    return this.#holdings.has(key)
  }

  /** Puts another document in the item's place; false where there is no such item, or another one has the key. */
  update(id: number, document: Document, key?: string): boolean {
    const failed = this.#aside.failedAt(id)
    if (failed !== undefined) {
      Object.assign(failed, { document, skip: 0, key })
      return true
    }
    const item = this.#ready.get(id) ?? this.#away.get(id)
    if (item === undefined || !this.#holdings.isFree(key, id)) return false
    this.#holdings.drop(item)
    Object.assign(item, { document, skip: 0, key })
    this.#holdings.add(item)
    return true
  }

  /** The first `n` ready items, which stay. */
  peek(n: number): Item[] {
    return this.#ready.peek(n)
  }

  /** The first `n` ready items, which are in nobody's hands then. */
  take(n: number): Item[] {
    const items = this.#ready.take(n)
    for (const item of items) this.#holdings.drop(item)
    return items
  }

  /** Ready items go. */
  drop(items: readonly Item[]): void {
    for (const item of items) {
      this.#ready.remove(item)
      this.#holdings.drop(item)
    }
  }

  /** Delayed items, which go. */
  takeDelayed(): number {
    const items = this.#away.takeDelayed()
    for (const item of items) this.#holdings.drop(item)
    return items.length
  }

  lease(n: number, owner: object, deadline: number, pick?: Pick): Item[] {
    const items = pick === undefined ? this.#ready.take(n) : this.#pick(pick)
    for (const item of items) {
      item.deliveries += 1
      this.#away.hold(item, owner, deadline)
    }
    return items
  }

  #pick(pick: Pick): Item[] {
    const item = 'id' in pick ? this.#ready.get(pick.id) : this.#ready.after(pick.after)
    if (item === undefined) return []
    this.#ready.remove(item)
    return [item]
  }

  extend(ids: readonly HeldRange[], owner: object, deadline: number): void {
    for (const item of this.#away.heldBy(owner, ids)) this.#away.hold(item, owner, deadline)
  }

  /** Failed items, all or those. */
  failed(ids?: readonly number[]): Item[] {
    return this.#aside.failed(ids)
  }

  /** They become ready but for those whose key another item has by now; how many. */
  retry(ids?: readonly number[]): number {
    let count = 0
    for (const item of this.failed(ids)) {
      if (item.key !== undefined && this.#holdings.has(item.key)) continue
      this.checkIds(1)
      this.discard([item])
      this.#once(item, 0, 0)
      count += 1
    }
    return count
  }

  discard(items: readonly Item[]): void {
    this.#aside.discard(items)
  }

  /** The same item once more, under a new id. */
  #once(item: Item, due: number, deliveries: number): void {
    this.#add({ ...item, id: this.#nextId, deliveries }, due)
  }

  /** All of it, or SettledError and nothing, where the owner does not hold all of it. */
  settle(settlements: readonly Settlement[], owner: object, keepAcked = 0): void {
    this.#keepAcked = keepAcked
    const all = settlements.map((settlement) => ({ settlement, items: this.#away.heldBy(owner, settlement.ids) }))
    const goBack = all.filter(({ settlement }) => settlement.outcome === 'toBack')
    if (goBack.length > 0) this.checkIds(goBack.reduce((sum, { items }) => sum + items.length, 0))
    for (const { settlement, items } of all) {
      if (settlement.outcome === 'again') this.#again(items, owner, settlement.hold?.deadline ?? 0)
      else for (const item of items) this.#settleOne(item, settlement)
    }
  }

  /** What the owner holds is ready again. */
  giveBackAll(owner: object): void {
    for (const item of this.#away.allHeldBy(owner)) this.#giveBack(item)
  }

  /** No more acknowledged items stay than so many. */
  trimAcked(keepAcked: number): void {
    this.#aside.trim(keepAcked)
  }

  fail(item: Item, reason: string): void {
    this.#release(item)
    this.#aside.fail(item, reason)
  }

  /** Up to `limit` items of a status with ids above `after`, by id. */
  list(status: Status, after = 0, limit = Infinity): { readonly item: Item; readonly reason?: string }[] {
    if (status === 'ready') return this.#ready.list(after, limit).map((item) => ({ item }))
    if (status === 'acked') return this.#aside.acked(after, limit).map((item) => ({ item }))
    type Entries = Iterable<{ readonly item: Item; readonly reason?: string }>
    const all: Entries = status === 'failed' ? this.#aside.reasons() : this.#away.all(status)
    return byId(all)
      .filter(({ item }) => item.id > after)
      .slice(0, limit)
  }

  changed(): void {
    for (const watcher of [...this.watchers]) watcher()
  }

  #again(items: readonly Item[], owner: object, deadline: number): void {
    for (const item of items) {
      item.deliveries += 1
      this.#away.hold(item, owner, deadline)
    }
  }

  #settleOne(item: Item, settlement: Exclude<Settlement, { outcome: 'again' }>): void {
    if (settlement.outcome === 'fail') {
      if (settlement.counted === false) item.deliveries -= 1
      this.fail(item, settlement.reason)
    } else if (settlement.outcome === 'back') this.#giveBack(item, settlement.counted, settlement.due)
    else if (settlement.outcome === 'toBack') this.#toBack(item, settlement.due)
    else this.#ack(item, settlement.kept)
  }

  /** It is not held any more, where it was. */
  #release(item: Item): void {
    if (this.#away.release(item.id)) this.#holdings.drop(item)
  }

  #ack(item: Item, kept = true): void {
    this.#release(item)
    if (kept) this.#aside.ack(item, this.#keepAcked)
  }

  #toBack(item: Item, due = 0): void {
    this.#release(item)
    this.#once(item, due, item.deliveries)
  }

  #giveBack(item: Item, counted = true, due = 0): void {
    if (!counted) item.deliveries -= 1
    this.#away.release(item.id)
    if (due > 0) this.#away.delay(item, due)
    else this.#ready.add(item)
  }
}
