// pieces.ts: items of a memory queue as the seam hands them out.

import type { Document, Piece } from '../store.ts'
import type { Item } from './item.ts'

type Growing = { -readonly [K in keyof Piece]: Piece[K] }

export function pieceOf(item: Item, attempt: number): Growing {
  const { id: firstId, document, skip, enqueuedAt } = item
  return { firstId, count: 1, document, skip, attempt, enqueuedAt }
}

/** Of items that were popped, and may yet be set aside: what no piece says, by their document, whose items it is for. */
interface Manner {
  readonly priority: number
  readonly key: string | undefined
}

const NONE: Manner = { priority: 0, key: undefined }
const manners = new WeakMap<Document, Manner>()

export function poppedPieces(items: readonly Item[]): Piece[] {
  for (const { document, priority, key } of items) {
    if (priority !== 0 || key !== undefined) manners.set(document, { priority, key })
  }
  return piecesOf(items, () => 0)
}

export function mannerOf(document: Document): Manner {
  return manners.get(document) ?? NONE
}

/** Items that follow each other in one document are one piece, as long as they were delivered equally often. */
export function piecesOf(items: readonly Item[], attemptOf: (item: Item) => number): Piece[] {
  const pieces: Growing[] = []
  let last: Growing | undefined
  for (const item of items) {
    const attempt = attemptOf(item)
    if (last !== undefined && follows(last, item, attempt)) {
      last.count += 1
      continue
    }
    last = pieceOf(item, attempt)
    pieces.push(last)
  }
  return pieces
}

function follows(piece: Piece, item: Item, attempt: number): boolean {
  const isNext = piece.firstId + piece.count === item.id && piece.skip + piece.count === item.skip
  return piece.document === item.document && isNext && piece.attempt === attempt
}
