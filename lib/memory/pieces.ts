// pieces.ts: items of a memory queue as the seam hands them out.

import type { Piece } from '../store.ts'
import type { Item } from './item.ts'

type Growing = { -readonly [K in keyof Piece]: Piece[K] }

export function pieceOf(item: Item, attempt: number): Growing {
  const { id: firstId, document, skip, enqueuedAt } = item
  return { firstId, count: 1, document, skip, attempt, enqueuedAt }
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
