// join.ts: the wait for an empty queue: nothing is ready, delayed or in flight any more, in whomever's hands.

import type { JoinOptions } from '../call-options.ts'
import { Parked } from '../wait/parked.ts'
import type { Core } from './core.ts'

/** Rejects with the signal's reason, a failure, or QueueClosedError. */
export async function join<T>(core: Core<T>, { signal }: JoinOptions = {}): Promise<void> {
  core.check()
  signal?.throwIfAborted()
  const attempt = async (): Promise<true | undefined> => {
    const { ready, delayed, inFlight } = await core.store.counts()
    return ready + delayed + inFlight === 0 ? true : undefined
  }
  await new Parked(core.joins, attempt, { clock: core.clock, signal }).promise
}
