// schema.ts: the tables of the queues of a file, version 1 (connection.ts). One row of spoolq_queues for each queue;
// where its items are says what has become of them:
//
//      ready ──lease──▶ flying ──settle──▶ gone · ready · failed · acked (kept for the record)
//      delayed ──due──▶ ready               flying ──deadline, owner dead──▶ ready
//
//      spoolq_queues       id, name, uuid, codec, item_order, next_id, keyed, lost, sums, copy_mark
//      spoolq_owners       id, queue                       one row a handle; see owners.ts
//
//      spoolq_N_ready      id, attempt, enqueued, priority, key, payload
//      spoolq_N_delayed    …, due                          + index on due
//      spoolq_N_flying     …, owner, due (or NULL), ahead  + index on due where there is one
//      spoolq_N_holds      owner, block, count             where an owner's flying items are: holds.ts
//      spoolq_N_failed     …, reason
//      spoolq_N_acked      …
//      spoolq_N_keys       key, id                         of what is ready, delayed or flying
//
// N is the queue's id; a payload is an item and its checksum (seal.ts). Ready items lie in the order of their ids, so puts append and takes cut off an end; a queue
// that is ordered by priority has an index on it beside. The sums (how many there are of each, their bytes) change in the
// transaction that changes the items. Times are milliseconds since 1970.

import { randomUUID } from 'node:crypto'
import { CodecMismatchError, FormatError } from '../errors.ts'
import type { Order } from '../store.ts'
import type { Connection } from './connection.ts'
import { textOf } from './driver.ts'

/** Of the file as a whole (wal-ops.ts): made with it, or when it is opened for the first time after an earlier version. */
export const FILE_TABLES = `
CREATE TABLE IF NOT EXISTS spoolq_file (id INTEGER PRIMARY KEY CHECK (id = 1), boot TEXT NOT NULL, told TEXT, pending TEXT);
CREATE TABLE IF NOT EXISTS spoolq_lost (name TEXT PRIMARY KEY, next_id INTEGER NOT NULL, lost INTEGER NOT NULL);`

const SUMS = ['ready', 'delayed', 'flying', 'failed', 'acked', 'timed', 'bytes']

const COMMON = `
CREATE TABLE IF NOT EXISTS spoolq_queues (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, uuid TEXT NOT NULL, codec TEXT NOT NULL,
  item_order TEXT NOT NULL, next_id INTEGER NOT NULL DEFAULT 1, keyed INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  ${SUMS.map((sum) => `${sum} INTEGER NOT NULL DEFAULT 0`).join(', ')}, copy_mark TEXT);
CREATE TABLE IF NOT EXISTS spoolq_owners (id INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL);`

/** How the host's time is measured (time-ops.ts). */
export const TIME_TABLE = `
CREATE TABLE IF NOT EXISTS spoolq_time (
  id INTEGER PRIMARY KEY CHECK (id = 1), boot TEXT NOT NULL, origin INTEGER NOT NULL, drift INTEGER NOT NULL);`

/** Maps, and one of them (map-ops.ts). */
export const MAPS_TABLE = `
CREATE TABLE IF NOT EXISTS spoolq_maps (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  codec TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, last_deleted INTEGER NOT NULL DEFAULT 0);`

export function mapTableOf(id: number): string {
  return `
CREATE TABLE spoolq_map_${id} (place INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
  version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB);`
}

const ITEM =
  'id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL DEFAULT 0, enqueued INTEGER NOT NULL, priority REAL, key TEXT'
const PAYLOAD = 'payload BLOB NOT NULL'

function tablesOf(id: number, order: Order): string {
  const name = `spoolq_${id}`
  return `
CREATE TABLE ${name}_ready (${ITEM}, ${PAYLOAD});
${order === 'priority' ? `CREATE INDEX ${name}_front ON ${name}_ready (priority, id);` : ''}
CREATE TABLE ${name}_delayed (${ITEM}, due INTEGER NOT NULL, ${PAYLOAD});
CREATE INDEX ${name}_due ON ${name}_delayed (due);
CREATE TABLE ${name}_flying (${ITEM}, owner INTEGER NOT NULL, due INTEGER, ahead INTEGER NOT NULL, ${PAYLOAD});
CREATE INDEX ${name}_deadline ON ${name}_flying (due) WHERE due IS NOT NULL;
CREATE TABLE ${name}_holds (
  owner INTEGER NOT NULL, block INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (owner, block)) WITHOUT ROWID;
CREATE TABLE ${name}_failed (${ITEM}, reason TEXT NOT NULL, ${PAYLOAD});
CREATE TABLE ${name}_acked (${ITEM}, ${PAYLOAD});
CREATE TABLE ${name}_keys (key TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;`
}

/** All that a file of ours may have under our names, with one queue and one map of the id 0. */
export const TABLES = [FILE_TABLES, COMMON, TIME_TABLE, MAPS_TABLE, tablesOf(0, 'priority'), mapTableOf(0)].join('')

/** A queue as it is recorded. */
export interface Recorded {
  readonly id: number
  readonly uuid: string
  readonly codec: string
  readonly order: Order
}

export interface Wanted {
  readonly name: string
  readonly codec: string | undefined
  readonly order: Order | undefined
}

/** The queue of that name, made where it is missing. Throws FormatError or CodecMismatchError. */
export function recorded(connection: Connection, wanted: Wanted): Recorded {
  connection.exec(COMMON)
  const queue = find(connection, wanted.name) ?? made(connection, wanted)
  const { codec, order } = queue
  const place = `${connection.file}?queue=${wanted.name}`
  if (wanted.codec !== undefined && wanted.codec !== codec) {
    throw new CodecMismatchError(`${place} was written with codec '${codec}', not '${wanted.codec}'`)
  }
  if (wanted.order !== undefined && wanted.order !== order) {
    throw new FormatError(
      `${place} was made with order '${order}', not '${wanted.order}': open it with that, or without`,
    )
  }
  return queue
}

function find(connection: Connection, name: string): Recorded | undefined {
  const sql = 'SELECT id, uuid, CAST(codec AS BLOB), item_order FROM spoolq_queues WHERE name = ?'
  const row = connection.statement(sql).get(name)
  if (row === undefined) return undefined
  return { id: Number(row[0]), uuid: String(row[1]), codec: textOf(row[2]), order: orderOf(String(row[3])) }
}

function made(connection: Connection, { name, codec = 'msgpack', order = 'fifo' }: Wanted): Recorded {
  const uuid = randomUUID()
  const sql = 'INSERT INTO spoolq_queues (name, uuid, codec, item_order) VALUES (?, ?, ?, ?) RETURNING id'
  const id = Number(connection.statement(sql).get(name, uuid, codec, order)?.[0])
  connection.exec(tablesOf(id, order))
  goOn(connection, id, name)
  return { id, uuid, codec, order }
}

/** After a queue of that name that was lost whole (wal-ops.ts): its ids are never used again. */
function goOn(connection: Connection, id: number, name: string): void {
  if (connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'spoolq_lost'") === 0) return
  const [nextId, lost] = connection.statement('SELECT next_id, lost FROM spoolq_lost WHERE name = ?').get(name) ?? []
  if (nextId === undefined || lost === undefined) return
  connection.statement('UPDATE spoolq_queues SET next_id = ?, lost = ? WHERE id = ?').run(nextId, lost, id)
  connection.statement('DELETE FROM spoolq_lost WHERE name = ?').run(name)
}

export function orderOf(word: string): Order {
  return word === 'lifo' || word === 'priority' ? word : 'fifo'
}
