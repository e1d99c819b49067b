// map-ops.ts: the maps of a database file, as its worker thread carries them out.
//
//    spoolq_maps   one row a map: its name, its codec, how many entries it holds, and the last place given
//    spoolq_map_N  its entries
//       place      orders the map by insertion; never used again
//       key        TEXT, or, where that would change it (a NUL, half a surrogate pair), a BLOB of its UTF-16
//       version    1, and one more each time it is set again
//       sum        CRC-32 of the value: SQLite itself does not notice a flipped bit in it
//       value      what the codec returned; NULL where that is no byte at all
//
// The count and the last place stand in the row of the map, and change with its entries: so `size` costs the same
// however many there are, and a place is never given twice, also where the last entry was deleted.

import { crc32 } from 'node:zlib'
import { CodecMismatchError } from '../errors.ts'
import type { PageOptions } from '../map-store.ts'
import type { Connection } from './connection.ts'
import type { Row, Value } from './driver.ts'
import { type Answer, reading, writing } from './op.ts'

export interface OpenMap {
  readonly name: string
  readonly codec: string | undefined
}

/** A map by its id, and a key of it. */
export interface OfKey {
  readonly map: number
  readonly key: string
}

/** Tells whether an entry is still what it was. */
export interface Stamp {
  readonly place: number
  readonly version: number
}

/** An entry without its bytes. */
export interface Seen extends Stamp {
  readonly isDamaged: boolean
}

export interface Page {
  readonly keys: readonly string[]
  readonly places: readonly number[]
  /** Only where values were asked for. */
  readonly damaged: readonly boolean[]
}

const WHOLE = { isWhole: true }
const NOTHING = new Uint8Array(0)
const CATALOG = `CREATE TABLE IF NOT EXISTS spoolq_maps (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  codec TEXT NOT NULL, size INTEGER NOT NULL, places INTEGER NOT NULL)`

export const mapOps = {
  'map.open': writing((connection: Connection, { name, codec }: OpenMap) => {
    connection.exec(CATALOG)
    const known = connection.statement('SELECT id, codec FROM spoolq_maps WHERE name = ?').get(name)
    if (known === undefined) return { value: newMap(connection, name, codec ?? 'msgpack') }
    const recorded = String(known[1])
    if (codec === undefined || codec === recorded) return { value: { map: Number(known[0]), codec: recorded } }
    const what = `${connection.file}: the map '${name}' was written with codec '${recorded}', not '${codec}'`
    throw new CodecMismatchError(`${what}: open it without naming one`)
  }),

  'map.get': reading((connection: Connection, { map, key }: OfKey) => answered(find(connection, map, key))),

  'map.has': reading((connection: Connection, { map, key }: OfKey) => {
    const row = connection.statement(`SELECT 1 FROM spoolq_map_${map} WHERE key = ?`).get(stored(key))
    return { value: row !== undefined }
  }),

  'map.set': writing((connection: Connection, { map, key }: OfKey, [bytes = NOTHING]) => {
    const update = `UPDATE spoolq_map_${map} SET version = version + 1, sum = ?, value = ? WHERE key = ?`
    const changed = connection.statement(update).run(crc32(bytes), bytes, stored(key))
    if (changed === 0) insert(connection, map, key, bytes)
    return { value: null }
  }, WHOLE),

  /** Answers with null where it is done, else with what is there now. */
  'map.replace': writing(
    (connection: Connection, { map, key, seen }: OfKey & { readonly seen: Stamp | null }, [bytes = NOTHING]) => {
      const now = find(connection, map, key)
      if (now?.[0] !== seen?.place || now?.[1] !== seen?.version)
        return { ...answered(now), value: { now: seenOf(now) } }
      if (now === undefined) insert(connection, map, key, bytes)
      else {
        const update = `UPDATE spoolq_map_${map} SET version = version + 1, sum = ?, value = ? WHERE place = ?`
        connection.statement(update).run(crc32(bytes), bytes, now[0] ?? 0)
      }
      return { value: null }
    },
    WHOLE,
  ),

  'map.delete': writing((connection: Connection, { map, key }: OfKey) => {
    const deleted = connection.statement(`DELETE FROM spoolq_map_${map} WHERE key = ?`).run(stored(key))
    if (deleted > 0) connection.statement('UPDATE spoolq_maps SET size = size - 1 WHERE id = ?').run(map)
    return { value: deleted > 0 }
  }, WHOLE),

  'map.clear': writing((connection: Connection, map: number) => {
    const deleted = connection.statement(`DELETE FROM spoolq_map_${map}`).run()
    connection.statement('UPDATE spoolq_maps SET size = 0 WHERE id = ?').run(map)
    return { value: deleted }
  }, WHOLE),

  'map.size': reading((connection: Connection, map: number) => {
    return { value: Number(connection.statement('SELECT size FROM spoolq_maps WHERE id = ?').get(map)?.[0] ?? 0) }
  }),

  'map.page': reading((connection: Connection, { map, ...options }: PageOptions & { readonly map: number }) => {
    const { after, values } = options
    const columns = values ? 'place, key, sum, value' : 'place, key'
    const select = `SELECT ${columns} FROM spoolq_map_${map} WHERE place > ? AND place <= ? ORDER BY place`
    const rows = connection.statement(select).all(after, lastOf(connection, map, options))
    const page: Page = {
      places: rows.map(([place]) => Number(place)),
      keys: rows.map(([, key]) => loaded(key)),
      damaged: values ? rows.map(([, , sum, value]) => isDamaged(sum, bytesOf(value))) : [],
    }
    return { value: page, blobs: values ? rows.map((row) => bytesOf(row[3])) : [] }
  }),
}

