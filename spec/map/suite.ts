// suite.ts: what a user of a map sees, through the public API alone, the same over every store.

import { after, describe } from 'node:test'
import { type MapOptions, PersistentMap } from '../../lib/index.ts'
import { counting } from './counting.ts'
import { holding } from './holding.ts'
import { keying } from './keying.ts'
import { living } from './living.ts'
import { updating } from './updating.ts'
import { walking } from './walking.ts'

/** Where a map can be, with nothing in it yet. */
export interface MapPlace {
  readonly location: string
  remove(): Promise<void>
}

/** What it opens is closed when the suite is over. */
export interface Place {
  readonly location: string
  open<V = unknown>(options?: MapOptions<V>): Promise<PersistentMap<V>>
  /** `new`: not open yet. */
  start<V = unknown>(options?: MapOptions<V>): PersistentMap<V>
}
export type MakePlace = () => Promise<Place>

export function mapSuite(name: string, makePlace: () => Promise<MapPlace>): void {
  const places: MapPlace[] = []
  const maps: { close(): Promise<void> }[] = []
  const keep = <V>(map: PersistentMap<V>): PersistentMap<V> => {
    maps.push(map)
    return map
  }
  const place = async (): Promise<Place> => {
    const made = await makePlace()
    places.push(made)
    const { location } = made
    return {
      location,
      open: async <V>(options?: MapOptions<V>) => keep(await PersistentMap.open<V>(location, options)),
      start: <V>(options?: MapOptions<V>) => keep(new PersistentMap<V>(location, options)),
    }
  }
  after(async () => {
    for (const map of maps) await map.close().catch(() => {})
    for (const made of places) await made.remove()
  })
  describe(`${name}: the map`, { timeout: 240_000 }, () => {
    holding(place)
    keying(place)
    counting(place)
    updating(place)
    walking(place)
    living(place)
  })
}

/** A fresh map. */
export async function fresh<V = unknown>(place: MakePlace, options?: MapOptions<V>): Promise<PersistentMap<V>> {
  return (await place()).open<V>(options)
}

export async function collect<R>(walk: AsyncIterable<R>): Promise<R[]> {
  const all: R[] = []
  for await (const each of walk) all.push(each)
  return all
}

/** Keys from `from` to `to`, both included. */
export function keysOf(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `key ${from + i}`)
}
