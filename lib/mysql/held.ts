// held.ts: what this handle has in flight, as it was leased: enough to settle it without reading it again. The server
// has the last word: what it no longer counts as this handle's is taken off here as soon as that is known.

import { SettledError } from '../errors.ts'
import type { HeldRange } from '../store.ts'

export interface HeldItem {
  readonly id: number
  readonly bytes: number
  readonly key: Buffer | undefined
  /** Deliveries, this one included. */
  readonly attempt: number
  /** It has a deadline. */
  readonly isTimed: boolean
}

export class HeldItems {
  readonly #items = new Map<number, HeldItem>()

  add(item: HeldItem): void {
    this.#items.set(item.id, item)
  }

  /** It was updated while it was out. */
  update(id: number, bytes: number, key: Buffer | undefined): void {
    const item = this.#items.get(id)
    if (item !== undefined) this.#items.set(id, { ...item, bytes, key })
  }

  delete(ids: Iterable<number>): void {
    for (const id of ids) this.#items.delete(id)
  }

  has({ id, attempt }: HeldItem): boolean {
    return this.#items.get(id)?.attempt === attempt
  }

  clear(): void {
    this.#items.clear()
  }

  get ids(): number[] {
    return [...this.#items.keys()]
  }

  /** All of them, in order of the ranges; SettledError where one is not held, or is claimed already. */
  of(ranges: readonly HeldRange[], claimed?: ReadonlySet<number>): HeldItem[] {
    const items: HeldItem[] = []
    for (const { from, to, attempt } of ranges) {
      for (let id = from; id <= to; id += 1) {
        const item = this.#items.get(id)
        if (item === undefined || (attempt ?? item.attempt) !== item.attempt || claimed?.has(id)) {
          throw new SettledError(`item ${id} is not in flight here: it was settled already, or its lease is over`)
        }
        items.push(item)
      }
    }
    return items
  }
}
