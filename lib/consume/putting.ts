// putting.ts: items into the queue, and the wait for room where it has a bound.
//
// A put that finds room goes in at once; one that finds none parks, and parked puts are served in order: a small one
// does not pass a large one, so a large one is not starved.

import type { PutOptions } from '../call-options.ts'
import { QueueFullError } from '../errors.ts'
import { bytesOf } from '../share.ts'
import type { Document } from '../store.ts'
import { Parked } from '../wait/parked.ts'
import { turn, turnDue } from '../wait/turn.ts'
import type { Core } from './core.ts'

/** One append. */
interface Batch {
  readonly documents: readonly Document[]
  readonly count: number
  /** Not ready before, in milliseconds since 1970. */
  readonly due: number | undefined
}

export class Putting<T> {
  readonly #core: Core<T>

  constructor(core: Core<T>) {
    this.#core = core
  }

  /** One item; resolves to its id. Throws what is wrong with the item. */
  one(item: T, options?: PutOptions): Promise<number> {
    this.#core.check()
    return this.documents([this.#core.writer.one(item)], 1, options)
  }

  /** One batch; resolves to its ids. */
  async many(items: Iterable<T>, options?: PutOptions): Promise<number[]> {
    const { writer, store } = this.#core
    this.#core.check()
    return this.batch(writer.many(items, store.supports.documents), options)
  }

  async batch(documents: readonly Document[], options?: PutOptions): Promise<number[]> {
    const count = documents.reduce((sum, document) => sum + document.count, 0)
    if (count === 0) return []
    const firstId = await this.documents(documents, count, options)
    return Array.from({ length: count }, (_, i) => firstId + i)
  }

  /** `count` items as one batch; resolves to the first id. */
  documents(documents: readonly Document[], count: number, options?: PutOptions): Promise<number> {
    const { maxSize, maxBytes, store } = this.#core
    const due = options?.delay ? this.#core.deadline(options.delay) : undefined
    if (maxSize !== Infinity || maxBytes !== Infinity) return this.#bounded({ documents, count, due }, options)
    return store
      .append(documents, due === undefined ? undefined : { due })
      .then((firstId) => this.#appended(firstId, count))
  }

  /** `undefined` (no room) only comes where a bound was given. */
  #appended(firstId: number | undefined, count: number): number | Promise<number> {
    const id = firstId ?? Number.NaN
    this.#core.tally.put += count
    this.#core.arrived()
    return turnDue() ? turn().then(() => id) : id
  }

  async #bounded(batch: Batch, options: PutOptions = {}): Promise<number> {
    const { maxSize, maxBytes, whenFull, puts, clock } = this.#core
    const { documents, count } = batch
    if (count > maxSize) throw new QueueFullError(`${count} items never fit into a queue with maxSize ${maxSize}`)
    const bytes = maxBytes === Infinity ? 0 : bytesOf(documents)
    if (bytes > maxBytes) {
      throw new QueueFullError(`${bytes} encoded bytes never fit into a queue with maxBytes ${maxBytes}`)
    }
    const attempt = (): Promise<number | undefined> => this.#attempt(batch)
    const firstId = puts.length === 0 ? await attempt() : undefined
    if (firstId !== undefined) return this.#appended(firstId, count)
    const wait = options.wait ?? whenFull !== 'reject'
    if (!wait) throw this.#full()
    options.signal?.throwIfAborted()
    const { signal, timeout } = options
    const parked = new Parked(puts, attempt, { clock, signal, timeout, expired: () => this.#full(timeout) })
    return this.#appended(await parked.promise, count)
  }

  #attempt({ documents, due }: Batch): Promise<number | undefined> {
    const { maxSize, maxBytes, whenFull, store, tally } = this.#core
    const bound = { items: maxSize, bytes: maxBytes === Infinity ? undefined : maxBytes }
    if (whenFull !== 'drop-oldest') return store.append(documents, { bound, due })
    const dropped = (count: number): void => {
      tally.dropped += count
    }
    return store.append(documents, { bound: { ...bound, whenFull, dropped }, due })
  }

  #full(timeoutMs?: number): QueueFullError {
    const { maxSize, maxBytes } = this.#core
    const items = maxSize === Infinity ? [] : [`maxSize ${maxSize} items`]
    const bytes = maxBytes === Infinity ? [] : [`maxBytes ${maxBytes} bytes`]
    const waited = timeoutMs === undefined ? '' : ` after ${timeoutMs} ms`
    const bounds = [...items, ...bytes].join(' or ')
    return new QueueFullError(`the queue has no room within ${bounds}${waited}: nothing was put; take some, or wait`)
  }
}
