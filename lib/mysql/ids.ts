// ids.ts: how a queue gives ids: each is next_id of its row, whose lock is held to the COMMIT, so they grow in the order
// of the commits. The server keeps for the connection what was taken last: FIRST_ID says it in the statements that follow.

import { END_OF_IDS } from '../ids.ts'
import { FIRST_ID, listsOf, NOW, withIds } from './statements.ts'

/** The column takes no number below zero. */
export const NO_IDS = 1264

/** Rows that are numbered anew in one transaction. */
export const PART = 500

/** Locks the queue's row, and takes so many ids; `first`: where it is known. Fails with NO_IDS where they end. */
export function takingIds(queue: number, count: number, first: number | 'next_id' = 'next_id'): string {
  const taken = `LAST_INSERT_ID(${first}) + ${count}`
  return `UPDATE spoolq_queues SET next_id = IF(${first} > ${END_OF_IDS - count}, -1, ${taken}) WHERE id = ${queue}`
}

/** Locks the queue's row. */
export function lockingIds(queue: number): string {
  return `SELECT next_id, ${NOW} FROM spoolq_queues WHERE id = ${queue} FOR UPDATE`
}

/** New ids, in that order, for the rows of those; in parts, because FIELD looks through its list for each row. */
export function renumbering(queue: number, ids: readonly number[]): string[] {
  return listsOf(ids).flatMap((list) => {
    const next = `id = ${FIRST_ID} + FIELD(id, ${list.join()}) - 1`
    const where = `WHERE queue = ${queue} AND ${withIds(list)}`
    return [
      takingIds(queue, list.length),
      `UPDATE spoolq_items SET ${next} ${where}`,
      `UPDATE spoolq_keys SET ${next} ${where}`,
    ]
  })
}
