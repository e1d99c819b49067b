// patience.ts: what is done again where the server was lost for a moment, or ended a deadlock: nothing was done then, or
// doing it again does no harm.

import { pause } from '../wait/pause.ts'
import { elapsed } from '../wait/timers.ts'
import { LostError, ServerError } from './driver.ts'

/** A deadlock, and a lock that was waited for too long. */
const DEADLOCK = [1213, 1205]
const TRIES = 20
const LOST_MS = 2000

/** Rejects as the attempt does where there is no hope, for example because the server is lost for longer. */
export async function patiently<R>(attempt: () => Promise<R>): Promise<R> {
  const until = elapsed() + LOST_MS
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      const isHopeful = error instanceof LostError ? elapsed() < until : isDeadlock(error) && tries < TRIES
      if (!isHopeful) throw error
      await pause(Math.random() * Math.min(2 ** tries, 100))
    }
  }
}

function isDeadlock(error: unknown): boolean {
  return error instanceof ServerError && DEADLOCK.includes(error.number)
}
