// aside.ts: items of a memory queue that are in it no more, and kept: the failed, until they are retried or discarded, and
// the last of the acknowledged, for the record.

import { byId, type Failed, type Item } from './item.ts'
import { Sorted } from './sorted.ts'

export class Aside {
  readonly #failed = new Map<number, Failed>()
  readonly #acked = new Sorted<Item>()

  get counts(): { readonly failed: number; readonly acked: number } {
    return { failed: this.#failed.size, acked: this.#acked.length }
  }

  fail(item: Item, reason: string): void {
    this.#failed.set(item.id, { item, reason })
  }

  /** For the record, with no more than so many. */
  ack(item: Item, keepAcked: number): void {
    if (keepAcked === 0) return
    this.#acked.add(item)
    this.trim(keepAcked)
  }

  /** No more acknowledged items stay than so many. */
  trim(keepAcked: number): void {
    this.#acked.drop(Math.max(0, this.#acked.length - keepAcked))
  }

  failedAt(id: number): Item | undefined {
    return this.#failed.get(id)?.item
  }

  /** Failed items, all or those. */
  failed(ids?: readonly number[]): Item[] {
    const all = byId(this.#failed.values()).map(({ item }) => item)
    if (ids === undefined) return all
    const wanted = new Set(ids)
    return all.filter(({ id }) => wanted.has(id))
  }

  discard(items: readonly Item[]): void {
    for (const { id } of items) this.#failed.delete(id)
  }

  reasons(): Iterable<Failed> {
    return this.#failed.values()
  }

  /** Up to `limit` acknowledged items with ids above `after`, by id. */
  acked(after: number, limit: number): Item[] {
    return this.#acked.slice(this.#acked.before(after + 1), limit)
  }
}
