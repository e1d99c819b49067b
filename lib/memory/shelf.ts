// shelf.ts: the items of one memory queue, whoever holds the handles. The model of what a store does: each item is
// in exactly one of these places.
//
//      #fresh, #returned (ready) ──take──▶ the caller; a lease puts it in #inFlight
//      #inFlight ──settle──▶ gone · #returned · #failed · #acked (kept for the record)
//      #delayed ──due──▶ #returned                  #inFlight ──deadline──▶ #returned
//
// Ready items are in order of their ids. Nearly all of them are #fresh, which only grows at its end; what was given
// back is put into #returned at its place. The first item is the lesser of the two heads.

import { randomUUID } from 'node:crypto'
import { SettledError } from '../errors.ts'
import { Fifo } from '../fifo.ts'
import { shareOf } from '../share.ts'
import type { AppendOptions, CopyMark, Counts, Document, HeldRange, Settlement, Status } from '../store.ts'

export interface Item {
  readonly id: number
  readonly document: Document
  /** Items of the document before this one. */
  readonly skip: number
  readonly enqueuedAt: number
  deliveries: number
}

interface InFlight {
  readonly item: Item
  readonly owner: object
  /** Ready again then, in ms since 1970; 0: never. */
  readonly deadline: number
}

interface Delayed {
  readonly item: Item
  readonly due: number
}

interface Failed {
  readonly item: Item
  readonly reason: string
}

export class Shelf {
  readonly codec: string
  readonly watchers = new Set<() => void>()
  readonly identity = randomUUID()
  copyMark: CopyMark | undefined
  readonly #fresh = new Fifo<Item>()
  #returned: Item[] = []
  readonly #inFlight = new Map<number, InFlight>()
  readonly #failed = new Map<number, Failed>()
  readonly #delayed = new Map<number, Delayed>()
  readonly #acked = new Map<number, { readonly item: Item }>()
  #nextId = 1
  #heldBytes = 0
  /** Of the handle that settles. */
  #keepAcked = 0

  constructor(codec: string) {
    this.codec = codec
  }

  get nextId(): number {
    return this.#nextId
  }

