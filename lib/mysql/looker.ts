// looker.ts: what is there, read and not changed.

import { earliest } from '../earliest.ts'
import type { Counts, Listed, ListOptions, Piece, StoreStats } from '../store.ts'
import type { Cell, Result } from './driver.ts'
import type { Fronts } from './fronts.ts'
import { patiently } from './patience.ts'
import type { Pool } from './pool.ts'
import { countOfDead } from './reclaim.ts'
import { listedOf, pieceOf, rowOf } from './rows.ts'
import { ACKED, DELAYED, FAILED, IN_FLIGHT, READY, TIMED } from './schema.ts'
import { NOW } from './statements.ts'

const STATUS = { ready: [READY], delayed: [DELAYED], inFlight: [IN_FLIGHT, TIMED], failed: [FAILED], acked: [ACKED] }

/** So many rows more than are wanted are looked at, in the hope that those are among them. */
const NEAR = 300

type Rows = readonly (readonly Cell[])[]

interface Wanted {
  readonly columns: string
  readonly statuses: readonly number[]
  readonly after: number
  readonly most: number
}

export interface Glance {
  /** Another number whenever anybody changed anything. */
  readonly changes: number
  /** Milliseconds until something is ready by itself, 0 where something is due that nobody made ready yet. */
  readonly dueMs: number
  /** Handles that seem to be dead. */
  readonly dead: number
}

