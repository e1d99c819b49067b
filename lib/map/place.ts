// place.ts: where a map is, read from the one string that says so.
//
//      sqlite:./file.db?map=name     a database file, which maps and queues share
//      sqlite::memory:               in memory, this handle's own; sqlite::memory:name is this process's
//      memory:  memory:name?map=…    this process; a name is shared by the handles that give it
//
// `map` is 'map' where it is not named. Stores without an index have no maps, and say so.

import { wrongType } from '../check.ts'
import { UnsupportedError } from '../errors.ts'
import { type Place, placeOf } from '../location.ts'

export interface MapPlace {
  readonly place: Extract<Place, { readonly kind: 'memory' | 'sqlite' }>
  readonly map: string
}

const NAME_MAX = 255

/** Where `location` is; a TypeError where it says nothing that is known, an UnsupportedError where no map can be. */
export function mapPlaceOf(location: string | URL): MapPlace {
  const text = location instanceof URL ? location.href : location
  if (typeof text !== 'string' || text === '') throw wrongType('location', 'a URL such as sqlite:./state.db', location)
  if (/^(mysql|mariadb|nats):/i.test(text)) throw noMap()
  const end = text.indexOf('?')
  const place = placeOf(end < 0 ? text : text.slice(0, end))
  if (place.kind !== 'memory' && place.kind !== 'sqlite') throw noMap()
  return { place, map: nameOf(new URLSearchParams(end < 0 ? '' : text.slice(end))) }
}

function noMap(): UnsupportedError {
  return new UnsupportedError('a map needs an index: it can be in sqlite:./file.db?map=name, or in memory:name')
}

function nameOf(parameters: URLSearchParams): string {
  for (const name of parameters.keys()) {
    if (name !== 'map') throw new TypeError(`map location: unknown parameter '${name}': there is map`)
  }
  if (parameters.getAll('map').length > 1) throw new TypeError("map location: parameter 'map' is there more than once")
  const name = parameters.get('map') ?? 'map'
  const characters = [...name].length
  if (characters === 0 || characters > NAME_MAX || !name.isWellFormed()) {
    throw new TypeError(`map location: a map's name has 1 to ${NAME_MAX} characters of Unicode, not ${characters}`)
  }
  return name
}
