// lot.ts: pieces that were taken, decoded into items with their ids.

import type { DocumentReader } from '../codec/index.ts'
import type { HeldRange, Piece } from '../store.ts'
import { Held } from './held.ts'

export interface Lot<T> {
  readonly held: Held<T>[]
  /** What does not decode. */
  readonly bad: readonly Piece[]
}

/** `begin` is called with each piece before it is decoded. */
export function decodeLot<T>(
  reader: DocumentReader<T>,
  pieces: readonly Piece[],
  begin?: (piece: Piece) => void,
): Lot<T> {
  const held: Held<T>[] = []
  const allBad: Piece[] = []
  for (const piece of pieces) {
    begin?.(piece)
    const { items, bad } = reader.take(piece)
    let id = piece.firstId
    if (bad.length === 0) for (const item of items) held.push(new Held(id++, item, piece))
    else {
      const ids = idsOf(piece, bad)
      for (const item of items) held.push(new Held(ids(), item, piece))
      allBad.push(...bad)
    }
  }
  return { held, bad: allBad }
}

/** The ids of a piece in order, without those of its bad parts. */
function idsOf(piece: Piece, bad: readonly Piece[]): () => number {
  let next = piece.firstId
  let part = 0
  return () => {
    for (let gap = bad[part]; gap?.firstId === next; gap = bad[part]) {
      next += gap.count
      part += 1
    }
    next += 1
    return next - 1
  }
}

export function rangesOf(pieces: readonly Piece[]): HeldRange[] {
  return pieces.map(({ firstId, count, attempt }) => ({ from: firstId, to: firstId + count - 1, attempt }))
}