export class Looker {
  readonly #queue: number
  readonly #fronts: Fronts
  readonly #pool: Pool
  /** Something was delayed or had a deadline when last looked. */
  #wasTimed = false

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
    const [sums, next, first, held] = await this.#ask([
      this.#sums,
      `SELECT next_id FROM spoolq_queues WHERE id = ${this.#queue}`,
      `SELECT enqueued ${this.#fronts.byId(READY)} LIMIT 1`,
      this.#firstHeld,
    ])
    const [, , , , , , bytes, lost] = (sums?.rows[0] ?? []).map(Number)
    const times = [...(first?.rows ?? []), ...(held?.rows ?? [])].flat().filter((cell) => cell !== null)
    return {
      ...countsOf(sums),
      bytes: bytes ?? 0,
      ...(await this.#sizes()),
      segments: 0,
      oldest: earliest(times.map((enqueued) => Math.floor(Number(enqueued) / 1000))),
      nextId: Number(next?.rows[0]?.[0]),
      lost: lost ?? 0,
    }
  }

  /** When those that each handle has in flight were put: the first of them without a deadline, and the first to end. */
  get #firstHeld(): string {
    const firstOf = (status: number): string => `(SELECT enqueued FROM spoolq_items FORCE INDEX (spoolq_front)
      WHERE queue = ${this.#queue} AND status = ${status} AND owner = holder.id ORDER BY place, id LIMIT 1)`
    return `SELECT ${firstOf(IN_FLIGHT)}, ${firstOf(TIMED)} FROM spoolq_owners AS holder WHERE queue = ${this.#queue}`
  }

  async deadBytes(): Promise<number> {
    return (await this.#sizes()).deadBytes
  }

  /** Of all queues of the database: what its items take, and have in free pages, as far as the server tells. */
  async #sizes(): Promise<Pick<StoreStats, 'fileBytes' | 'deadBytes'>> {
    const [read] = await this.#ask([
      `SELECT DATA_FREE, DATA_LENGTH + INDEX_LENGTH + DATA_FREE FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'spoolq_items'`,
    ])
    const [deadBytes = 0, fileBytes = 0] = (read?.rows[0] ?? []).map(Number)
    return { fileBytes, deadBytes }
  }

  async list({ status, after, limit }: ListOptions): Promise<Listed[]> {
    const most = Math.min(limit, 2 ** 53)
    const statuses = STATUS[status]
    const isByAge = statuses.every((one) => this.#fronts.isByAge(one))
    const wanted: Wanted = { columns: `${this.#fronts.columns}, payload, reason`, statuses, after, most }
    const rows = isByAge ? await this.#listed(wanted) : await this.#found(wanted)
    const hasPriority = this.#fronts.order === 'priority'
    return rows.map((row) => listedOf(row, status, hasPriority))
  }

  /** The index has them by their ids. */
  async #listed({ columns, statuses, after, most }: Wanted): Promise<Rows> {
    const lists = statuses.map(
      (one) => `SELECT ${columns} ${this.#fronts.byId(one, `AND id > ${after}`)} LIMIT ${most}`,
    )
    return (await this.#ask(lists)).flatMap(({ rows }) => rows)
  }

  /**
   * The index has them by another order, the table among all others: the first of those are looked at, and where that is
   * not enough, all of theirs in the index, which are no more than there are of that status.
   */
  async #found({ columns, statuses, after, most }: Wanted): Promise<Rows> {
    const near = `SELECT id AS one FROM spoolq_items FORCE INDEX (PRIMARY)
      WHERE queue = ${this.#queue} AND id > ${after} ORDER BY id LIMIT ${Math.min(most + NEAR, 2 ** 53)}`
    const isOne = `status IN (${statuses.join()})`
    const those = (ids: string): string => `SELECT ${columns} FROM (${ids}) AS those STRAIGHT_JOIN spoolq_items
      FORCE INDEX (PRIMARY) ON queue = ${this.#queue} AND id = one WHERE ${isOne} ORDER BY one LIMIT ${most}`
    // Counted first: what is added meanwhile is behind all that is there.
    const [count, found] = await this.#ask([`SELECT COUNT(*) FROM (${near}) AS near`, those(near)])
    const rows = found?.rows ?? []
    if (rows.length === most || Number(count?.rows[0]?.[0]) < most + NEAR) return rows
    const all = `SELECT id AS one FROM spoolq_items FORCE INDEX (spoolq_front)
      WHERE queue = ${this.#queue} AND ${isOne} AND id > ${after} ORDER BY id LIMIT ${most}`
    const [read] = await this.#ask([those(all)])
    return read?.rows ?? []
  }

  /** Cheap, however much is waiting, and one statement: it is asked again for as long as somebody waits. */
  async glance(): Promise<Glance> {
    const wasTimed = this.#wasTimed
    const due = wasTimed ? `, ${this.#due}` : ''
    const sums = `SUM(changes), SUM(waiting) + SUM(timed), ${countOfDead(this.#queue)}${due}`
    const [read] = await this.#ask([`SELECT ${sums} FROM spoolq_tallies WHERE queue = ${this.#queue}`])
    const [changes, timed, dead, ...ends] = read?.rows[0] ?? []
    this.#wasTimed = Number(timed) > 0
    const dueMs = !this.#wasTimed ? Infinity : wasTimed ? earliestOf(ends) : await this.#dueIn()
    return { changes: Number(changes), dueMs, dead: Number(dead) }
  }

  async #dueIn(): Promise<number> {
    const [read] = await this.#ask([`SELECT ${this.#due}`])
    return earliestOf(read?.rows[0])
  }

  /** Microseconds until the first delayed item is due, and until the first deadline. */
  get #due(): string {
    const delayed = `(SELECT place FROM spoolq_items FORCE INDEX (spoolq_front)
        WHERE queue = ${this.#queue} AND status = ${DELAYED} AND owner = 0 ORDER BY place, id LIMIT 1)`
    const ends = `SELECT MIN(${this.#fronts.firstEnd('holder.id')}) FROM spoolq_owners AS holder WHERE queue = ${this.#queue}`
    return `${delayed} - ${NOW}, (${ends}) - ${NOW}`
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

/** Of microseconds, in milliseconds; there may be none. */
function earliestOf(microseconds: readonly Cell[] = []): number {
  const ends = microseconds.map((cell) => (cell === null ? Infinity : Number(cell)))
  return Math.max(Math.min(...ends) / 1000, 0)
}
