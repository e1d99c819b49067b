// fronts.ts: from which end, and along which index, items are read.
//
// Ready items that were taken stay in the index for a while as marks of the server's, until nobody could still see them;
// a take that began at the front would step over all of them. So a handle of a 'fifo' queue begins behind what it took
// last (Behind), for as long as nothing older became ready, which the sum of `returns` says. There the items that follow
// lie side by side in the table itself, and are read in half the time that the index takes. What somebody else was just
// about to take, and then did not, is met when that is over: after 1 s, or where too little is found.
//
// A read that locks also locks the row at which it sees that its range is over, which may be another queue's first, and
// is skipped by whoever takes there. And one that locks along the index locks an entry of it before the row, where who
// settles locks the row first: a deadlock. So the index is read without a lock, and what it names is locked by its id.

import type { Order } from '../store.ts'
import { elapsed } from '../wait/timers.ts'
import type { Row } from './rows.ts'
import { ACKED, FAILED, READY, TIMED } from './schema.ts'
import { oneByOne } from './statements.ts'

const BEHIND_MS = 1000
/** What others hold may lie between: so many times as many ids as items are looked at. */
const AHEAD = 2
const AHEAD_LEAST = 100

/** Where a take may begin. */
export interface Behind {
  readonly id: number
  readonly returns: number
  readonly until: number
}

/** What a handle knows from its last take. */
export interface Known {
  /** Something may become ready by itself: it is delayed, or has a deadline. */
  readonly isTimed: boolean
  readonly behind: Behind | undefined
}

export const NOTHING_KNOWN: Known = { isTimed: true, behind: undefined }

export class Fronts {
  readonly queue: number
  readonly order: Order
  readonly #inOrder: string

  constructor(queue: number, order: Order) {
    this.queue = queue
    this.order = order
    this.#inOrder = order === 'lifo' ? 'ORDER BY place DESC, id DESC' : 'ORDER BY place, id'
  }

  /** The columns of a Row, but the last of them: `payload`, or its length where nobody wants it. */
  get columns(): string {
    return `id, attempt, enqueued, ukey, ${this.order === 'priority' ? 'priority' : 'NULL'}`
  }

  /** Ready items from the first on. */
  ready(): string {
    return `FROM spoolq_items FORCE INDEX (spoolq_front) WHERE queue = ${this.queue} AND status = ${READY} AND owner = 0
      ${this.#inOrder}`
  }

  /** The first `n` of them, to be locked; what somebody else took meanwhile is not among them. */
  first(n: number): string {
    return `FROM (SELECT id AS one ${this.ready()} LIMIT ${n}) AS front STRAIGHT_JOIN spoolq_items FORCE INDEX (PRIMARY)
      ON queue = ${this.queue} AND id = one WHERE status = ${READY}`
  }

  /** Those rows in this order. */
  sorted(rows: readonly Row[]): readonly Row[] {
    const sign = this.order === 'lifo' ? -1 : 1
    const compare = (one: Row, other: Row): number => one.priority - other.priority || sign * (one.id - other.id)
    const isSorted = rows.every((row, i) => compare(rows[i - 1] ?? row, row) <= 0)
    return isSorted ? rows : rows.toSorted(compare)
  }

  /** The ready items behind that, as far as they are near enough for a take of `n`. */
  ahead({ id }: Behind, n: number): string {
    const last = id + Math.min(AHEAD * n + AHEAD_LEAST, 2 ** 52)
    return `FROM spoolq_items FORCE INDEX (PRIMARY)
      WHERE queue = ${this.queue} AND id BETWEEN ${id + 1} AND ${last} AND status = ${READY} ORDER BY id`
  }

  /** Those of them that are ready. */
  these(ids: readonly number[]): string {
    const way = this.order === 'lifo' ? 'DESC' : ''
    return `FROM spoolq_items FORCE INDEX (PRIMARY)
      WHERE queue = ${this.queue} AND ${oneByOne(ids)} AND status = ${READY} ORDER BY id ${way}`
  }

  /** Items of a status by their ids; `which`: a condition of theirs. */
  byId(status: number, which = '', way: 'up' | 'down' = 'up'): string {
    const isByAge = this.isByAge(status)
    const along = isByAge ? 'spoolq_front' : 'PRIMARY'
    return `FROM spoolq_items FORCE INDEX (${along}) WHERE queue = ${this.queue} AND status = ${status}
      ${isByAge ? 'AND owner = 0 AND place = 0' : ''} ${which} ORDER BY id ${way === 'up' ? '' : 'DESC'}`
  }

  /** The index has the items of that status by their ids: their places are all alike. */
  isByAge(status: number): boolean {
    return status === FAILED || status === ACKED || (status === READY && this.order !== 'priority')
  }

  /** When the lease of a handle that ends first does: NULL where none has a deadline; `owner`: how it is named. */
  firstEnd(owner: string): string {
    return `(SELECT place FROM spoolq_items FORCE INDEX (spoolq_front)
      WHERE queue = ${this.queue} AND status = ${TIMED} AND owner = ${owner} ORDER BY place, id LIMIT 1)`
  }

  /** The handles whose first lease to end does so then. */
  holdersOf(when: string): string {
    return `SELECT id FROM spoolq_owners AS holder WHERE queue = ${this.queue} AND ${this.firstEnd('holder.id')} ${when}`
  }

  /** Where the next take may begin, after one that took everything up to `id`; `until`: as it was known before. */
  behind(id: number | undefined, returns: number, until = elapsed() + BEHIND_MS): Behind | undefined {
    return this.order === 'fifo' && id !== undefined ? { id, returns, until } : undefined
  }
}
