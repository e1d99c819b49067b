// clock.ts: time comes in by parameter, so that specs can own it.

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds from any start, never going back. */
  elapsed(): number
  /** Calls `due` once, at least `ms` later; returns how to cancel. Never keeps the process alive by itself. */
  after(ms: number, due: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, due) {
    const timer = setTimeout(due, Math.min(ms, 2 ** 31 - 1))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
