// clock.ts: time comes in by parameter, so that specs can own it.
//
//      wall        what people call the time: set by anybody, it jumps. Only for what people are told (when an item was put),
//                  and for what has to outlast the host (lib/wait/host-time.ts)
//      monotonic   the host's own, the same in all its processes, which stands still while the host sleeps
//      now         the same, counted in milliseconds since 1970 from what the wall clock said when this process began: leases
//      slept       how long the host was suspended in all. Delays go on meanwhile: their time is now + slept

import { monotonicMs, sleptMs } from './host-clock.ts'
import { clearTimeout, elapsed, setTimeout, wall } from './timers.ts'

export interface Clock {
  /** Milliseconds since 1970, by a clock that may jump. */
  wall(): number
  /** Milliseconds that the host has been awake; the same in all of its processes. */
  monotonic(): number
  /** Milliseconds since 1970, never going back: a whole number more than `monotonic`. */
  now(): number
  /** Milliseconds that the host was suspended for, as far as can be known. */
  slept(): number
  /** Milliseconds from any start, never going back. */
  elapsed(): number
  /** Calls `due` once, at least `ms` later; returns how to cancel. Never keeps the process alive by itself. */
  after(ms: number, due: () => void): () => void
  /** As `after`, for work that nobody waits for: time that somebody else makes up need not go by for it. */
  background(ms: number, due: () => void): () => void
}

const after: Clock['after'] = (ms, due) => {
  const timer = setTimeout(due, Math.min(ms, 2 ** 31 - 1))
  timer.unref()
  return () => clearTimeout(timer)
}

/** What a store measures leases and delays with. */
export type StoreClock = Pick<Clock, 'now' | 'slept'>

/** The time that delays are measured with. */
export function dueTime(clock: StoreClock): number {
  return clock.now() + clock.slept()
}

const origin = Math.round(wall() - monotonicMs())

export const systemClock: Clock = {
  wall,
  monotonic: monotonicMs,
  now: () => monotonicMs() + origin,
  slept: sleptMs,
  elapsed,
  after,
  background: after,
}
