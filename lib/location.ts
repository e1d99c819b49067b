// location.ts: where a queue is, read from the one string that says so.
//
//      ./dir  /abs/dir  C:\dir  file:…      a directory: the append-only log
//      memory:  memory:name                 this process; a name is shared by the handles that give it
//      mysql://… mariadb://…                a MySQL or MariaDB database: lib/mysql/address.ts
//      sqlite:./file.db?queue=name          an SQLite database: lib/sqlite/address.ts
//      nats:                                not built yet
//
// A scheme of one letter is a Windows drive. Relative paths are from the working directory at the time.

import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { wrongType } from './check.ts'
import { UnsupportedError } from './errors.ts'
import { type Address, addressOf } from './mysql/address.ts'
import { type SqliteAddress, sqliteAddressOf } from './sqlite/address.ts'

export type Place =
  | { readonly kind: 'log'; readonly folder: string }
  /** An empty name: nobody else's. */
  | { readonly kind: 'memory'; readonly name: string }
  | { readonly kind: 'mysql'; readonly address: Address }
  | { readonly kind: 'sqlite'; readonly address: SqliteAddress }

/** The stores that have an index, as a message names them. */
export const INDEXED = 'sqlite:, mysql: and memory:'

const NOT_BUILT = ['nats']
/** Behind blanks and what else cannot be seen, and quotes. */
const SCHEMED = /^[^\p{L}\d./\\~_-]+(file|memory|mysql|mariadb|sqlite|nats):/iu

/** Where `location` is; an unknown scheme is a TypeError, one that is not built yet an UnsupportedError. */
export function placeOf(location: string | URL): Place {
  const text = location instanceof URL ? location.href : location
  if (typeof text !== 'string' || text === '') throw wrongType('location', 'a path or a URL', location)
  if (/\0|^file:.*%00/i.test(text)) throw new TypeError('location: a path cannot hold a null character')
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return { kind: 'log', folder: resolve(barePath(text)) }
  if (scheme === 'file') return { kind: 'log', folder: folderOf(text) }
  if (scheme === 'memory') return { kind: 'memory', name: text.slice('memory:'.length) }
  if (scheme === 'mysql' || scheme === 'mariadb') return { kind: 'mysql', address: addressOf(text) }
  if (scheme === 'sqlite') return { kind: 'sqlite', address: sqliteAddressOf(text) }
  if (NOT_BUILT.includes(scheme)) {
    throw new UnsupportedError(`${scheme}: queues are not built yet: use a directory, memory:, sqlite: or mysql:`)
  }
  throw new TypeError(`location: unknown scheme '${scheme}:': expected a path, file:, memory:, sqlite: or mysql:`)
}

/** The location in words that may be told: without a password. */
export function shownPlace(location: string | URL, place: Place): string {
  return place.kind === 'mysql' ? place.address.shown : String(location)
}

/** A URL with a blank, a quote or `URL=` in front is no path: it would be made as a folder, password and all. */
function barePath(text: string): string {
  const isUrl = /[a-z][a-z0-9+.-]+:\/\//i.test(text) || SCHEMED.test(text)
  if (!isUrl) return text
  throw new TypeError('location: a URL with something before its scheme, such as a blank or a quote: take that away')
}

/** A file URL without a slash, as in `file:./dir`, is relative too. */
function folderOf(location: string): string {
  if (/^file:$/i.test(location)) throw new TypeError('location: it names no folder: file:./dir or file:///abs/dir')
  const url = new URL(location, pathToFileURL(`${process.cwd()}/`))
  if (url.search !== '' || url.hash !== '') {
    throw new TypeError(`location: a folder has no parameters: write ? as %3F and # as %23 in ${location}`)
  }
  return resolve(fileURLToPath(url))
}
