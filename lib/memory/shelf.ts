// shelf.ts: the items of one memory queue, whoever holds the handles. The model of what a store does: each item is
// in exactly one of these places.
//
//      #ready ──take──▶ the caller; a lease puts it in #inFlight
//      #inFlight ──settle──▶ gone · #ready · #failed · #acked (kept for the record)
//      #delayed ──due──▶ #ready                  #inFlight ──deadline──▶ #ready
//
// A key belongs to the item that has it while that is ready, delayed or in flight.

import { randomUUID } from 'node:crypto'
import { SettledError } from '../errors.ts'
import type { AppendOptions, CopyMark, Counts, Document, HeldRange, Order, Pick, Settlement, Status } from '../store.ts'
import { byId, bytesOf, type Delayed, type Failed, type InFlight, type Item } from './item.ts'
import { Ready } from './ready.ts'
import { Sorted } from './sorted.ts'

export class Shelf {
  readonly codec: string
  readonly order: Order
  readonly watchers = new Set<() => void>()
  readonly identity = randomUUID()
  copyMark: CopyMark | undefined
  readonly #ready: Ready<Item>
  readonly #inFlight = new Map<number, InFlight>()
  readonly #failed = new Map<number, Failed>()
  readonly #delayed = new Map<number, Delayed>()
  readonly #acked = new Sorted<Item>()
  /** The ids of those that have the keys. */
  readonly #keys = new Map<string, number>()
  #nextId = 1
  #heldBytes = 0
  /** Nothing is due, and no lease over, before. */
  #nextDue = Infinity
  /** Of the handle that settles. */
  #keepAcked = 0

  constructor(codec: string, order: Order) {
    this.codec = codec
    this.order = order
    this.#ready = new Ready(order)
  }

  get nextId(): number {
    return this.#nextId
  }

