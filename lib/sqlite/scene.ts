// scene.ts: one queue inside a transaction: its statements, its sums, and the moves that all ops are made of.
//
// In a statement `$ready` stands for the queue's own table, and so on. A move takes items from one table to another, and
// what is common to all tables with them.

import { checkIds } from '../ids.ts'
import { Rounds } from '../rounds.ts'
import type { Order } from '../store.ts'
import type { Connection } from './connection.ts'
import type { Row, Value } from './driver.ts'
import { orderOf } from './schema.ts'
import { SEAL_BYTES } from './seal.ts'

/** What changes by how much. `timed`: flying ones that have a deadline. */
export interface Change {
  readonly ready?: number
  readonly delayed?: number
  readonly flying?: number
  readonly failed?: number
  readonly acked?: number
  readonly timed?: number
  /** Of what is ready, delayed or flying. */
  readonly bytes?: number
}

export function sumOf(one: Change, other: Change): Change {
  const of = (sum: keyof Change): number => (one[sum] ?? 0) + (other[sum] ?? 0)
  return {
    ready: of('ready'),
    delayed: of('delayed'),
    flying: of('flying'),
    failed: of('failed'),
    acked: of('acked'),
    timed: of('timed'),
    bytes: of('bytes'),
  }
}

export interface Sums extends Required<Change> {
  readonly nextId: number
  /** Items that turned out to be damaged, ever. */
  readonly lost: number
  /** Some item has or had a key. */
  readonly isKeyed: boolean
}

const SUMS = 'next_id + 0.0, keyed, ready, delayed, flying, failed, acked, timed, bytes, lost'
const ITEM = 'attempt, enqueued, priority, key, payload'

/** The bytes of an item whose row is looked at. */
export const BYTES = `length(payload) - ${SEAL_BYTES}`

const scenes = new WeakMap<Connection, Map<number, Scene>>()

/** The scene of a queue that is recorded. */
export function sceneOf(connection: Connection, queue: number): Scene {
  const known = scenes.get(connection) ?? new Map<number, Scene>()
  scenes.set(connection, known)
  let scene = known.get(queue)
  if (scene === undefined) {
    const order = connection.statement('SELECT item_order FROM spoolq_queues WHERE id = ?').get(queue)?.[0]
    scene = new Scene(connection, queue, orderOf(String(order)))
    known.set(queue, scene)
  }
  return scene
}

export class Scene {
  readonly order: Order
  readonly #connection: Connection
  readonly #queue: number
  readonly #texts = new Map<string, string>()
  readonly #rounds = new Map<number, Rounds>()

  constructor(connection: Connection, queue: number, order: Order) {
    this.#connection = connection
    this.#queue = queue
    this.order = order
  }

  /** Of a handle that puts. */
  roundsOf(owner: number): Rounds {
    const rounds = this.#rounds.get(owner) ?? new Rounds()
    this.#rounds.set(owner, rounds)
    return rounds
  }

  /** Of a handle that is gone. */
  forget(owner: number): void {
    this.#rounds.delete(owner)
  }

  get file(): string {
    return this.#connection.file
  }

  /** What one lease may move. */
  get takeBytes(): number {
    return this.#connection.takeBytes
  }

  run(sql: string, ...values: readonly Value[]): number {
    return this.#connection.statement(this.#text(sql)).run(...values)
  }

  get(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.#connection.statement(this.#text(sql)).get(...values)
  }

  all(sql: string, ...values: readonly Value[]): Row[] {
    return this.#connection.statement(this.#text(sql)).all(...values)
  }

  /** One number; 0 where there is no row. */
  number(sql: string, ...values: readonly Value[]): number {
    return Number(this.get(sql, ...values)?.[0] ?? 0)
  }

  #text(sql: string): string {
    const known = this.#texts.get(sql)
    if (known !== undefined) return known
    const text = sql.replaceAll('$queue', String(this.#queue)).replaceAll(/\$([a-z]+)/g, `spoolq_${this.#queue}_$1`)
    this.#texts.set(sql, text)
    return text
  }

  sums(): Sums {
    const row = this.get(`SELECT ${SUMS} FROM spoolq_queues WHERE id = $queue`) ?? []
    const at = (i: number): number => Number(row[i] ?? 0)
    return {
      nextId: at(0),
      isKeyed: at(1) !== 0,
      ready: at(2),
      delayed: at(3),
      flying: at(4),
      failed: at(5),
      acked: at(6),
      timed: at(7),
      bytes: at(8),
      lost: at(9),
    }
  }

  change({ ready = 0, delayed = 0, flying = 0, failed = 0, acked = 0, timed = 0, bytes = 0 }: Change): void {
    const sql = `UPDATE spoolq_queues SET ready = ready + ?, delayed = delayed + ?, flying = flying + ?,
      failed = failed + ?, acked = acked + ?, timed = timed + ?, bytes = bytes + ? WHERE id = $queue`
    this.run(sql, ready, delayed, flying, failed, acked, timed, bytes)
  }

  /** So many new ids; the first of them. */
  newIds(count: number): number {
    // Two statements, because RETURNING costs more than both. As a floating point number: Node's driver reads no 2^53.
    const first = this.number('SELECT next_id + 0.0 FROM spoolq_queues WHERE id = $queue')
    checkIds(first, count, this.file)
    this.run('UPDATE spoolq_queues SET next_id = ? WHERE id = $queue', first + count)
    return first
  }

  /** Items of `from` for which `where` holds are ready; their attempts change by `attempts`. How many. */
  makeReady(from: '$delayed' | '$flying', attempts: number, where: string, ...values: readonly Value[]): number {
    const columns = ITEM.replace('attempt', 'attempt + ?')
    const insert = `INSERT INTO $ready (id, ${ITEM}) SELECT id, ${columns} FROM ${from} WHERE ${where}`
    const count = this.run(insert, attempts, ...values)
    if (count > 0) this.run(`DELETE FROM ${from} WHERE ${where}`, ...values)
    return count
  }

  /** Those items have no keys any more. */
  dropKeys(sums: Sums, table: '$ready' | '$delayed' | '$flying', where: string, ...values: readonly Value[]): void {
    if (!sums.isKeyed) return
    this.run(`DELETE FROM $keys WHERE key IN (SELECT key FROM ${table} WHERE ${where} AND key IS NOT NULL)`, ...values)
  }
}
