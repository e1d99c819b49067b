// looker.ts: what is there, read and not changed.

import type { Counts, Listed, ListOptions, Order, Piece, StoreStats } from '../store.ts'
import type { Cell, Result } from './driver.ts'
import type { Pool } from './pool.ts'
import { COLUMNS, LISTED, listedOf, pieceOf, rowOf } from './rows.ts'
import { ACKED, DELAYED, FAILED, IN_FLIGHT, READY } from './schema.ts'
import { NOW } from './statements.ts'

const STATUS = { ready: READY, delayed: DELAYED, inFlight: IN_FLIGHT, failed: FAILED, acked: ACKED }

export class Looker {
  readonly #queue: number
  readonly #front: string
  readonly #order: Order
  readonly #pool: Pool

  constructor(world: { queue: number; front: string; order: Order; pool: Pool }) {
    this.#queue = world.queue
    this.#front = world.front
    this.#order = world.order
    this.#pool = world.pool
  }

  async peek(n: number): Promise<Piece[]> {
    const [read] = await this.#ask([
      `SELECT ${COLUMNS}, payload FROM spoolq_items FORCE INDEX (spoolq_front)
        WHERE ${this.#ready} ORDER BY ${this.#front} LIMIT ${Math.min(n, 2 ** 53)}`,
    ])
    return (read?.rows ?? []).map((row) => pieceOf(rowOf(row), 0))
  }

  async counts(): Promise<Counts> {
    const [sums] = await this.#ask([this.#sums])
    return countsOf(sums)
  }

  async stats(): Promise<StoreStats> {
    const [sums, next, first] = await this.#ask([
      this.#sums,
      `SELECT next_id FROM spoolq_queues WHERE id = ${this.#queue}`,
      `SELECT enqueued FROM spoolq_items FORCE INDEX (spoolq_front) WHERE ${this.#ready} ORDER BY ${this.#front} LIMIT 1`,
    ])
    const [, , , , , bytes, lost] = (sums?.rows[0] ?? []).map(Number)
    const oldest = first?.rows[0]?.[0]
    return {
      ...countsOf(sums),
      bytes: bytes ?? 0,
      deadBytes: await this.deadBytes(),
      segments: 0,
      oldest: oldest === undefined ? undefined : Math.floor(Number(oldest) / 1000),
      nextId: Number(next?.rows[0]?.[0]),
      lost: lost ?? 0,
    }
  }

  /** Of all queues of the database: what its tables have in free pages, as far as the server tells. */
  async deadBytes(): Promise<number> {
    const [read] = await this.#ask([
      `SELECT DATA_FREE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'spoolq_items'`,
    ])
    return Number(read?.rows[0]?.[0] ?? 0)
  }

  async list({ status, after, limit }: ListOptions): Promise<Listed[]> {
    const where = `queue = ${this.#queue} AND status = ${STATUS[status]} AND id > ${after}`
    const [read] = await this.#ask([
      `SELECT ${LISTED} FROM spoolq_items FORCE INDEX (${this.#indexOf(status)})
        WHERE ${where} ORDER BY id LIMIT ${Math.min(limit, 2 ** 53)}`,
    ])
    return (read?.rows ?? []).map((row) => listedOf(row, status, this.#order === 'priority'))
  }

  /** Whether something is due that nobody made ready yet. */
  async isDue(): Promise<boolean> {
    const due = (status: number): string =>
      `EXISTS (SELECT 1 FROM spoolq_items FORCE INDEX (spoolq_front)
        WHERE queue = ${this.#queue} AND status = ${status} AND place <= ${NOW})`
    const [read] = await this.#ask([`SELECT ${due(DELAYED)} OR ${due(IN_FLIGHT)}`])
    return Number(read?.rows[0]?.[0]) === 1
  }

  /** Another number whenever anybody changed anything. */
  async changes(): Promise<number> {
    const [read] = await this.#ask([`SELECT SUM(changes) FROM spoolq_tallies WHERE queue = ${this.#queue}`])
    return Number(read?.rows[0]?.[0])
  }

  async copyMark(): Promise<Cell | undefined> {
    const [read] = await this.#ask([`SELECT copy_mark FROM spoolq_queues WHERE id = ${this.#queue}`])
    return read?.rows[0]?.[0]
  }

  #ask(statements: readonly string[]): Promise<readonly Result[]> {
    return this.#pool.use((link) => link.ask(statements))
  }

  get #ready(): string {
    return `queue = ${this.#queue} AND status = ${READY}`
  }

  get #sums(): string {
    const sums = ['ready', 'waiting', 'flying', 'failed', 'acked', 'bytes', 'lost'].map((sum) => `SUM(${sum})`)
    return `SELECT ${sums.join()} FROM spoolq_tallies WHERE queue = ${this.#queue}`
  }

  /** By id: where all places of a status are alike the front is, and what is delayed or in flight is sorted. */
  #indexOf(status: ListOptions['status']): string {
    return status === 'ready' && this.#order === 'priority' ? 'PRIMARY' : 'spoolq_front'
  }
}

function countsOf(sums: Result | undefined): Counts {
  const [ready = 0, delayed = 0, inFlight = 0, failed = 0, acked = 0] = (sums?.rows[0] ?? []).map(Number)
  return { ready, delayed, inFlight, failed, acked }
}
