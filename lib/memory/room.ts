// room.ts: the bounds of a memory queue: whether there is room, and what is dropped to make it.

import { Rounds } from '../rounds.ts'
import { bytesOf } from '../share.ts'
import type { Bound, Document } from '../store.ts'
import { bytesOf as itemBytes } from './item.ts'
import type { Shelf } from './shelf.ts'

/** As one handle finds it. */
export class Room {
  readonly #shelf: Shelf
  readonly #rounds = new Rounds()

  constructor(shelf: Shelf) {
    this.#shelf = shelf
  }

  /** Whether the documents find room within the bound; where it says so, the oldest ready items go for it. */
  isMade(bound: Bound, documents: readonly Document[]): boolean {
    if (this.#rounds.isOver(bound)) return false
    const { ready, delayed, inFlight } = this.#shelf.counts()
    const count = documents.reduce((sum, { count }) => sum + count, 0)
    const items = ready + delayed + inFlight + count - bound.items
    const bytes = this.#shelf.heldBytes + bytesOf(documents) - (bound.bytes ?? Infinity)
    if (items <= 0 && bytes <= 0) return true
    const drop = bound.whenFull === 'drop-oldest' ? this.#oldest(items, bytes) : undefined
    if (drop === undefined) {
      this.#rounds.end(bound)
      return false
    }
    this.#shelf.dropOldest(drop)
    bound.dropped?.(drop)
    return true
  }

  /** How many ready items, from the oldest on, come to so many items and bytes; undefined where all of them don't. */
  #oldest(items: number, bytes: number): number | undefined {
    const { ready } = this.#shelf.counts()
    let found = 0
    let count = 0
    for (const { item } of bytes > 0 ? this.#shelf.list('ready') : []) {
      if (found >= bytes) break
      found += itemBytes(item)
      count += 1
    }
    const wanted = Math.max(items, count)
    return found >= bytes && wanted <= ready ? wanted : undefined
  }
}
