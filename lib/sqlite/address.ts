// address.ts: where an SQLite queue is, read from its location.
//
//      sqlite:./file.db     sqlite:/abs/file.db     sqlite:///abs/file.db     a file; relative ones from here
//      sqlite::memory:                                                        in memory, this handle's own
//      sqlite::memory:name                                                    in memory, for as long as the process lives
//      …?queue=name                                                           one of several queues; 'queue' if not said
//
// The path is escaped as in any URL: a question mark is %3F, a percent sign %25.

import { resolve } from 'node:path'
import { MEMORY } from './connection.ts'

export interface SqliteAddress {
  /** An absolute path, ':memory:', or 'memory:name'. */
  readonly file: string
  readonly queue: string
}

const SCHEME = 'sqlite:'
const NAME_MAX = 255

/** A TypeError where the location names no file, or says what nobody knows. */
export function sqliteAddressOf(location: string): SqliteAddress {
  const end = location.indexOf('?')
  const place = decoded(location.slice(SCHEME.length, end < 0 ? undefined : end))
  return { file: fileOf(place), queue: nameOf(new URLSearchParams(end < 0 ? '' : location.slice(end))) }
}

function fileOf(place: string): string {
  if (place === '') throw wrong('it names no file: sqlite:./file.db?queue=name')
  if (place.includes('\0')) throw wrong('a path cannot hold a null character')
  if (place === MEMORY) return MEMORY
  if (place.startsWith(MEMORY)) return place.slice(1)
  if (/^\/\/[^/]/.test(place)) throw wrong(`a file has no host: sqlite:${place.slice(1)}, or sqlite:.${place.slice(1)}`)
  return resolve(place)
}

function nameOf(words: URLSearchParams): string {
  for (const name of words.keys()) if (name !== 'queue') throw wrong(`unknown parameter '${name}': there is queue`)
  if (words.getAll('queue').length > 1) throw wrong("parameter 'queue' is there more than once")
  const name = words.get('queue') ?? 'queue'
  const characters = [...name].length
  if (characters === 0 || characters > NAME_MAX || !name.isWellFormed()) {
    throw wrong(`a queue's name has 1 to ${NAME_MAX} characters of Unicode, not ${characters}`)
  }
  return name
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw wrong("a '%' in it is no escape: write %25")
  }
}

function wrong(what: string): TypeError {
  return new TypeError(`sqlite location: ${what}`)
}
