// decoding.ts: decoding where attempts are limited. Each piece is marked as in hand while it is decoded: if that kills or
// hangs the process, its items are charged an attempt, and those that wait beside it are not.

import type { DocumentReader } from '../codec/index.ts'
import type { IdRange, Piece } from '../store.ts'
import type { Core } from './core.ts'
import { decodeLot, type Lot } from './lot.ts'

export function decodeMarked<T>(core: Core<T>, reader: DocumentReader<T>, pieces: readonly Piece[]): Lot<T> {
  if (pieces.length === 0) return decodeLot(reader, pieces)
  const slot = core.slots.take()
  try {
    return decodeLot(reader, pieces, ({ firstId, count }) =>
      mark(core, slot, { from: firstId, to: firstId + count - 1 }),
    )
  } finally {
    mark(core, slot, undefined)
    core.slots.release(slot)
  }
}

/** Without its mark a piece is still decoded; only a crash of that would not be counted. */
function mark<T>(core: Core<T>, slot: number, ids: IdRange | undefined): void {
  try {
    core.store.mark(slot, ids)
  } catch {
    // The mark of what is handed out meets the same, and tells.
  }
}