  /** Encoded bytes of what is ready, delayed or in flight. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  counts(): Counts {
    const [ready, delayed, inFlight] = [this.#ready.length, this.#delayed.size, this.#inFlight.size]
    return { ready, delayed, inFlight, failed: this.#failed.size, acked: this.#acked.length }
  }

  /** What has become due, or was held beyond its lease, is ready. */
  pass(now: number): void {
    if (now < this.#nextDue) return
    this.#nextDue = Infinity
    const timed = [...this.#inFlight.values()].filter(({ deadline }) => deadline > 0)
    const waiting = [...this.#delayed.values(), ...timed.map(({ item, deadline: due }) => ({ item, due }))]
    for (const { item, due } of waiting) {
      if (due <= now) this.#return(item)
      else this.#willBeDue(due)
    }
  }

  append(documents: readonly Document[], enqueuedAt: number, options: AppendOptions = {}, key?: string): number {
    const { due = 0, attempt = 0, priority = 0 } = options
    const firstId = this.#nextId
    for (const document of documents) {
      for (let skip = 0; skip < document.count; skip += 1) {
        this.#add({ id: this.#nextId, document, skip, enqueuedAt, priority, key, deliveries: attempt }, due)
      }
    }
    return firstId
  }

  #add(item: Item, due: number): void {
    if (due > 0) this.#delay(item, due)
    else this.#ready.add(item)
    if (item.key !== undefined) this.#keys.set(item.key, item.id)
    this.#nextId += 1
    this.#heldBytes += bytesOf(item)
  }

  /** Whether an item that is ready, delayed or in flight has the key. */
  hasKey(key: string): boolean {
    return this.#keys.has(key)
  }

  /** Puts another document in the item's place; false where there is no such item, or another one has the key. */
  update(id: number, document: Document, key?: string): boolean {
    const failed = this.#failed.get(id)?.item
    if (failed !== undefined) {
      Object.assign(failed, { document, skip: 0, key })
      return true
    }
    const item = this.#ready.get(id) ?? this.#delayed.get(id)?.item ?? this.#inFlight.get(id)?.item
    if (item === undefined || (key !== undefined && (this.#keys.get(key) ?? id) !== id)) return false
    this.#gone(item)
    Object.assign(item, { document, skip: 0, key })
    if (key !== undefined) this.#keys.set(key, id)
    this.#heldBytes += bytesOf(item)
    return true
  }

  /** The first `n` ready items, which stay. */
  peek(n: number): Item[] {
    return this.#ready.peek(n)
  }

  /** The first `n` ready items, which are in nobody's hands then. */
  take(n: number): Item[] {
    const items = this.#ready.take(n)
    for (const item of items) this.#gone(item)
    return items
  }

  /** The oldest ready items go. */
  dropOldest(count: number): void {
    for (const item of this.#ready.list(0, count)) {
      this.#ready.remove(item)
      this.#gone(item)
    }
  }

  /** Delayed items, which go. */
  takeDelayed(): number {
    const { size } = this.#delayed
    for (const { item } of this.#delayed.values()) this.#gone(item)
    this.#delayed.clear()
    return size
  }

  lease(n: number, owner: object, deadline: number, pick?: Pick): Item[] {
    const items = pick === undefined ? this.#ready.take(n) : this.#pick(pick)
    for (const item of items) {
      item.deliveries += 1
      this.#hold(item, owner, deadline)
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
    for (const item of this.#heldBy(owner, ids)) this.#hold(item, owner, deadline)
  }

  /** Failed items, all or those. */
  failed(ids?: readonly number[]): Item[] {
    const all = byId(this.#failed.values()).map(({ item }) => item)
    if (ids === undefined) return all
    const wanted = new Set(ids)
    return all.filter(({ id }) => wanted.has(id))
  }

  /** They become ready but for those whose key another item has by now; how many. */
  retry(ids?: readonly number[]): number {
    let count = 0
    for (const item of this.failed(ids)) {
      if (item.key !== undefined && this.#keys.has(item.key)) continue
      this.discard([item])
      this.#once(item, 0, 0)
      count += 1
    }
    return count
  }

  discard(items: readonly Item[]): void {
    for (const { id } of items) this.#failed.delete(id)
  }

  /** The same item once more, under a new id. */
  #once(item: Item, due: number, deliveries: number): void {
    this.#add({ ...item, id: this.#nextId, deliveries }, due)
  }

  /** All of it, or SettledError and nothing, where the owner does not hold all of it. */
  settle(settlements: readonly Settlement[], owner: object, keepAcked = 0): void {
    this.#keepAcked = keepAcked
    const all = settlements.map((settlement) => ({ settlement, items: this.#heldBy(owner, settlement.ids) }))
    for (const { settlement, items } of all) {
      if (settlement.outcome === 'again') this.#again(items, owner, settlement.hold?.deadline ?? 0)
      else for (const item of items) this.#settleOne(item, settlement)
    }
  }

  /** What the owner holds is ready again. */
  giveBackAll(owner: object): void {
    for (const { item, owner: holder } of this.#inFlight.values()) if (holder === owner) this.#giveBack(item)
  }

  fail(item: Item, reason: string): void {
    this.#release(item)
    this.#failed.set(item.id, { item, reason })
  }

  /** Up to `limit` items of a status with ids above `after`, by id. */
  list(status: Status, after = 0, limit = Infinity): { readonly item: Item; readonly reason?: string }[] {
    if (status === 'ready') return this.#ready.list(after, limit).map((item) => ({ item }))
    if (status === 'acked') return this.#acked.slice(this.#acked.before(after + 1), limit).map((item) => ({ item }))
    type Entries = ReadonlyMap<number, { readonly item: Item; readonly reason?: string }>
    const all: Entries = { inFlight: this.#inFlight, failed: this.#failed, delayed: this.#delayed }[status]
    return byId(all.values())
      .filter(({ item }) => item.id > after)
      .slice(0, limit)
  }

  changed(): void {
    for (const watcher of [...this.watchers]) watcher()
  }

  #heldBy(owner: object, ids: readonly HeldRange[]): Item[] {
    const items: Item[] = []
    for (const { from, to, attempt } of ids) {
      for (let id = from; id <= to; id += 1) {
        const held = this.#inFlight.get(id)
        const isOther = attempt !== undefined && attempt !== held?.item.deliveries
        if (held?.owner !== owner || isOther)
          throw new SettledError(`item ${id} is not in flight here: it was settled already`)
        items.push(held.item)
      }
    }
    return items
  }

  #again(items: readonly Item[], owner: object, deadline: number): void {
    for (const item of items) {
      item.deliveries += 1
      this.#hold(item, owner, deadline)
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
    if (this.#inFlight.delete(item.id)) this.#gone(item)
  }

  /** It is no more ready, delayed or in flight. */
  #gone(item: Item): void {
    this.#heldBytes -= bytesOf(item)
    if (item.key !== undefined && this.#keys.get(item.key) === item.id) this.#keys.delete(item.key)
  }

  #ack(item: Item, kept = true): void {
    this.#release(item)
    if (!kept || this.#keepAcked === 0) return
    this.#acked.add(item)
    this.#acked.drop(Math.max(0, this.#acked.length - this.#keepAcked))
  }

  #toBack(item: Item, due = 0): void {
    this.#release(item)
    this.#once(item, due, item.deliveries)
  }

  #giveBack(item: Item, counted = true, due = 0): void {
    if (!counted) item.deliveries -= 1
    this.#inFlight.delete(item.id)
    if (due > 0) this.#delay(item, due)
    else this.#return(item)
  }

  #delay(item: Item, due: number): void {
    this.#delayed.set(item.id, { item, due })
    this.#willBeDue(due)
  }

  #hold(item: Item, owner: object, deadline: number): void {
    this.#inFlight.set(item.id, { item, owner, deadline })
    if (deadline > 0) this.#willBeDue(deadline)
  }

  #willBeDue(due: number): void {
    this.#nextDue = Math.min(this.#nextDue, due)
  }

  #return(item: Item): void {
    this.#inFlight.delete(item.id)
    this.#delayed.delete(item.id)
    this.#ready.add(item)
  }
}
