// spec-clock.ts: time that costs nothing. It stands still until somebody waits for it, then jumps: each turn of the
// event loop makes the earliest waiting due.

import type { Clock } from '../../lib/wait/clock.ts'

interface Waiting {
  readonly at: number
  readonly due: () => void
}

const START = 1_700_000_000_000

export class SpecClock implements Clock {
  #elapsed = 0
  readonly #waiting = new Set<Waiting>()
  readonly #behind = new Set<Waiting>()

  now(): number {
    return START + this.#elapsed
  }

  wall(): number {
    return this.now()
  }

  monotonic(): number {
    return this.elapsed()
  }

  slept(): number {
    return 0
  }

  elapsed(): number {
    return this.#elapsed
  }

  after(ms: number, due: () => void): () => void {
    const waiting = { at: this.#elapsed + ms, due }
    this.#waiting.add(waiting)
    setImmediate(() => this.#jump())
    return () => this.#waiting.delete(waiting)
  }

  /** Due only when time goes by: nobody waits for it. */
  background(ms: number, due: () => void): () => void {
    const waiting = { at: this.#elapsed + ms, due }
    this.#behind.add(waiting)
    return () => this.#behind.delete(waiting)
  }

  /** So much time goes by, and what became due in it is told. */
  pass(ms: number): void {
    this.#elapsed += ms
    for (const all of [this.#waiting, this.#behind]) {
      for (const waiting of all) if (waiting.at <= this.#elapsed && all.delete(waiting)) waiting.due()
    }
  }

  #jump(): void {
    let first: Waiting | undefined
    for (const waiting of this.#waiting) if (!first || waiting.at < first.at) first = waiting
    if (!first) return
    this.#waiting.delete(first)
    this.#elapsed = Math.max(this.#elapsed, first.at)
    first.due()
  }
}

/** The same time, of a process: once that is dead, nothing becomes due in it any more, or its work would be tried for ever. */
export function clockOf(clock: SpecClock, process: object): Clock {
  const living = (due: () => void) => (): void => {
    if (!('dead' in process && process.dead === true)) due()
  }
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    monotonic: () => clock.monotonic(),
    slept: () => clock.slept(),
    elapsed: () => clock.elapsed(),
    after: (ms, due) => clock.after(ms, living(due)),
    background: (ms, due) => clock.background(ms, living(due)),
  }
}
