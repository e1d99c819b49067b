// classify.ts: the one rule that tells a crash from damage. Pure, and tested alone.
//
//        known to be durable                              nobody was promised that it survives a power cut
//   ├──────────────────────────────────────────────┼──────────────────────────────────▶
//                                              synced-to
//    invalid here: damage, counted and told           invalid here, after another boot: a crash, sealed off in silence
//                                                     in the boot that wrote it: missing, counted and told as never synced
//
// No crash of a process takes what the kernel was handed: a mount, a snapshot, a copy or a failed write-back did. Only
// the very end of the log may be half written; that is for the scan to see. A void lies before synced-to and was never
// durable: frames in it may be there or not.

import { isBefore, type Position } from './frame.ts'
import type { Void } from './segment.ts'

export interface Known {
  /** The greatest position that is known to be durable. */
  readonly syncedTo: Position
  readonly voids: readonly Void[]
  /** The machine went down since it was written. */
  readonly wasCut: boolean
}

export type Class = 'damage' | 'missing' | 'crash'

/** Why the bytes at a position don't hold. */
export function classify(position: Position, { syncedTo, voids, wasCut }: Known): Class {
  const inVoid = ({ segment, from, to }: Void) =>
    segment === position.segment && from <= position.offset && position.offset < to
  if (isBefore(position, syncedTo) && !voids.some(inVoid)) return 'damage'
  return wasCut ? 'crash' : 'missing'
}
