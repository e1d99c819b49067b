// batch-bound.ts: what a batch may come to at most. One that could never fit into the queue is refused while its items are
// still being asked for, so that an endless iterable ends too.

import { isArray } from '../codec/index.ts'
import { QueueFullError } from '../errors.ts'
import type { Document } from '../store.ts'

export interface Bounds {
  readonly maxSize: number
  readonly maxBytes: number
}

export class BatchBound {
  readonly #maxSize: number
  readonly #maxBytes: number
  readonly #byteFactor: number
  #items = 0
  #bytes = 0

  /** `byteFactor`: how many bytes may be counted for each one that will be stored. */
  constructor({ maxSize, maxBytes }: Bounds, byteFactor = 1) {
    this.#maxSize = maxSize
    this.#maxBytes = maxBytes
    this.#byteFactor = byteFactor
  }

  /** The same items, of which at most one too many is asked for. */
  items<T>(items: Iterable<T>): Iterable<T> {
    if (this.#maxSize === Infinity) return items
    if (!isArray(items)) return this.#counted(items)
    this.#count(items.length)
    return items
  }

  *#counted<T>(items: Iterable<T>): Generator<T> {
    for (const item of items) {
      this.#count(1)
      yield item
    }
  }

  #count(items: number): void {
    this.#items += items
    if (this.#items > this.#maxSize) {
      throw new QueueFullError(`a batch of ${this.#items} items never fits into a queue with maxSize ${this.#maxSize}`)
    }
  }

  /** An item that is a document of its own, and is no other one's equal. */
  add({ bytes }: Document): void {
    this.#count(1)
    this.#addBytes(bytes.length)
  }

  /** A document was made of items; undefined where nothing has to be counted. */
  get made(): ((document: Document) => void) | undefined {
    return this.#maxBytes === Infinity ? undefined : ({ bytes }) => this.#addBytes(bytes.length)
  }

  #addBytes(length: number): void {
    this.#bytes += length
    if (this.#bytes <= this.#maxBytes * this.#byteFactor) return
    throw new QueueFullError(
      `a batch of ${this.#bytes} encoded bytes never fits into a queue with maxBytes ${this.#maxBytes}`,
    )
  }
}
