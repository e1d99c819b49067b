// putting.ts: items into the queue, and the wait for room where it has a bound.
//
// A put that finds room goes in at once; one that finds none parks, and parked puts are served in order: a small one
// does not pass a large one, so a large one is not starved, and what was put later does not come out earlier. Of those
// that are under way at once the store sees to that: they are of one round, which ends when one of them finds no room.

import type { PutOptions } from '../call-options.ts'
import type { DocumentWriter } from '../codec/index.ts'
import { QueueFullError, UnsupportedError } from '../errors.ts'
import { bytesOf } from '../share.ts'
import type { AppendOptions, Bound, Document } from '../store.ts'
import type { Keys } from '../unique.ts'
import { Parked } from '../wait/parked.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { BatchBound } from './batch-bound.ts'
import type { Core } from './core.ts'
import { GatheredPuts } from './gathered-puts.ts'
import { Intake } from './intake.ts'

/** A batch as it was at the call. */
export interface Encoded {
  readonly documents: readonly Document[]
  /** One an item, which is a document of its own, where the queue is unique. */
  readonly keys?: readonly string[] | undefined
}

/** Each item as a document of its own, with its key. */
export function encodeUnique<T>(
  items: Iterable<T>,
  { writer, keys, bound }: { writer: DocumentWriter<unknown>; keys: Keys<T>; bound: BatchBound },
): Encoded & { readonly keys: readonly string[] } {
  const different = new Set<string>()
  const documents: Document[] = []
  const keysOf = Array.from(items, (item, i) => {
    const document = writer.one(item, `items[${i}]`)
    documents.push(document)
    const key = keys.of(item, document)
    if (different.size < different.add(key).size) bound.add(document)
    return key
  })
  return { documents, keys: keysOf }
}

export class Putting<T> {
  readonly #core: Core<T>
  /** Undefined where each put is an append of its own: it may be refused, or the store has no documents of many. */
  readonly #gathered: GatheredPuts<T> | undefined
  #round = 1

  constructor(core: Core<T>) {
    this.#core = core
    const isBounded = core.maxSize !== Infinity || core.maxBytes !== Infinity
    const gathers = !isBounded && core.store.supports.documents && core.keys === undefined
    this.#gathered = gathers ? new GatheredPuts(core, (documents, count) => this.#append(documents, count)) : undefined
  }