  /** Encoded bytes of what is ready, delayed or in flight. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  counts(): Counts {
    const ready = this.#fresh.length + this.#returned.length
    const [delayed, inFlight] = [this.#delayed.size, this.#inFlight.size]
    return { ready, delayed, inFlight, failed: this.#failed.size, acked: this.#acked.size }
  }

  /** What has become due, or was held beyond its lease, is ready. */
  pass(now: number): void {
    for (const { item, due } of [...this.#delayed.values()]) if (due <= now) this.#return(item)
    for (const { item, deadline } of [...this.#inFlight.values()]) {
      if (deadline > 0 && deadline <= now) this.#return(item)
    }
  }

  append(documents: readonly Document[], enqueuedAt: number, { due = 0, attempt = 0 }: AppendOptions = {}): number {
    const firstId = this.#nextId
    for (const document of documents) {
      for (let skip = 0; skip < document.count; skip += 1) {
        this.#add({ id: this.#nextId, document, skip, enqueuedAt, deliveries: attempt }, due)
      }
    }
    return firstId
  }

  #add(item: Item, due: number): void {
    if (due > 0) this.#delayed.set(item.id, { item, due })
    else this.#fresh.push(item)
    this.#nextId += 1
    this.#heldBytes += bytesOf(item)
  }

  /** The first `n` ready items, which stay. */
  peek(n: number): Item[] {
    const items: Item[] = []
    let returned = 0
    while (items.length < n) {
      const item = first(this.#returned[returned], this.#fresh.at(items.length - returned))
      if (item === undefined) break
      if (item === this.#returned[returned]) returned += 1
      items.push(item)
    }
    return items
  }

  /** The first `n` ready items, which are in nobody's hands then. */
  take(n: number): Item[] {
    const items = this.#takeReady(n)
    for (const item of items) this.#heldBytes -= bytesOf(item)
    return items
  }

  #takeReady(n: number): Item[] {
    const items = this.peek(n)
    const fresh = items.length - this.#returned.length
    const last = items.at(-1)
    this.#returned = this.#returned.filter(({ id }) => last === undefined || id > last.id)
    this.#fresh.drop(fresh + this.#returned.length)
    return items
  }

  /** Delayed items, which go. */
  takeDelayed(): number {
    const { size } = this.#delayed
    for (const { item } of this.#delayed.values()) this.#heldBytes -= bytesOf(item)
    this.#delayed.clear()
    return size
  }

  lease(n: number, owner: object, deadline: number): Item[] {
    const items = this.#takeReady(n)
    for (const item of items) {
      item.deliveries += 1
      this.#inFlight.set(item.id, { item, owner, deadline })
    }
    return items
  }

  extend(ids: readonly HeldRange[], owner: object, deadline: number): void {
    for (const item of this.#heldBy(owner, ids)) this.#inFlight.set(item.id, { item, owner, deadline })
  }

  /** Failed items, all or those. */
  failed(ids?: readonly number[]): Item[] {
    const all = byId(this.#failed.values()).map(({ item }) => item)
    return ids === undefined ? all : all.filter(({ id }) => ids.includes(id))
  }

  discard(items: readonly Item[]): void {
    for (const { id } of items) this.#failed.delete(id)
  }

  /** The same items once more, under new ids. */
  again(items: readonly Item[], due: number, deliveries: (item: Item) => number): void {
    for (const item of items) this.#add({ ...item, id: this.#nextId, deliveries: deliveries(item) }, due)
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

  /** Every item of a status, by id. */
  list(status: Status): { readonly item: Item; readonly reason?: string }[] {
    if (status === 'ready') return this.peek(Infinity).map((item) => ({ item }))
    if (status === 'inFlight') return byId(this.#inFlight.values())
    if (status === 'failed') return byId(this.#failed.values())
    return byId(status === 'delayed' ? this.#delayed.values() : this.#acked.values())
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
      this.#inFlight.set(item.id, { item, owner, deadline })
    }
  }

  #settleOne(item: Item, settlement: Exclude<Settlement, { outcome: 'again' }>): void {
    if (settlement.outcome === 'fail') {
      if (settlement.counted === false) item.deliveries -= 1
      this.fail(item, settlement.reason)
    } else if (settlement.outcome === 'back') this.#giveBack(item, settlement.counted, settlement.due)
    else if (settlement.outcome === 'toBack') this.#toBack(item, settlement.due)
    else this.#ack(item)
  }

  /** It is not held any more, where it was. */
  #release(item: Item): void {
    if (this.#inFlight.delete(item.id)) this.#heldBytes -= bytesOf(item)
  }

  #ack(item: Item): void {
    this.#release(item)
    if (this.#keepAcked === 0) return
    this.#acked.set(item.id, { item })
    const excess = [...this.#acked.keys()].sort((one, other) => one - other).slice(0, -this.#keepAcked)
    for (const id of excess) this.#acked.delete(id)
  }

  #toBack(item: Item, due = 0): void {
    this.#release(item)
    this.again([item], due, ({ deliveries }) => deliveries)
  }

  #giveBack(item: Item, counted = true, due = 0): void {
    if (!counted) item.deliveries -= 1
    this.#inFlight.delete(item.id)
    if (due > 0) this.#delayed.set(item.id, { item, due })
    else this.#return(item)
  }

  #return(item: Item): void {
    this.#inFlight.delete(item.id)
    this.#delayed.delete(item.id)
    const place = this.#returned.findIndex(({ id }) => id > item.id)
    this.#returned.splice(place === -1 ? this.#returned.length : place, 0, item)
  }
}

/** Its share of its document. */
export function bytesOf({ document, skip }: Item): number {
  return shareOf(document, skip, 1)
}

function first(one: Item | undefined, other: Item | undefined): Item | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one.id < other.id ? one : other
}

function byId<E extends { readonly item: Item }>(entries: Iterable<E>): E[] {
  return [...entries].sort((one, other) => one.item.id - other.item.id)
}