function newMap(connection: Connection, name: string, codec: string): { map: number; codec: string } {
  const insertion = 'INSERT INTO spoolq_maps (name, codec, size, places) VALUES (?, ?, 0, 0) RETURNING id'
  const map = Number(connection.statement(insertion).get(name, codec)?.[0])
  connection.exec(`CREATE TABLE spoolq_map_${map} (place INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
    version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB)`)
  return { map, codec }
}

function find(connection: Connection, map: number, key: string): Row | undefined {
  return connection.statement(`SELECT place, version, sum, value FROM spoolq_map_${map} WHERE key = ?`).get(stored(key))
}

function insert(connection: Connection, map: number, key: string, bytes: Uint8Array): void {
  const next = 'UPDATE spoolq_maps SET size = size + 1, places = places + 1 WHERE id = ? RETURNING places'
  const place = Number(connection.statement(next).get(map)?.[0])
  const insertion = `INSERT INTO spoolq_map_${map} (place, key, version, sum, value) VALUES (?, ?, 1, ?, ?)`
  connection.statement(insertion).run(place, stored(key), crc32(bytes), bytes)
}

/** The place of the last entry of a page. The lengths are known without reading what is long. */
function lastOf(connection: Connection, map: number, { after, entries, bytes, values }: PageOptions): number {
  const length = values ? 'length(key) + coalesce(length(value), 0)' : 'length(key)'
  const select = `SELECT place, ${length} FROM spoolq_map_${map} WHERE place > ? ORDER BY place LIMIT ?`
  let last = after
  let size = 0
  for (const [place, more] of connection.statement(select).all(after, entries)) {
    size += Number(more)
    if (size > bytes && last > after) break
    last = Number(place)
  }
  return last
}

function answered(row: Row | undefined): Answer<Seen | null> {
  return { value: seenOf(row), blobs: row === undefined ? [] : [bytesOf(row[3])] }
}

function seenOf(row: Row | undefined): Seen | null {
  if (row === undefined) return null
  const [place, version, sum, value] = row
  return { place: Number(place), version: Number(version), isDamaged: isDamaged(sum, bytesOf(value)) }
}

function isDamaged(sum: Value | undefined, bytes: Uint8Array): boolean {
  return sum !== crc32(bytes)
}

function bytesOf(value: Value | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : NOTHING
}

function stored(key: string): string | Uint8Array {
  return key.isWellFormed() && !key.includes('\0') ? key : Buffer.from(key, 'utf16le')
}

function loaded(key: Value | undefined): string {
  return key instanceof Uint8Array ? Buffer.from(key).toString('utf16le') : String(key)
}
