// room.ts: the bounds of a memory queue: whether there is room, and what is dropped to make it.

import { Rounds } from '../rounds.ts'
import { bytesOf } from '../share.ts'
import type { Bound, Document } from '../store.ts'
import { type Item, bytesOf as itemBytes } from './item.ts'
import type { Shelf } from './shelf.ts'

/** As one handle finds it. */
export class Room {
  readonly #shelf: Shelf
  readonly #rounds = new Rounds()

  constructor(shelf: Shelf) {
    this.#shelf = shelf
  }

  /**
   * Whether the documents find room within the bound; where it says so, the oldest ready items go for it, but none with
   * one of the keys that are kept.
   */
  isMade(bound: Bound, documents: readonly Document[], kept: ReadonlySet<string> = NONE): boolean {
    if (this.#rounds.isOver(bound)) return false
    const { ready, delayed, inFlight } = this.#shelf.counts()
    const count = documents.reduce((sum, { count }) => sum + count, 0)
    const items = ready + delayed + inFlight + count - bound.items
    const bytes = this.#shelf.heldBytes + bytesOf(documents) - (bound.bytes ?? Infinity)
    if (items <= 0 && bytes <= 0) return true
    const drop = bound.whenFull === 'drop-oldest' ? this.#oldest({ items, bytes, kept }) : undefined
    if (drop === undefined) {
      this.#rounds.end(bound)
      return false
    }
    this.#shelf.drop(drop)
    bound.dropped?.(drop.length)
    return true
  }

  /** The oldest ready items that come to so many items and bytes; undefined where all of them don't. */
  #oldest({ items, bytes, kept }: Excess): Item[] | undefined {
    const oldest: Item[] = []
    let found = 0
    for (const { item } of this.#shelf.list('ready', 0, bytes > 0 ? Infinity : items + kept.size)) {
      if (oldest.length >= items && found >= bytes) break
      if (item.key !== undefined && kept.has(item.key)) continue
      oldest.push(item)
      found += itemBytes(item)
    }
    return oldest.length >= items && found >= bytes ? oldest : undefined
  }
}

interface Excess {
  readonly items: number
  readonly bytes: number
  readonly kept: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()
