// opening.ts: the options of a map, and from a place and options to an open one.

import * as check from '../check.ts'
import { assertCodec, type Codec, type CodecName, type GeneralCodec, isCodecName, loadCodec } from '../codec/index.ts'
import { CodecMismatchError } from '../errors.ts'
import type { MapStore, MapStoreOptions } from '../map-store.ts'
import { checkDurability, defaults } from '../options.ts'
import type { Durability } from '../store.ts'
import { openedUnlessAborted } from '../wait/aborts.ts'
import type { MapPlace } from './place.ts'
import { Values } from './values.ts'

export interface MapOptions<V = unknown> {
  /** How values become bytes. Default: what the map records, 'msgpack' in a new one. */
  readonly codec?: CodecName | Codec<V> | undefined
  /**
   * What a resolved set, update, delete or clear has survived: 'disk' (default) power loss, 'os' the process,
   * `{ interval: ms }` as 'os', and synced at most that much later.
   */
  readonly durability?: Durability | undefined
  /** Aborts opening. */
  readonly signal?: AbortSignal | undefined
}

/** Options for values of that type, or of any. */
export type FittingMapOptions<V> = MapOptions<V> | GeneralMapOptions

interface GeneralMapOptions extends Omit<MapOptions, 'codec'> {
  readonly codec?: CodecName | GeneralCodec | undefined
}

const mapChecks = {
  codec: (_: string, value: unknown) => assertCodec(value),
  durability: checkDurability,
  signal: check.signal,
}

/** A TypeError or RangeError for options that are wrong. */
export function checkMapOptions(options: object | undefined): void {
  check.checkOptions(options, mapChecks)
}

export interface Opened<V> {
  readonly store: MapStore
  readonly values: Values<V>
}

/** Opens the store, and the codec that it records. What fails on the way leaves nothing open behind. */
export async function openMap<V>(place: MapPlace, options: FittingMapOptions<V>): Promise<Opened<V>> {
  const { codec: choice, durability = defaults.durability, signal } = options
  signal?.throwIfAborted()
  const named = choice === undefined ? undefined : await loadCodec<V>(choice)
  const store = await openStore(place, { durability, codec: named?.name, flushLimit: defaults.flushLimit, signal })
  try {
    signal?.throwIfAborted()
    return { store, values: new Values(named ?? (await recorded<V>(store.codec))) }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openStore({ place, map }: MapPlace, options: MapStoreOptions): Promise<MapStore> {
  if (place.kind === 'memory') {
    const { MemoryMap } = await import('../memory/memory-map.ts')
    return MemoryMap.open(place.name, map, options)
  }
  const { SqliteMap } = await import('../sqlite/sqlite-map.ts')
  return openedUnlessAborted(SqliteMap.open(place.address.file, map, options), options.signal)
}

function recorded<V>(name: string): Promise<Codec<V>> {
  if (isCodecName(name)) return loadCodec<V>(name)
  throw new CodecMismatchError(`this map was written with a codec of its own, '${name}': open it with that codec`)
}
