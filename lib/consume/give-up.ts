// give-up.ts: what becomes of items whose session is left: acknowledgements are written, and the rest goes back, counted
// what was handed out (set aside, if that was its last attempt), uncounted what had only been taken ahead. Where the queue
// closes, nothing is counted.

import { giveBack } from './attempts.ts'
import type { Held } from './held.ts'
import type { Settling } from './settling.ts'

/** Items of which none is settled. `limit`: attempts that an item gets; undefined: this is none. */
export async function giveUp<T>(
  held: readonly Held<T>[],
  settling: Settling<T>,
  limit: number | undefined,
): Promise<void> {
  if (limit === undefined) return settling.write(giveBack(held, false))
  const ahead = held.filter(({ state }) => state === 'ahead')
  const seen = held.filter(({ state }) => state !== 'ahead')
  const others = seen.filter(({ attempt }) => attempt < limit)
  const atLast = seen.filter(({ attempt }) => attempt >= limit)
  await settling.write([...giveBack(others, true), ...giveBack(ahead, false)])
  await settling.setAside(atLast)
}
