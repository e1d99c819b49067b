// sqlite-map.ts: maps in a database file, which they share with queues and other maps. What it does, it does in the
// worker thread: map-ops.ts.

import { channel } from 'node:diagnostics_channel'
import type * as seam from '../map-store.ts'
import type { Durability } from '../store.ts'
import { type Database, openDatabase } from './database.ts'
import type { Seen } from './map-ops.ts'
import { type Packed, unpack } from './messages.ts'

/** A map has no events: what it met at its opening is told here alone. */
const damaged = channel('spoolq:corruption')

/** What nobody waited for, until somebody is told. */
interface Told {
  failure: Error | undefined
}

export class SqliteMap implements seam.MapStore {
  readonly codec: string
  readonly #database: Database
  readonly #map: number
  readonly #within: number
  readonly #told: Told

  /** The map of that name in a file, both made if they are missing; ':memory:' is nobody else's. */
  static async open(file: string, name: string, options: seam.MapStoreOptions): Promise<SqliteMap> {
    const within = withinOf(options.durability)
    const told: Told = { failure: undefined }
    const database = await openDatabase(file, {
      freeBytes: options.flushLimit,
      events: {
        vacuumed() {},
        failed: (error, work) => {
          if (work === 'sync' && within < Infinity) told.failure ??= error
        },
      },
    })
    try {
      if (database.damage !== undefined) damaged.publish({ location: `sqlite:${file}`, ...database.damage })
      options.signal?.throwIfAborted()
      const { value } = await database.call('map.open', { name, codec: options.codec }, { within })
      return new SqliteMap(database, value, { within, told })
    } catch (error) {
      await database.close()
      throw error
    }
  }

  private constructor(
    database: Database,
    { map, codec }: { map: number; codec: string },
    { within, told }: { within: number; told: Told },
  ) {
    this.#database = database
    this.#map = map
    this.codec = codec
    this.#within = within
    this.#told = told
  }

  async get(key: string): Promise<seam.Stored | undefined> {
    const { value, packed } = await this.#database.call('map.get', this.#of(key), this.#options())
    return storedOf(value, packed)
  }

  async has(key: string): Promise<boolean> {
    return (await this.#database.call('map.has', this.#of(key), this.#options())).value
  }

  async set(key: string, bytes: Uint8Array): Promise<void> {
    this.#tell()
    await this.#database.call('map.set', this.#of(key), this.#options(bytes))
  }

  async replace(key: string, bytes: Uint8Array, seen: seam.Stored | undefined): Promise<seam.Replaced> {
    this.#tell()
    const stamp = seen === undefined ? null : { place: seen.place, version: seen.version }
    const args = { ...this.#of(key), seen: stamp }
    const { value, packed } = await this.#database.call('map.replace', args, this.#options(bytes))
    return value === null ? { done: true } : { done: false, now: storedOf(value.now, packed) }
  }

  async delete(key: string): Promise<boolean> {
    this.#tell()
    return (await this.#database.call('map.delete', this.#of(key), this.#options())).value
  }

  async clear(): Promise<number> {
    this.#tell()
    return (await this.#database.call('map.clear', this.#map, this.#options())).value
  }

  async size(): Promise<number> {
    return (await this.#database.call('map.size', this.#map, this.#options())).value
  }

  async page(options: seam.PageOptions): Promise<readonly seam.PageEntry[]> {
    const { value, packed } = await this.#database.call('map.page', { map: this.#map, ...options }, this.#options())
    const { keys, places, damaged } = value
    const blobs = unpack(packed)
    return keys.map((key, i) => ({ key, place: places[i] ?? 0, bytes: blobs[i], isDamaged: damaged[i] ?? false }))
  }

  async close(): Promise<void> {
    await this.#database.close()
    this.#tell()
  }

  #tell(): void {
    const { failure } = this.#told
    this.#told.failure = undefined
    if (failure !== undefined) throw failure
  }

  #of(key: string): { map: number; key: string } {
    return { map: this.#map, key }
  }

  #options(...blobs: readonly Uint8Array[]): { within: number; blobs: readonly Uint8Array[] } {
    return { within: this.#within, blobs }
  }
}

function storedOf(seen: Seen | null, packed: Packed): seam.Stored | undefined {
  const [bytes] = unpack(packed)
  return seen === null || bytes === undefined ? undefined : { ...seen, bytes }
}

function withinOf(durability: Durability): number {
  if (typeof durability === 'object') return durability.interval
  return durability === 'disk' ? 0 : Infinity
}
