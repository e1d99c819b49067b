// map.ts: the face of the persistent map: each method checks what it was given, waits for the opening, and delegates.
//
//      opening ──▶ open ──close──▶ closing ──▶ closed
//         └──▶ failed                       (a close while opening waits for it)
//
// A call that comes while opening waits for it; after a failed opening it rejects with that error; after close() with
// QueueClosedError. A handle that is dropped without close() is closed when it is collected.

import { wrongType } from './check.ts'
import { codecAtHand } from './codec/at-hand.ts'
import { QueueClosedError } from './errors.ts'
import { checkMapOptions, type FittingMapOptions, type MapOptions, openMap } from './map/opening.ts'
import { mapPlaceOf } from './map/place.ts'
import { type Change, Updates } from './map/updates.ts'
import { Values } from './map/values.ts'
import { type Shape, Walk } from './map/walk.ts'
import type { MapStore, PageEntry, PageOptions } from './map-store.ts'

interface Open<V> {
  readonly store: MapStore
  readonly values: Values<V>
  readonly updates: Updates<V>
}

const dropped = new FinalizationRegistry<MapStore>((store) => {
  store.close().catch(ignore)
})

/**
 * A Map that survives its process: string keys, any values that its codec can hold, shared by any number of processes
 * of one host. It goes by insertion, as a Map does: a key that is set again keeps its place.
 *
 * Every method is async. What a call changed has the map's durability once it resolves. A value comes back decoded
 * afresh: changing it changes nothing in the map. A key that is no string is a TypeError; any string is a key.
 * Calls made while it opens wait for it. After a failed opening every call rejects with the opening's error, after
 * `close()` with QueueClosedError. A StorageError says that the disk refused.
 *
 * @example
 * await using map = await PersistentMap.open<number>('sqlite:./state.db?map=visits')
 * await map.update('home', (visits = 0) => visits + 1)
 * for await (const [page, visits] of map) console.log(page, visits)
 */
export class PersistentMap<V = unknown> implements AsyncIterable<[string, V]>, AsyncDisposable {
  /** Resolves to the map once it is open; rejects as the opening did, and is never an unhandled rejection. */
  readonly opened: Promise<this>
  readonly #opening: Promise<Open<V>>
  /** Until the recorded codec is known, the one that it most probably is. */
  #values: Values<V>
  /** Only while it is open. */
  #open: Open<V> | undefined
  #closing: Promise<void> | undefined
  /** Another number after each change by this handle. */
  #changes = 0
  readonly #underWay = new Set<Promise<unknown>>()

  /**
   * Opens the map at `location`, `sqlite:./file.db?map=name` or `memory:name`, or makes a new one there. Maps and
   * queues share a file. Rejects with a TypeError or RangeError for wrong options, with UnsupportedError where there
   * can be no map, CodecMismatchError, FormatError (not a database of ours, or a newer version's), StorageError, or the
   * signal's reason.
   */
  static open<V = unknown>(location: string | URL, options?: MapOptions<V>): Promise<PersistentMap<V>>
  /** With options that fit values of any type. */
  static open<V = unknown>(location: string | URL, options?: FittingMapOptions<V>): Promise<PersistentMap<V>>
  static async open<V = unknown>(location: string | URL, options?: FittingMapOptions<V>): Promise<PersistentMap<V>> {
    return new PersistentMap<V>(location, options).opened
  }

  /** Opens itself; `opened` tells when. Throws as `open` rejects, for what is wrong with the options or the location. */
  constructor(location: string | URL, options?: MapOptions<V>)
  constructor(location: string | URL, options?: FittingMapOptions<V>)
  constructor(location: string | URL, options: FittingMapOptions<V> = {}) {
    checkMapOptions(options)
    this.#values = new Values<V>(codecAtHand(options.codec))
    this.#opening = openMap(mapPlaceOf(location), options).then(({ store, values }) => this.#opened(store, values))
    this.opened = this.#opening.then(() => this)
    this.opened.catch(ignore)
  }

