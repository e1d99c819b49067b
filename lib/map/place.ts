// place.ts: where a map is, read from the one string that says so.
//
//      sqlite:./file.db?map=name     a database file, which maps and queues share
//      sqlite::memory:               a database of this handle alone
//      memory:  memory:name?map=…    this process; a name is shared by the handles that give it
//
// `map` is 'map' where it is not named. Stores without an index have no maps, and say so.

import { wrongType } from '../check.ts'
import { UnsupportedError } from '../errors.ts'
import { type Place, placeOf } from '../location.ts'
import { sqliteAddressOf } from '../sqlite/address.ts'

export interface MapPlace {
  readonly place: Extract<Place, { readonly kind: 'memory' }> | { readonly kind: 'sqlite'; readonly file: string }
  readonly map: string
}

const NAME_MAX = 255

/** Where `location` is; a TypeError where it says nothing that is known, an UnsupportedError where no map can be. */
export function mapPlaceOf(location: string | URL): MapPlace {
  const text = location instanceof URL ? location.href : location
  if (typeof text !== 'string' || text === '') throw wrongType('location', 'a URL such as sqlite:./state.db', location)
  const end = text.indexOf('?')
  const where = end < 0 ? text : text.slice(0, end)
  const words = new URLSearchParams(end < 0 ? '' : text.slice(end))
  if (/^sqlite:/i.test(where)) {
    return { place: { kind: 'sqlite', file: sqliteAddressOf(where).file }, map: nameOf(words) }
  }
  if (/^(mysql|mariadb|nats):/i.test(where)) throw noMap()
  const place = placeOf(where)
  if (place.kind !== 'memory') throw noMap()
  return { place, map: nameOf(words) }
}

function noMap(): UnsupportedError {
  return new UnsupportedError('a map needs an index: it can be in sqlite:./file.db?map=name, or in memory:name')
}

function nameOf(parameters: URLSearchParams): string {
  for (const name of parameters.keys()) {
    if (name !== 'map') throw new TypeError(`map location: unknown parameter '${name}': there is map`)
  }
  const name = parameters.get('map') ?? 'map'
  const characters = [...name].length
  if (characters === 0 || characters > NAME_MAX || !name.isWellFormed()) {
    throw new TypeError(`map location: a map's name has 1 to ${NAME_MAX} characters of Unicode, not ${characters}`)
  }
  return name
}
