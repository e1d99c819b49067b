// attempts.ts: the end of an item's attempts. Each delivery is one; whoever meets an item that has had all of them sets
// it aside, and whoever gives one back that has just had its last does.

import type { Piece, Settlement } from '../store.ts'
import type { Held } from './held.ts'
import { rangesOf } from './lot.ts'
import { Ranges } from './ranges.ts'

/** What was leased: pieces to hand out, and those whose attempts were spent before. */
export function withinLimit(pieces: readonly Piece[], limit: number): { good: readonly Piece[]; spent: Settlement[] } {
  if (limit === Infinity || pieces.every(({ attempt }) => attempt <= limit)) return { good: pieces, spent: [] }
  const over = pieces.filter(({ attempt }) => attempt > limit)
  return { good: pieces.filter(({ attempt }) => attempt <= limit), spent: over.map((piece) => overLimit(piece)) }
}

function overLimit(piece: Piece): Settlement {
  return { outcome: 'fail', ids: rangesOf([piece]), reason: spentReason(piece.attempt - 1), counted: false }
}

/** Why an item is among the failed that was handed out as often as it may be. */
export function spentReason(attempts: number, cause?: string): string {
  return `all ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} spent${cause === undefined ? '' : `: ${cause}`}`
}

/** Items given back, but those at their last attempt; all of them are settled from here on. */
export function giveBack<T>(held: readonly Held<T>[], counted: boolean): Settlement[] {
  return held.length === 0 ? [] : [{ outcome: 'back', ids: settledRanges(held), counted }]
}

/** Items set aside; they are settled from here on. */
export function setAside<T>(held: readonly Held<T>[]): Settlement[] {
  return held.map((one) => ({ outcome: 'fail', ids: settledRanges([one]), reason: spentReason(one.attempt) }))
}

/** The ranges of items, in their order. */
export function heldRanges<T>(held: readonly Held<T>[]): Ranges {
  const ranges = new Ranges()
  for (const one of held) ranges.add(one.range)
  return ranges
}

function settledRanges<T>(held: readonly Held<T>[]): ReturnType<Ranges['take']> {
  const ranges = heldRanges(held)
  for (const one of held) one.state = 'settled'
  return ranges.take()
}
