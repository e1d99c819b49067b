// holdings.ts: what the items that are ready, delayed or in flight have: their bytes, and their keys. A key belongs to one
// of them at most.

import { bytesOf, type Item } from './item.ts'

export class Holdings {
  /** Encoded bytes. */
  bytes = 0
  /** The ids of those that have the keys. */
  readonly #keys = new Map<string, number>()

  /** Whether one of them has the key. */
  has(key: string): boolean {
    return this.#keys.has(key)
  }

  /** Whether no other one than that has the key. */
  isFree(key: string | undefined, id: number): boolean {
    return key === undefined || (this.#keys.get(key) ?? id) === id
  }

  /** It is one of them from now on. */
  add(item: Item): void {
    if (item.key !== undefined) this.#keys.set(item.key, item.id)
    this.bytes += bytesOf(item)
  }

  /** It is none of them any more. */
  drop(item: Item): void {
    this.bytes -= bytesOf(item)
    if (item.key !== undefined && this.#keys.get(item.key) === item.id) this.#keys.delete(item.key)
  }
}
