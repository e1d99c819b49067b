// schema.ts: the tables of all queues of a database, version 1. Made by the first to open one, never changed since: a
// newer version's database, or somebody else's tables of these names, are a FormatError.
//
//      spoolq_schema    version
//      spoolq_queues    id, name, uuid, codec, item_order, next_id, copy_mark     one row a queue; its lock gives ids
//      spoolq_items     queue, id, status, place, …, payload                      one row an item
//      spoolq_keys      queue, ukey, id                                           of items waiting or in flight
//      spoolq_owners    id, queue, uuid, marks                                    one row a handle; see owner.ts
//      spoolq_tallies   queue, owner, sums                                        one row a handle; see below
//
//      status   0 ready      1 delayed    2 in flight    3 failed   4 acknowledged   5 in flight, with a deadline
//      place    priority     due time     priority       0          0                deadline
//
// (queue, status, owner, place, id) is the one index beside the key: what is first, what is due, what a handle holds and
// what it held too long are all at the front of a part of it, so no take looks at a settled row, and no burial at what
// others hold. Only what is in flight has an owner. Times are microseconds since 1970 by the server's clock.
//
// No column changes its length when an item is taken, so that its row is changed where it is: owner is 0 rather than NULL.
//
// Counts are sums over tallies: each handle changes its own row alone, in the transaction that changes the items, so
// no two handles wait for each other; the row of a dead handle is added to that of owner 0. `changes` is another number
// after every change, `returns` whenever something became ready that is older than what was ready already. A tally also
// says which step of its handle was the last to be committed: that is how a lost reply is found out (steps.ts).

import { randomUUID } from 'node:crypto'
import { CodecMismatchError, FormatError } from '../errors.ts'
import type { Order, StoreOptions } from '../store.ts'
import type { Address } from './address.ts'
import { type Cell, type Link, type Result, ServerError } from './driver.ts'
import { text } from './statements.ts'

const VERSION = 1
export const READY = 0
export const DELAYED = 1
export const IN_FLIGHT = 2
export const FAILED = 3
export const ACKED = 4
export const TIMED = 5

const ENGINE = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin'

const ALTER_WAIT_S = 2
const FRONT = '(queue, status, owner, place, id)'

const TABLES = [
  `CREATE TABLE IF NOT EXISTS spoolq_schema (version INT NOT NULL PRIMARY KEY) ${ENGINE}`,
  `CREATE TABLE IF NOT EXISTS spoolq_queues (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARBINARY(1020) NOT NULL UNIQUE,
    uuid CHAR(36) CHARACTER SET ascii NOT NULL, codec VARBINARY(1020) NOT NULL, item_order VARCHAR(8) NOT NULL,
    next_id BIGINT UNSIGNED NOT NULL DEFAULT 1, copy_mark BLOB) ${ENGINE}`,
  `CREATE TABLE IF NOT EXISTS spoolq_items (
    queue INT UNSIGNED NOT NULL, id BIGINT UNSIGNED NOT NULL, status TINYINT NOT NULL DEFAULT 0,
    place DOUBLE NOT NULL DEFAULT 0, priority DOUBLE NOT NULL DEFAULT 0, attempt INT NOT NULL DEFAULT 0,
    owner INT UNSIGNED NOT NULL DEFAULT 0, ahead TINYINT NOT NULL DEFAULT 0, updated TINYINT NOT NULL DEFAULT 0,
    enqueued BIGINT NOT NULL, reason LONGBLOB, ukey VARBINARY(64), payload LONGBLOB NOT NULL,
    PRIMARY KEY (queue, id), KEY spoolq_front ${FRONT}) ${ENGINE} ROW_FORMAT=DYNAMIC`,
  `CREATE TABLE IF NOT EXISTS spoolq_keys (
    queue INT UNSIGNED NOT NULL, ukey VARBINARY(64) NOT NULL, id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (queue, ukey), KEY spoolq_key_of (queue, id)) ${ENGINE}`,
  `CREATE TABLE IF NOT EXISTS spoolq_owners (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, queue INT UNSIGNED NOT NULL,
    uuid CHAR(36) CHARACTER SET ascii NOT NULL, marks BLOB NOT NULL, KEY spoolq_owners_of (queue)) ${ENGINE}`,
  `CREATE TABLE IF NOT EXISTS spoolq_tallies (
    queue INT UNSIGNED NOT NULL, owner INT UNSIGNED NOT NULL,
    ready BIGINT NOT NULL DEFAULT 0, waiting BIGINT NOT NULL DEFAULT 0, flying BIGINT NOT NULL DEFAULT 0,
    timed BIGINT NOT NULL DEFAULT 0, failed BIGINT NOT NULL DEFAULT 0, acked BIGINT NOT NULL DEFAULT 0, bytes BIGINT NOT NULL DEFAULT 0,
    lost BIGINT NOT NULL DEFAULT 0, changes BIGINT UNSIGNED NOT NULL DEFAULT 0,
    returns BIGINT UNSIGNED NOT NULL DEFAULT 0,
    put_step BIGINT UNSIGNED NOT NULL DEFAULT 0, put_first BIGINT UNSIGNED NOT NULL DEFAULT 0,
    put_epoch INT UNSIGNED NOT NULL DEFAULT 0, take_step BIGINT UNSIGNED NOT NULL DEFAULT 0,
    take_epoch INT UNSIGNED NOT NULL DEFAULT 0, buried BIGINT,
    PRIMARY KEY (queue, owner)) ${ENGINE}`,
]

