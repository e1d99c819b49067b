// rows.ts: rows of spoolq_items as the seam speaks of them: an item is a document of its own.

import { StorageError } from '../errors.ts'
import type { Document, Listed, Piece, Status } from '../store.ts'
import type { Cell } from './driver.ts'
import { FAILED } from './schema.ts'
import { hex, LOT_CHARACTERS, lotsOf } from './statements.ts'

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
    id: wholeOf(id, 'id'),
    attempt: wholeOf(attempt, 'attempt'),
    enqueued: wholeOf(enqueued, 'time'),
    bytes: whole?.length ?? Number(payload),
    key: Buffer.isBuffer(key) ? key : undefined,
    priority: Number(priority),
    payload: whole ?? NOTHING,
  }
}

/** A column that can only hold whole numbers; anything else is no answer of a server that has our tables. */
function wholeOf(cell: Cell | undefined, what: string): number {
  if (typeof cell === 'number' && Number.isSafeInteger(cell) && cell >= 0) return cell
  throw new StorageError(
    `mysql: the server answered a row whose ${what} is no whole number: it does not have our tables`,
  )
}

/** Rows of popped items with a priority or a key, by what was handed out of them: they may yet be set aside. */
const rowsOfDocuments = new WeakMap<Document, Row>()

/** A popped item, whose place and key are kept for `poppedAs`. */
export function poppedOf(row: Row): Piece {
  const piece = pieceOf(row, 0)
  if (row.key !== undefined || row.priority !== 0) rowsOfDocuments.set(piece.document, row)
  return piece
}

/** The rows that a popped piece had. */
export function poppedAs({ firstId, count, document, attempt, enqueuedAt }: Piece): Row[] {
  const row = rowsOfDocuments.get(document)
  const { bytes } = document
  return Array.from({ length: count }, (_, i) => ({
    id: firstId + i,
    attempt,
    enqueued: row?.enqueued ?? enqueuedAt * 1000,
    bytes: bytes.length,
    key: row?.key,
    priority: row?.priority ?? 0,
    payload: Buffer.from(bytes),
  }))
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
  const values = rows.map(({ id, priority, attempt, enqueued, key, payload }) => {
    const where = place === 'priority' ? priority : place
    return `(${queue},${id},${status},${where},${priority},${attempt},${enqueued},${key ? hex(key) : 'NULL'},${hex(payload)})`
  })
  // What is set aside keeps its key, and holds nobody else's off.
  const keys = rows.flatMap(({ id, key }) => (key && status !== FAILED ? [`(${queue},${hex(key)},${id})`] : []))
  const columns = 'queue, id, status, place, priority, attempt, enqueued, ukey, payload'
  const lots = (words: readonly string[]): string[] => lotsOf(words, LOT_CHARACTERS).map((lot) => lot.join())
  return [
    ...lots(values).map((lot) => `INSERT INTO spoolq_items (${columns}) VALUES ${lot}`),
    ...lots(keys).map((lot) => `INSERT IGNORE INTO spoolq_keys (queue, ukey, id) VALUES ${lot}`),
  ]
}

interface Restored {
  readonly status: number
  readonly place: 'priority' | 0
}
