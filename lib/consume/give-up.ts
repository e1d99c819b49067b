// give-up.ts: what becomes of items whose session is left: acknowledgements are written, and the rest goes back, counted
// what was handed out (set aside, if that was its last attempt), uncounted what had only been taken ahead. Of what a broken
// sink had, only the first is counted: the others waited beside it. Where the queue closes, nothing is.

import { giveBack } from './attempts.ts'
import type { Charged } from './core.ts'
import type { Held } from './held.ts'
import type { Settling } from './settling.ts'

/** Items of which none is settled, in the order in which they were handed out. `limit`: attempts that an item gets. */
export async function giveUp<T>(
  held: readonly Held<T>[],
  settling: Settling<T>,
  { charged, limit }: { readonly charged: Charged; readonly limit: number },
): Promise<void> {
  const seen = held.filter(({ state }) => state !== 'ahead')
  const counted = charged === 'all' ? seen : seen.slice(0, charged === 'first' ? 1 : 0)
  const isCounted = new Set(counted)
  const uncounted = held.filter((one) => !isCounted.has(one))
  const others = counted.filter(({ attempt }) => attempt < limit)
  const atLast = counted.filter(({ attempt }) => attempt >= limit)
  await settling.write([...giveBack(others, true), ...giveBack(uncounted, false)])
  await settling.setAside(atLast)
}