  /** The key's value, decoded afresh, or undefined if it has none. Rejects with CodecError where it can't be decoded. */
  get(key: string): Promise<V | undefined> {
    return this.#run(key, async ({ store, values }) => {
      const stored = await store.get(key)
      return stored && values.decode(key, stored)
    })
  }

  /** Whether the key has a value; `undefined` and `null` are values too. */
  has(key: string): Promise<boolean> {
    return this.#run(key, ({ store }) => store.has(key))
  }

  /**
   * Gives the key a value, at its old place if it had one, else behind all others. The value is encoded at the call:
   * changing it afterwards changes nothing. Rejects with CodecError, and nothing was set, where it can't be encoded.
   */
  set(key: string, value: V): Promise<void> {
    if (this.#open === undefined && this.#closing === undefined) return this.#setEarly(key, value)
    return this.#run(key, ({ store, values }) => {
      const bytes = values.encode(key, value)
      this.#changes += 1
      return store.set(key, bytes)
    })
  }

  /**
   * Gives the key the value that `change` makes of the old one (`undefined` where there is none), and resolves to it.
   * Atomic over all handles and processes: where somebody else has changed the entry meanwhile, nothing is set, and
   * `change` is called again with what is there now. So it may be called several times, and should do nothing but
   * compute; it returns the value itself, no promise (TypeError). Updates of one key that are called at once are
   * gathered into few writes. Rejects with what `change` throws, or with CodecError; then it has set nothing.
   *
   * @example
   * const visits = await map.update('home', (visits = 0) => visits + 1)
   */
  update(key: string, change: Change<V>): Promise<V> {
    return this.#run(key, async ({ updates }) => {
      if (typeof change !== 'function') throw wrongType('change', 'a function', change)
      return updates.update(key, change)
    })
  }

  /** Drops the key; resolves to whether it was there. */
  delete(key: string): Promise<boolean> {
    return this.#run(key, ({ store }) => {
      this.#changes += 1
      return store.delete(key)
    })
  }

  /** Drops all entries; resolves to how many there were. */
  clear(): Promise<number> {
    return this.#run('', ({ store }) => {
      this.#changes += 1
      return store.clear()
    })
  }

  /** How many entries there are. Costs the same, however many. */
  size(): Promise<number> {
    return this.#run('', ({ store }) => store.size())
  }

  /**
   * The keys by insertion, read a page at a time. Changes in between break nothing: what is deleted before it is
   * reached does not come, what is added does, as with a Map; what other handles change is met a page later at the
   * latest. Rejects with QueueClosedError where the map closes before the end.
   */
  keys(): AsyncGenerator<string, undefined, undefined> {
    return this.#walk({ values: false, of: ({ key }) => key })
  }

  /** The values by insertion, as `entries`. */
  values(): AsyncGenerator<V, undefined, undefined> {
    return this.#walk({ values: true, of: (entry) => this.#valueOf(entry) })
  }

  /**
   * Keys and values by insertion, as `keys`. A value that can't be decoded rejects its `next()` with CodecError, and the
   * `next()` after it goes on behind it.
   */
  entries(): AsyncGenerator<[string, V], undefined, undefined> {
    return this.#walk({ values: true, of: (entry) => [entry.key, this.#valueOf(entry)] })
  }

  [Symbol.asyncIterator](): AsyncGenerator<[string, V], undefined, undefined> {
    return this.entries()
  }

  /** Closes the handle once its calls under way have finished; the entries stay. Twice is once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #opened(store: MapStore, values: Values<V>): Open<V> {
    const writing = (): void => {
      this.#changes += 1
    }
    const open = { store, values, updates: new Updates(store, values, writing) }
    this.#values = values
    this.#open = open
    dropped.register(this, store, this)
    return open
  }

  /** Calls once the map is open. */
  #run<R>(key: unknown, call: (open: Open<V>) => Promise<R>): Promise<R> {
    if (typeof key !== 'string') return Promise.reject(wrongType('key', 'a string', key))
    if (this.#closing !== undefined) return this.#opening.then(refuse)
    if (this.#open === undefined) return this.#follow(this.#opening.then(call))
    try {
      return this.#follow(call(this.#open))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A set that comes before the map is open: encoded now, set then. */
  async #setEarly(key: unknown, value: V): Promise<void> {
    if (typeof key !== 'string') throw wrongType('key', 'a string', key)
    const early = this.#values
    const bytes = early.encode(key, value)
    return this.#run(key, ({ store, values }) => {
      this.#changes += 1
      return store.set(key, values.codec === early.codec ? bytes : values.encode(key, early.decode(key, { bytes })))
    })
  }

  #walk<R>(shape: Shape<R>): Walk<R> {
    const page = (options: PageOptions) => this.#run('', ({ store }) => store.page(options))
    return new Walk({ page, changes: () => this.#changes }, shape)
  }

  #valueOf({ key, bytes = NOTHING, isDamaged }: PageEntry): V {
    return this.#values.decode(key, { bytes, isDamaged })
  }

  /** Remembers what `close` has to wait for. */
  #follow<R>(call: Promise<R>): Promise<R> {
    const done = (): void => {
      this.#underWay.delete(call)
    }
    this.#underWay.add(call)
    call.then(done, done)
    return call
  }

  async #close(): Promise<void> {
    // What was read ahead is not handed out any more.
    this.#changes += 1
    const { store } = await this.#opening
    dropped.unregister(this)
    await Promise.allSettled(this.#underWay)
    this.#open = undefined
    await store.close()
  }
}

const NOTHING = new Uint8Array()

function refuse(): never {
  throw new QueueClosedError('the map is closed: open it again to go on')
}

function ignore(): void {}
