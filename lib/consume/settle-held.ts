// settle-held.ts: settling items in hand, and what becomes of them where that fails.

import { SettledError } from '../errors.ts'
import type { HeldRange, Settlement } from '../store.ts'
import { heldRanges } from './attempts.ts'
import type { Held } from './held.ts'

export type MakeSettlement = (ids: readonly HeldRange[]) => Settlement

/** Rejected they are still in hand, but with a SettledError in somebody else's. */
export async function settleHeld<T>(
  held: readonly Held<T>[],
  make: MakeSettlement,
  write: (settlement: Settlement) => Promise<void>,
): Promise<Settlement> {
  const settlement = make(heldRanges(held).take())
  for (const one of held) one.state = 'settling'
  try {
    await write(settlement)
  } catch (error) {
    for (const one of held) one.state = error instanceof SettledError ? 'settled' : 'out'
    throw error
  }
  for (const one of held) one.state = settlement.outcome === 'again' ? 'out' : 'settled'
  return settlement
}
