// clock.ts: time comes in by parameter, so that specs can own it.

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
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

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after,
  background: after,
}
