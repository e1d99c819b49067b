// spent.ts: what stands at the front and has had all its attempts, set aside where nobody may take it: its consumers died,
// and somebody waits for an empty queue.

import type { Settlement } from '../store.ts'
import { withinLimit } from './attempts.ts'
import type { Core } from './core.ts'
import { rangesOf } from './lot.ts'

/** Resolves to whether there was any. Where it can't be set aside it stays, for whoever takes it next. */
export async function setSpentAside<T>({ store, maxAttempts }: Core<T>): Promise<boolean> {
  const [front] = maxAttempts === Infinity ? [] : await store.peek(1)
  if (front === undefined || front.attempt < maxAttempts) return false
  const pieces = await store.lease(1, [], { uncharged: true })
  const { good, spent } = withinLimit(pieces, maxAttempts)
  const back: Settlement = { outcome: 'back', ids: rangesOf(pieces), counted: false }
  if (good.length > 0) await store.settle([back], true)
  if (spent.length === 0) return false
  try {
    await store.settle(spent, true)
    return true
  } catch {
    await store.settle([back], true)
    return false
  }
}
