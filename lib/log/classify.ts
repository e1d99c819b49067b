// classify.ts: the one rule that tells a crash from damage. Pure, and tested alone.
//
//        known to be durable, or once verified            nobody was promised anything
//   ├──────────────────────────────────────────────┼──────────────────────────────────▶
//                                              synced-to
//    invalid here: damage, counted and told           invalid here: a crash, sealed off in silence
//
// Except in a void: frames whose sync failed were refused, and may be there or not.

import { isBefore, type Position } from './frame.ts'
import type { GoneWhy } from './record.ts'
import type { Void } from './segment.ts'

export interface Known {
  /** The greatest position that is known to be durable. */
  readonly syncedTo: Position
  /** Up to here every frame held when this handle met it, and the machine has run since. */
  readonly verifiedTo: Position
  readonly voids: readonly Void[]
}

/** Why the bytes at a position don't hold. */
export function classify(position: Position, known: Known): GoneWhy {
  const inVoid = ({ segment, from, to }: Void) =>
    segment === position.segment && from <= position.offset && position.offset < to
  if (known.voids.some(inVoid)) return 'void'
  return isBefore(position, known.syncedTo) || isBefore(position, known.verifiedTo) ? 'damage' : 'crash'
}
