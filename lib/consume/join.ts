// join.ts: the wait for an empty queue: nothing is ready, delayed or in flight any more, in whomever's hands. What has had all
// its attempts, and nobody is there to take, is set aside.

import type { JoinOptions } from '../call-options.ts'
import { unlessAborted } from '../wait/aborts.ts'
import { Parked } from '../wait/parked.ts'
import type { Core } from './core.ts'
import { setSpentAside } from './spent.ts'

/** Rejects with the signal's reason, a failure, or QueueClosedError. */
export async function join<T>(core: Core<T>, { signal }: JoinOptions = {}): Promise<void> {
  core.check()
  signal?.throwIfAborted()
  const attempt = async (): Promise<true | undefined> => {
    for (;;) {
      const { ready, delayed, inFlight } = await unlessAborted(core.store.counts(), signal)
      if (ready + delayed + inFlight === 0) return true
      if (ready === 0 || !(await setSpentAside(core))) return undefined
    }
  }
  await new Parked(core.joins, attempt, { clock: core.clock, signal }).promise
}
