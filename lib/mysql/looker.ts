// looker.ts: what is there, read and not changed.

import type { Counts, Listed, ListOptions, Piece, StoreStats } from '../store.ts'
import type { Cell, Result } from './driver.ts'
import type { Fronts } from './fronts.ts'
import { patiently } from './patience.ts'
import type { Pool } from './pool.ts'
import { listedOf, pieceOf, rowOf } from './rows.ts'
import { ACKED, DELAYED, FAILED, IN_FLIGHT, READY, TIMED } from './schema.ts'
import { NOW } from './statements.ts'

const STATUS = { ready: [READY], delayed: [DELAYED], inFlight: [IN_FLIGHT, TIMED], failed: [FAILED], acked: [ACKED] }

export interface Glance {
  /** Another number whenever anybody changed anything. */
  readonly changes: number
  /** Something may become ready by itself: it is delayed, or has a deadline. */
  readonly isTimed: boolean
}

export class Looker {
  readonly #queue: number
  readonly #fronts: Fronts
  readonly #pool: Pool

  constructor(fronts: Fronts, pool: Pool) {
    this.#queue = fronts.queue
    this.#fronts = fronts
    this.#pool = pool
  }

  async peek(n: number): Promise<Piece[]> {
    const limit = Math.min(n, 2 ** 53)
    const [read] = await this.#ask([`SELECT ${this.#fronts.columns}, payload ${this.#fronts.ready()} LIMIT ${limit}`])
    return (read?.rows ?? []).map(rowOf).map((row) => pieceOf(row, row.attempt))
  }

  async counts(): Promise<Counts> {
    const [sums] = await this.#ask([this.#sums])
    return countsOf(sums)
  }

  async stats(): Promise<StoreStats> {
    const [sums, next, first] = await this.#ask([
      this.#sums,
      `SELECT next_id FROM spoolq_queues WHERE id = ${this.#queue}`,
      `SELECT enqueued ${this.#fronts.byId(READY)} LIMIT 1`,
    ])
    const [, , , , , , bytes, lost] = (sums?.rows[0] ?? []).map(Number)
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
    const most = Math.min(limit, 2 ** 53)
    const lists = STATUS[status].map((one) => {
      return `SELECT ${this.#fronts.columns}, payload, reason ${this.#fronts.byId(one, `AND id > ${after}`)} LIMIT ${most}`
    })
    const hasPriority = this.#fronts.order === 'priority'
    const read = await this.#ask(lists)
    const listed = read.flatMap(({ rows }) => rows.map((row) => listedOf(row, status, hasPriority)))
    return listed.sort((one, other) => one.piece.firstId - other.piece.firstId).slice(0, limit)
  }

  /** Cheap, however much is waiting. */
  async glance(): Promise<Glance> {
    const sums = 'SUM(changes), SUM(waiting) + SUM(timed)'
    const [read] = await this.#ask([`SELECT ${sums} FROM spoolq_tallies WHERE queue = ${this.#queue}`])
    const [changes = 0, timed = 0] = (read?.rows[0] ?? []).map(Number)
    return { changes, isTimed: timed > 0 }
  }

  /** Milliseconds until something is due, 0 where something is that nobody made ready yet. */
  async dueIn(): Promise<number> {
    const first = (status: number): string =>
      `(SELECT place FROM spoolq_items FORCE INDEX (spoolq_front)
        WHERE queue = ${this.#queue} AND status = ${status} ORDER BY place, id LIMIT 1)`
    const [read] = await this.#ask([`SELECT ${first(DELAYED)} - ${NOW}, ${first(TIMED)} - ${NOW}`])
    const microseconds = (read?.rows[0] ?? []).map((cell) => (cell === null ? Infinity : Number(cell)))
    return Math.max(Math.min(...microseconds) / 1000, 0)
  }

  async copyMark(): Promise<Cell | undefined> {
    const [read] = await this.#ask([`SELECT copy_mark FROM spoolq_queues WHERE id = ${this.#queue}`])
    return read?.rows[0]?.[0]
  }

  #ask(statements: readonly string[]): Promise<readonly Result[]> {
    return patiently(() => this.#pool.use((link) => link.ask(statements)))
  }

  get #sums(): string {
    const sums = ['ready', 'waiting', 'flying', 'timed', 'failed', 'acked', 'bytes', 'lost'].map((sum) => `SUM(${sum})`)
    return `SELECT ${sums.join()} FROM spoolq_tallies WHERE queue = ${this.#queue}`
  }
}

function countsOf(sums: Result | undefined): Counts {
  const [ready = 0, delayed = 0, flying = 0, timed = 0, failed = 0, acked = 0] = (sums?.rows[0] ?? []).map(Number)
  return { ready, delayed, inFlight: flying + timed, failed, acked }
}