const NO_SUCH_TABLE = 1146
const NO_SUCH_COLUMN = 1054

/** A queue as it is recorded. */
export interface Recorded {
  readonly id: number
  readonly uuid: string
  readonly codec: string
  readonly order: Order
}

/** Makes the tables and the queue where they are missing; rejects with FormatError or CodecMismatchError. */
export async function recorded(link: Link, address: Address, options: StoreOptions): Promise<Recorded> {
  const name = text(address.queue)
  const select = `SELECT id, uuid, codec, item_order FROM spoolq_queues WHERE name = ${name}`
  try {
    let [version, queue] = await looked(link, select)
    if (version === undefined || (version === VERSION && queue === undefined)) {
      await link.ask([...TABLES, `INSERT IGNORE INTO spoolq_schema VALUES (${VERSION})`])
      ;[version, queue] = await looked(link, select)
    }
    checkVersion(version, address)
    await widenFront(link)
    if (queue?.rows.length !== 1) queue = (await link.ask([...making(name, options), select])).at(-1)
    return checked(queueOf(queue?.rows[0] ?? []), address, options)
  } catch (error) {
    throw foreign(error, address)
  }
}

/** The version and the queue; of another version, or of nobody, the version alone. */
async function looked(link: Link, select: string): Promise<readonly [number | undefined, Result | undefined]> {
  const version = 'SELECT MAX(version) FROM spoolq_schema'
  try {
    const [found, queue] = await link.ask([version, select])
    return [versionOf(found), queue]
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  try {
    const [found] = await link.ask([version])
    return [versionOf(found), undefined]
  } catch (error) {
    if (error instanceof ServerError && error.number === NO_SUCH_TABLE) return [undefined, undefined]
    throw error
  }
}

/**
 * The index of a database that an older spoolq made had no owner in it. A handle of that one which is open meanwhile works
 * on, and sorts; without the right to change it, or while others use the table for long, all works, and burials read
 * what others hold.
 */
async function widenFront(link: Link): Promise<void> {
  const [found] = await link.ask([
    `SELECT COUNT(*), SUM(COLUMN_NAME = 'owner') FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'spoolq_items' AND INDEX_NAME = 'spoolq_front'`,
  ])
  const [columns = 0, owners] = (found?.rows[0] ?? []).map(Number)
  if (columns === 0 || owners !== 0) return
  const alter = `ALTER TABLE spoolq_items DROP KEY spoolq_front, ADD KEY spoolq_front ${FRONT}`
  try {
    // While it waits for the table nobody else gets it.
    await link.ask([`SET SESSION lock_wait_timeout = ${ALTER_WAIT_S}`, alter])
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
  } finally {
    if (!link.dead) await link.ask(['SET SESSION lock_wait_timeout = DEFAULT'])
  }
}

/** A new queue, and the sums of its dead handles. */
function making(name: string, { codec = 'msgpack', order = 'fifo' }: StoreOptions): string[] {
  return [
    'BEGIN',
    `INSERT IGNORE INTO spoolq_queues (name, uuid, codec, item_order)
      VALUES (${name}, '${randomUUID()}', ${text(codec)}, ${text(order)})`,
    `INSERT IGNORE INTO spoolq_tallies (queue, owner) SELECT id, 0 FROM spoolq_queues WHERE name = ${name}`,
    'COMMIT',
  ]
}

function checkVersion(version: number | undefined, { shown }: Address): void {
  if (version === VERSION) return
  throw new FormatError(`${shown}: its tables have version ${version}, and this is for ${VERSION}: update spoolq`)
}

function versionOf(result: Result | undefined): number | undefined {
  const version = result?.rows[0]?.[0] ?? null
  return version === null ? undefined : Number(version)
}

function queueOf(row: readonly Cell[]): Recorded {
  const [id, uuid, codec, order] = row
  return { id: Number(id), uuid: String(uuid), codec: String(codec), order: orderOf(String(order)) }
}

function orderOf(word: string): Order {
  return word === 'lifo' || word === 'priority' ? word : 'fifo'
}

function checked(queue: Recorded, { shown }: Address, { codec, order }: StoreOptions): Recorded {
  if (codec !== undefined && codec !== queue.codec) {
    throw new CodecMismatchError(`${shown} was written with codec '${queue.codec}', not '${codec}'`)
  }
  if (order !== undefined && order !== queue.order) {
    throw new FormatError(`${shown} has the order '${queue.order}', not '${order}': open it with that, or without one`)
  }
  return queue
}

function isMissing(error: unknown): boolean {
  return error instanceof ServerError && (error.number === NO_SUCH_COLUMN || error.number === NO_SUCH_TABLE)
}

function foreign(error: unknown, { shown }: Address): unknown {
  if (!isMissing(error)) return error
  return new FormatError(`${shown}: its tables named spoolq_… are somebody else's: use another database`, {
    cause: error,
  })
}