  /** For a stream's items, one by one; undefined where each put is an append of its own. */
  intake(): Intake<T> | undefined {
    const gathered = this.#gathered
    if (gathered === undefined) return undefined
    return new Intake(this.#core, (documents, count) => {
      // What was put before.
      gathered.flush()
      return this.#append(documents, count)
    })
  }

  /** One item; resolves to its id, or undefined where it is ignored. Throws what is wrong with the item. */
  one(item: T, options?: PutOptions): Promise<number | undefined> {
    this.#core.checkPut()
    if (options === undefined && this.#gathered !== undefined) return this.#gathered.put(item)
    const document = this.#core.writer.one(item)
    if (this.#core.keys === undefined) return this.documents([document], 1, options)
    return this.#unique([document], [this.#core.keys.of(item, document)], options).then(([id]) => id)
  }

  /** One batch; resolves to an id for each item or, where the queue is unique and it is ignored, undefined. */
  async many(items: Iterable<T>, options?: PutOptions): Promise<(number | undefined)[]> {
    this.#core.checkPut()
    return this.batch(this.encode(items), options)
  }

  /** Throws what is wrong with an item, and QueueFullError where there are more of them than ever fit. */
  encode(items: Iterable<T>): Encoded {
    const { writer, store, keys } = this.#core
    const bound = new BatchBound(this.#core)
    if (keys !== undefined) return encodeUnique(items, { writer, keys, bound })
    return { documents: writer.many(bound.items(items), store.supports.documents, bound.made) }
  }

  async batch({ documents, keys }: Encoded, options?: PutOptions): Promise<(number | undefined)[]> {
    const count = documents.reduce((sum, document) => sum + document.count, 0)
    if (count === 0) return []
    if (keys !== undefined) return [...(await this.#unique(documents, keys, options))]
    const firstId = await this.documents(documents, count, options)
    const ids = new Array<number>(count)
    for (let i = 0; i < count; i++) ids[i] = firstId + i
    return ids
  }

  /** `count` items as one batch; resolves to the first id. */
  documents(documents: readonly Document[], count: number, options?: PutOptions): Promise<number> {
    const { maxSize, maxBytes, store } = this.#core
    const how = options && this.#how(options)
    this.#gathered?.flush()
    if (maxSize === Infinity && maxBytes === Infinity) {
      // `undefined` (no room) only comes where a bound was given.
      return store.append(documents, how).then((firstId) => this.#put(firstId ?? Number.NaN, count))
    }
    const append = (bound: Bound): Promise<number | undefined> => store.append(documents, { ...how, bound })
    return this.#bounded(append, { documents, count }, options).then((firstId) => this.#put(firstId, count))
  }

  /** Without a bound, and ready at once. */
  #append(documents: readonly Document[], count: number): number | Promise<number> {
    const { store } = this.#core
    const firstId = store.appendNow?.(documents) ?? store.append(documents)
    if (typeof firstId === 'number') return this.#put(firstId, count)
    return firstId.then((id) => this.#put(id ?? Number.NaN, count))
  }

  /** Items with keys as one batch; resolves to an id or, where ignored, undefined for each. */
  async #unique(
    documents: readonly Document[],
    keys: readonly string[],
    options?: PutOptions,
  ): Promise<readonly (number | undefined)[]> {
    const { maxSize, maxBytes, store } = this.#core
    const how = options && this.#how(options)
    const append = async (bound?: Bound): Promise<readonly (number | undefined)[] | undefined> => {
      return store.appendUnique?.(documents, keys, { ...how, bound })
    }
    const first = new Set<string>()
    const needed = documents.filter((_, i) => first.size < first.add(keys[i] ?? '').size)
    const isBounded = maxSize !== Infinity || maxBytes !== Infinity
    const batch = { documents: needed, count: needed.length }
    const ids = (await (isBounded ? this.#bounded(append, batch, options) : append())) ?? []
    return this.#put(ids, ids.filter((id) => id !== undefined).length)
  }

  #how({ delay, priority, signal }: PutOptions): AppendOptions {
    if (priority !== undefined && this.#core.store.order !== 'priority') {
      throw new UnsupportedError(`priority: this queue is '${this.#core.store.order}': make one of order 'priority'`)
    }
    return { due: delay ? this.#core.due(delay) : undefined, priority, signal }
  }

  #put<R>(ids: R, count: number): R | Promise<R> {
    this.#core.tally.put += count
    if (count > 0) this.#core.arrived()
    return turnDue() ? turn().then(() => ids) : ids
  }

  /** Appends once there is room. */
  async #bounded<R>(
    append: (bound: Bound) => Promise<R | undefined>,
    { documents, count }: { readonly documents: readonly Document[]; readonly count: number },
    options: PutOptions = {},
  ): Promise<R> {
    const { maxSize, maxBytes, whenFull, puts, clock } = this.#core
    if (count > maxSize) throw new QueueFullError(`${count} items never fit into a queue with maxSize ${maxSize}`)
    const bytes = maxBytes === Infinity ? 0 : bytesOf(documents)
    if (bytes > maxBytes) {
      throw new QueueFullError(`${bytes} encoded bytes never fit into a queue with maxBytes ${maxBytes}`)
    }
    const { signal, timeout, wait = whenFull !== 'reject' } = options
    if (!wait || signal?.aborted) {
      const done = puts.length === 0 ? await append(this.#bound()) : undefined
      if (done !== undefined) return done
      throw wait ? signal?.reason : this.#full()
    }
    const attempt = async (): Promise<R | undefined> => {
      const round = this.#round
      const done = await append(this.#bound(round))
      if (done === undefined && round === this.#round) this.#round += 1
      return done
    }
    const parked = new Parked(puts, attempt, { clock, signal, timeout, expired: () => this.#full(timeout) })
    return parked.promise
  }

  #bound(round?: number): Bound {
    const { maxSize, maxBytes, whenFull, tally } = this.#core
    const bound = { items: maxSize, bytes: maxBytes === Infinity ? undefined : maxBytes, round }
    if (whenFull !== 'drop-oldest') return bound
    const dropped = (count: number): void => {
      tally.dropped += count
    }
    return { ...bound, whenFull, dropped }
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
