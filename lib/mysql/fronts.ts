// fronts.ts: from which end, and along which index, items are read.
//
// Ready items that were taken stay in the index for a while as marks of the server's, until nobody could still see them;
// a take that began at the front would step over all of them. So a handle of a 'fifo' queue begins behind what it took
// last (Behind), for as long as nothing older became ready, which the sum of `returns` says. What somebody else was just
// about to take, and then did not, is met when that is over: after 100 ms, or where too little is found.

import type { Order } from '../store.ts'
import { ACKED, FAILED, READY } from './schema.ts'

const BEHIND_MS = 100

/** Where a take may begin. */
export interface Behind {
  readonly id: number
  readonly returns: number
  readonly until: number
}

export class Fronts {
  readonly queue: number
  readonly order: Order
  /** As a take has them. */
  readonly first: string

  constructor(queue: number, order: Order) {
    this.queue = queue
    this.order = order
    this.first = order === 'lifo' ? 'ORDER BY place DESC, id DESC' : 'ORDER BY place, id'
  }

  /** Ready items from the first on, those behind that alone. */
  ready(behind?: Behind): string {
    const where = behind === undefined ? '' : `AND place = 0 AND id > ${behind.id}`
    return `FROM spoolq_items FORCE INDEX (spoolq_front) WHERE queue = ${this.queue} AND status = ${READY} ${where}
      ${this.first}`
  }

  /** Items of a status by their ids; `which`: a condition of theirs. */
  byId(status: number, which = '', way: 'up' | 'down' = 'up'): string {
    const isAlike = status === FAILED || status === ACKED || (status === READY && this.order !== 'priority')
    const along = isAlike ? 'FORCE INDEX (spoolq_front)' : status === READY ? 'FORCE INDEX (PRIMARY)' : ''
    return `FROM spoolq_items ${along} WHERE queue = ${this.queue} AND status = ${status} ${isAlike ? 'AND place = 0' : ''}
      ${which} ORDER BY id ${way === 'up' ? '' : 'DESC'}`
  }

  /** Where the next take may begin, after one that took everything up to `id`. */
  behind(id: number | undefined, returns: number): Behind | undefined {
    if (this.order !== 'fifo' || id === undefined) return undefined
    return { id, returns, until: performance.now() + BEHIND_MS }
  }
}
