// shelf.ts: the items of one memory queue, whoever holds the handles. The model of what a store does: each item is
// in exactly one of these places.
//
//      #fresh, #returned (ready) ──take──▶ the caller; a lease puts it in #inFlight
//      #inFlight ──settle──▶ gone · #returned · #failed
//
// Ready items are in order of their ids. Nearly all of them are #fresh, which only grows at its end; what was given
// back is put into #returned at its place. The first item is the lesser of the two heads.

import { SettledError } from '../errors.ts'
import { Fifo } from '../fifo.ts'
import type { Counts, Document, Settlement, Status } from '../store.ts'

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
}

interface Failed {
  readonly item: Item
  readonly reason: string
}

export class Shelf {
  readonly codec: string
  readonly watchers = new Set<() => void>()
  readonly #fresh = new Fifo<Item>()
  #returned: Item[] = []
  readonly #inFlight = new Map<number, InFlight>()
  readonly #failed = new Map<number, Failed>()
  #nextId = 1

  constructor(codec: string) {
    this.codec = codec
  }

  get nextId(): number {
    return this.#nextId
  }

  counts(): Counts {
    const ready = this.#fresh.length + this.#returned.length
    return { ready, delayed: 0, inFlight: this.#inFlight.size, failed: this.#failed.size, acked: 0 }
  }

  append(documents: readonly Document[], enqueuedAt: number): number {
    const firstId = this.#nextId
    for (const document of documents) {
      for (let skip = 0; skip < document.count; skip += 1) {
        this.#fresh.push({ id: this.#nextId, document, skip, enqueuedAt, deliveries: 0 })
        this.#nextId += 1
      }
    }
    return firstId
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
    const items = this.peek(n)
    const fresh = items.length - this.#returned.length
    const last = items.at(-1)
    this.#returned = this.#returned.filter(({ id }) => last === undefined || id > last.id)
    this.#fresh.drop(fresh + this.#returned.length)
    return items
  }

  lease(n: number, owner: object): Item[] {
    const items = this.take(n)
    for (const item of items) {
      item.deliveries += 1
      this.#inFlight.set(item.id, { item, owner })
    }
    return items
  }

  /** All of it, or SettledError and nothing, where the owner does not hold all of it. */
  settle(settlements: readonly Settlement[], owner: object): void {
    const all = settlements.map((settlement) => ({ settlement, items: this.#heldBy(owner, settlement) }))
    for (const { settlement, items } of all) for (const item of items) this.#settleOne(item, settlement)
  }

  /** What the owner holds is ready again. */
  giveBackAll(owner: object): void {
    for (const { item, owner: holder } of this.#inFlight.values()) if (holder === owner) this.#giveBack(item)
  }

  fail(item: Item, reason: string): void {
    this.#inFlight.delete(item.id)
    this.#failed.set(item.id, { item, reason })
  }

  /** Every item of a status, by id. */
  list(status: Status): { readonly item: Item; readonly reason?: string }[] {
    if (status === 'ready') return this.peek(Infinity).map((item) => ({ item }))
    if (status === 'inFlight') return byId(this.#inFlight.values())
    if (status === 'failed') return byId(this.#failed.values())
    return []
  }

  changed(): void {
    for (const watcher of [...this.watchers]) watcher()
  }

  #heldBy(owner: object, settlement: Settlement): Item[] {
    const items: Item[] = []
    for (const { from, to } of settlement.ids) {
      for (let id = from; id <= to; id += 1) {
        const held = this.#inFlight.get(id)
        if (held?.owner !== owner) throw new SettledError(`item ${id} is not in flight here: it was settled already`)
        items.push(held.item)
      }
    }
    return items
  }

  #settleOne(item: Item, settlement: Settlement): void {
    if (settlement.outcome === 'fail') this.fail(item, settlement.reason)
    else if (settlement.outcome === 'back') this.#giveBack(item, settlement.counted)
    else this.#inFlight.delete(item.id)
  }

  #giveBack(item: Item, counted = true): void {
    if (!counted) item.deliveries -= 1
    this.#inFlight.delete(item.id)
    const place = this.#returned.findIndex(({ id }) => id > item.id)
    this.#returned.splice(place === -1 ? this.#returned.length : place, 0, item)
  }
}

function first(one: Item | undefined, other: Item | undefined): Item | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one.id < other.id ? one : other
}

function byId<E extends { readonly item: Item }>(entries: Iterable<E>): E[] {
  return [...entries].sort((one, other) => one.item.id - other.item.id)
}
