// rows.ts: rows of spoolq_items as the seam speaks of them: an item is a document of its own.

import type { Listed, Piece, Status } from '../store.ts'
import type { Cell } from './driver.ts'
import { hex } from './statements.ts'

export const LENGTH = 'LENGTH(payload)'
const NOTHING = Buffer.alloc(0)

export interface Row {
  readonly id: number
  readonly attempt: number
  /** Microseconds since 1970. */
  readonly enqueued: number
  readonly bytes: number
  readonly key: Buffer | undefined
  readonly priority: number
  readonly payload: Buffer
}

export function rowOf([id, attempt, enqueued, key, priority, payload]: readonly Cell[]): Row {
  const whole = Buffer.isBuffer(payload) ? payload : undefined
  return {
    id: Number(id),
    attempt: Number(attempt),
    enqueued: Number(enqueued),
    bytes: whole?.length ?? Number(payload),
    key: Buffer.isBuffer(key) ? key : undefined,
    priority: Number(priority),
    payload: whole ?? NOTHING,
  }
}

export function pieceOf({ id, payload, enqueued }: Row, attempt: number): Piece {
  const document = { bytes: payload, count: 1 }
  return { firstId: id, count: 1, document, skip: 0, attempt, enqueuedAt: Math.floor(enqueued / 1000) }
}

export function listedOf(cells: readonly Cell[], status: Status, hasPriority: boolean): Listed {
  const row = rowOf(cells)
  const reason = cells[6]
  return {
    piece: pieceOf(row, row.attempt),
    status,
    reason: Buffer.isBuffer(reason) ? reason.toString() : undefined,
    priority: hasPriority ? row.priority : undefined,
  }
}

/** Puts rows where they were, with that status and that place. */
export function restoring(queue: number, rows: readonly Row[], { status, place }: Restored): string[] {
  if (rows.length === 0) return []
  const values = rows.map(({ id, priority, attempt, enqueued, key, payload }) => {
    const where = place === 'priority' ? priority : place
    return `(${queue},${id},${status},${where},${priority},${attempt},${enqueued},${key ? hex(key) : 'NULL'},${hex(payload)})`
  })
  const keys = rows.flatMap(({ id, key }) => (key ? [`(${queue},${hex(key)},${id})`] : []))
  const columns = 'queue, id, status, place, priority, attempt, enqueued, ukey, payload'
  return [
    `INSERT INTO spoolq_items (${columns}) VALUES ${values.join()}`,
    ...(keys.length === 0 ? [] : [`INSERT IGNORE INTO spoolq_keys (queue, ukey, id) VALUES ${keys.join()}`]),
  ]
}

interface Restored {
  readonly status: number
  readonly place: 'priority' | 0
}
