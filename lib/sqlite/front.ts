// front.ts: the items that a take is about, as they stand in their table: read in order, many at a time as one row.

import type { Pick as Choice } from '../store.ts'
import type { Row, Value } from './driver.ts'
import type { Away } from './lapses.ts'
import { NOTHING, type Numbers, numbersOf, type Packed, pack } from './messages.ts'
import { BYTES, type Scene, type Sums } from './scene.ts'

/** What tells an item from others of its queue. */
export interface Mark {
  readonly priority: number | null
  readonly key: string | null
}

/** Items of one answer, each a blob. */
export interface Taken {
  readonly ids: Numbers
  /** Before this one. */
  readonly attempts: Numbers
  readonly enqueued: Numbers
  /** Where they were asked for. */
  readonly marks?: readonly Mark[] | undefined
  /** Where nothing was found: what is to be waited for. */
  readonly away?: Away | undefined
  /** Items that were met, turned out to be damaged, and are among the failed now; and their bytes. */
  readonly damaged: number
  readonly damagedBytes: number
}

export interface Packing {
  readonly value: Taken
  readonly ids: readonly number[]
  readonly packed: Packed
}

export const NO_DAMAGE = { damaged: 0, damagedBytes: 0 }
const ROW = 'id, attempt, enqueued, payload'
const FRONT = `SELECT ${ROW} FROM $ready ORDER BY`
export const ORDERS = { fifo: 'id', lifo: 'id DESC', priority: 'priority, id' } as const

/** Bytes that are put together as one; a queue that holds more than that may have so many in `n` rows. */
const PACKED_BYTES = 2 ** 28
const MANY = 4
const PACKED = `SELECT count(*) FILTER (WHERE attempt <> ? OR enqueued <> ?), json_group_array(length(payload)),
  CAST(group_concat(payload, '') AS BLOB)`

/**
 * Their marks, where items of the queue have any: who pops needs them again for what does not decode. They are read as
 * rows, because SQLite's JSON rounds numbers.
 */
export function marksOf(scene: Scene, { isKeyed }: Sums, count: number): readonly Mark[] | undefined {
  if (count === 0 || (!isKeyed && scene.order !== 'priority')) return undefined
  const rows = scene.all(`SELECT priority, key FROM $ready ORDER BY ${ORDERS[scene.order]} LIMIT ?`, count)
  return rows.map(([priority, key]) => ({
    priority: typeof priority === 'number' ? priority : null,
    key: typeof key === 'string' ? key : null,
  }))
}

/** The first `n` ready items. */
export function front(scene: Scene, { ready, bytes }: Sums, { n }: { readonly n: number }): Packing {
  const count = Math.min(n, ready)
  if (count === 0) return pieces([])
  const packed = count >= MANY && bytes <= PACKED_BYTES ? together(scene, count) : undefined
  // The few are named in the statement, because a limit that it has to be told costs 5 to 15 µs.
  const [limit, ...values] = count < MANY ? [count] : ['?', count]
  return packed ?? pieces(scene.all(`${FRONT} ${ORDERS[scene.order]} LIMIT ${limit}`, ...values))
}

/** As many of `n` as there is room for on the disk, and one at least: whoever wants more asks again. */
export function movable(scene: Scene, { bytes }: Sums, n: number): number {
  if (bytes <= scene.takeBytes) return n
  let [count, left] = [0, scene.takeBytes]
  for (const [length] of scene.all(`SELECT ${BYTES} FROM $ready ORDER BY ${ORDERS[scene.order]} LIMIT ?`, n)) {
    left -= Number(length)
    if (left < 0) break
    count += 1
  }
  return Math.min(n, Math.max(1, count))
}

/**
 * As one row that holds them all: that costs a third of as many rows. What is the same for all of them, or counts up, need
 * not be written out. Bytes that are taken for text are not looked at. Undefined where there are fewer than were counted.
 */
function together(scene: Scene, count: number): Packing | undefined {
  const order = ORDERS[scene.order]
  const head = `SELECT id, attempt, enqueued FROM $ready ORDER BY ${order} LIMIT 1`
  const [first = 0, attempt = 0, enqueued = 0] = (scene.get(head) ?? []).map(Number)
  const last = scene.number(`SELECT id FROM $ready ORDER BY ${order} LIMIT 1 OFFSET ?`, count - 1)
  if (last === 0) return undefined
  // A range is read in the order in which it lies, and at half the cost of a query that is told how many.
  const [rows, end] = scene.order === 'fifo' ? ['$ready WHERE id <= ?', last] : [`(${FRONT} ${order} LIMIT ?)`, count]
  const [differing, lengths, bytes] = scene.get(`${PACKED} FROM ${rows}`, attempt, enqueued, end) ?? []
  const isSame = differing === 0
  const isRun = scene.order !== 'priority' && Math.abs(last - first) === count - 1
  const columns = `SELECT json_group_array(id), json_group_array(attempt), json_group_array(enqueued) FROM ${rows}`
  const [ids = [], attempts = [], times = []] = isSame && isRun ? [] : (scene.get(columns, end) ?? []).map(listOf)
  return packing({
    ids: isRun ? steps(first, Math.sign(last - first), count) : ids,
    attempts: isSame ? steps(attempt, 0, count) : attempts,
    times: isSame ? steps(enqueued, 0, count) : times,
    packed: { lengths: listOf(lengths), bytes: bytes instanceof Uint8Array ? bytes : EMPTY },
  })
}

function listOf(json: Value = '[]'): number[] {
  return JSON.parse(String(json))
}

function steps(first: number, step: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i * step)
}

/** That one, or the next by age behind that one, and after the last the first again. */
export function picked(scene: Scene, pick: Choice): Packing {
  if ('id' in pick) return pieces(scene.all(`SELECT ${ROW} FROM $ready WHERE id = ?`, pick.id))
  const [beyond, order] = scene.order === 'lifo' ? ['id < ?', 'id DESC'] : ['id > ?', 'id']
  const next = scene.all(`SELECT ${ROW} FROM $ready WHERE ${beyond} ORDER BY ${order} LIMIT 1`, pick.after)
  return pieces(next.length > 0 ? next : scene.all(`SELECT ${ROW} FROM $ready ORDER BY ${order} LIMIT 1`))
}

export function pieces(rows: readonly Row[]): Packing {
  const at = (column: number): number[] => rows.map((row) => Number(row[column]))
  const packed = rows.length === 0 ? NOTHING : pack(rows.map(payloadOf))
  return packing({ ids: at(0), attempts: at(1), times: at(2), packed })
}

interface Columns {
  readonly ids: readonly number[]
  readonly attempts: readonly number[]
  readonly times: readonly number[]
  readonly packed: Packed
}

function packing({ ids, attempts, times, packed }: Columns): Packing {
  const lists = { ids: numbersOf(ids), attempts: numbersOf(attempts), enqueued: numbersOf(times) }
  return { value: { ...lists, ...NO_DAMAGE }, ids, packed }
}

const EMPTY = new Uint8Array(0)

export function payloadOf(row: Row): Uint8Array {
  const bytes = row[3]
  return bytes instanceof Uint8Array ? bytes : EMPTY
}
