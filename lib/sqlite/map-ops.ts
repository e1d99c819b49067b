// map-ops.ts: the maps of a database file, as its worker thread carries them out.
//
//    spoolq_maps   one row a map: its name, its codec, and of what was deleted: how many, and the highest place
//    spoolq_map_N  its entries
//       place      orders the map by insertion: 1, 2, 3 …; never used again
//       key        TEXT, or, where that would change it (a NUL, half a surrogate pair), a BLOB of its UTF-16
//       version    1, and one more each time it is set again
//       sum        CRC-32 of the value: SQLite itself does not notice a flipped bit in it
//       value      what the codec returned; NULL where that is no byte at all
//
// The last place given is the highest of those that are there and those that were deleted. As many entries were ever
// made; less those deleted, that is the size: it costs the same however many there are, and setting writes one row.

import { checksumOf } from '../checksum.ts'
import { CodecMismatchError } from '../errors.ts'
import type { PageOptions } from '../map-store.ts'
import type { Connection } from './connection.ts'
import { type Row, textOf, type Value } from './driver.ts'
import { type Answer, reading, writing } from './op.ts'
import { MAPS_TABLE, mapTableOf } from './schema.ts'

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

export const mapOps = {
  'map.open': writing((connection: Connection, { name, codec }: OpenMap) => {
    connection.exec(MAPS_TABLE)
    const known = connection.statement('SELECT id, CAST(codec AS BLOB) FROM spoolq_maps WHERE name = ?').get(name)
    if (known === undefined) return { value: newMap(connection, name, codec ?? 'msgpack') }
    const recorded = textOf(known[1])
    if (codec === undefined || codec === recorded) return { value: { map: Number(known[0]), codec: recorded } }
    const what = `${connection.file}: the map '${name}' was written with codec '${recorded}', not '${codec}'`
    throw new CodecMismatchError(`${what}: open it without naming one`)
  }),

  'map.get': reading((connection: Connection, { map, key }: OfKey) => answered(find(connection, map, key))),

  'map.has': reading((connection: Connection, { map, key }: OfKey) => {
    return { value: connection.statement(sqlOf(map).has).get(stored(key)) !== undefined }
  }),

  'map.set': writing((connection: Connection, { map, key }: OfKey, [bytes = NOTHING]) => {
    set(connection, map, key, bytes)
    return { value: null }
  }, WHOLE),

  /** Answers with null where it is done, else with what is there now. */
  'map.replace': writing(
    (connection: Connection, { map, key, seen }: OfKey & { readonly seen: Stamp | null }, [bytes = NOTHING]) => {
      const { value: now, blobs = [] } = answered(find(connection, map, key))
      if (now?.place !== seen?.place || now?.version !== seen?.version) return { value: { now }, blobs }
      set(connection, map, key, bytes)
      return { value: null }
    },
    WHOLE,
  ),

  'map.delete': writing((connection: Connection, { map, key }: OfKey) => {
    const [place] = connection.statement(sqlOf(map).delete).get(stored(key)) ?? []
    if (place === undefined) return { value: false }
    const sql = 'UPDATE spoolq_maps SET deleted = deleted + 1, last_deleted = max(last_deleted, ?) WHERE id = ?'
    connection.statement(sql).run(place, map)
    return { value: true }
  }, WHOLE),

  'map.clear': writing((connection: Connection, map: number) => {
    const last = connection.number(sqlOf(map).last)
    const deleted = connection.statement(sqlOf(map).clear).run()
    connection.statement('UPDATE spoolq_maps SET deleted = ?, last_deleted = ? WHERE id = ?').run(last, last, map)
    return { value: deleted }
  }, WHOLE),

  'map.size': reading((connection: Connection, map: number) => ({ value: connection.number(sqlOf(map).size) })),

  'map.page': reading((connection: Connection, { map, ...options }: PageOptions & { readonly map: number }) => {
    const { after, values } = options
    const sql = values ? sqlOf(map).entries : sqlOf(map).keys
    const rows = connection.statement(sql).all(after, lastOf(connection, map, options))
    const page: Page = {
      places: rows.map(([place]) => Number(place)),
      keys: rows.map(([, key]) => loaded(key)),
      damaged: values ? rows.map(([, , sum, value]) => isDamaged(sum, bytesOf(value))) : [],
    }
    return { value: page, blobs: values ? rows.map(([, , , value]) => bytesOf(value)) : [] }
  }),
}

/** What is asked of a map's table. */
interface Sql {
  readonly get: string
  readonly has: string
  readonly set: string
  readonly delete: string
  readonly clear: string
  readonly last: string
  readonly size: string
  readonly keys: string
  readonly entries: string
  readonly keyLengths: string
  readonly entryLengths: string
}

const known = new Map<number, Sql>()

function sqlOf(map: number): Sql {
  const sql = known.get(map) ?? newSql(`spoolq_map_${map}`, map)
  known.set(map, sql)
  return sql
}

function newSql(table: string, map: number): Sql {
  const ofMap = `FROM spoolq_maps WHERE id = ${map}`
  const last = `max(coalesce((SELECT max(place) FROM ${table}), 0), (SELECT last_deleted ${ofMap}))`
  const page = 'WHERE place > ? AND place <= ? ORDER BY place'
  const ahead = 'WHERE place > ? ORDER BY place LIMIT ?'
  return {
    get: `SELECT place, version, sum, value FROM ${table} WHERE key = ?`,
    has: `SELECT 1 FROM ${table} WHERE key = ?`,
    set: `INSERT INTO ${table} (place, key, version, sum, value) VALUES (${last} + 1, ?, 1, ?, ?)
      ON CONFLICT (key) DO UPDATE SET version = version + 1, sum = excluded.sum, value = excluded.value`,
    delete: `DELETE FROM ${table} WHERE key = ? RETURNING place`,
    clear: `DELETE FROM ${table}`,
    last: `SELECT ${last}`,
    size: `SELECT ${last} - (SELECT deleted ${ofMap})`,
    keys: `SELECT place, key FROM ${table} ${page}`,
    entries: `SELECT place, key, sum, value FROM ${table} ${page}`,
    keyLengths: `SELECT place, length(key) FROM ${table} ${ahead}`,
    entryLengths: `SELECT place, length(key) + coalesce(length(value), 0) FROM ${table} ${ahead}`,
  }
}

function newMap(connection: Connection, name: string, codec: string): { map: number; codec: string } {
  const insertion = 'INSERT INTO spoolq_maps (name, codec) VALUES (?, ?) RETURNING id'
  const map = Number(connection.statement(insertion).get(name, codec)?.[0])
  connection.exec(mapTableOf(map))
  return { map, codec }
}

function find(connection: Connection, map: number, key: string): Row | undefined {
  return connection.statement(sqlOf(map).get).get(stored(key))
}

function set(connection: Connection, map: number, key: string, bytes: Uint8Array): void {
  connection.statement(sqlOf(map).set).run(stored(key), checksumOf(bytes), bytes)
}

/** The place of the last entry of a page. The lengths are known without reading what is long. */
function lastOf(connection: Connection, map: number, { after, entries, bytes, values }: PageOptions): number {
  const sql = values ? sqlOf(map).entryLengths : sqlOf(map).keyLengths
  let last = after
  let size = 0
  for (const [place, more] of connection.statement(sql).all(after, entries)) {
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
  return sum !== checksumOf(bytes)
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
