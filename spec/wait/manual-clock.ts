// manual-clock.ts: a clock that a spec moves by hand.

import type { Clock } from '../../lib/wait/clock.ts'

export class ManualClock implements Clock {
  #ms = 0
  /** What the wall clock was set by. */
  set = 0
  /** How long the host slept. */
  asleep = 0
  #due: { at: number; call: () => void }[] = []

  now(): number {
    return 1_000_000 + this.#ms
  }

  wall(): number {
    return this.now() + this.asleep + this.set
  }

  monotonic(): number {
    return this.elapsed()
  }

  slept(): number {
    return this.asleep
  }

  elapsed(): number {
    return this.#ms
  }

  after(ms: number, due: () => void): () => void {
    const entry = { at: this.#ms + ms, call: due }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }

  background(ms: number, due: () => void): () => void {
    return this.after(ms, due)
  }

  /** How many calls are due some time. */
  get pending(): number {
    return this.#due.length
  }

  /** Moves on, and calls what has become due, the earliest first. */
  pass(ms: number): void {
    this.#ms += ms
    const due = this.#due.filter(({ at }) => at <= this.#ms).sort((one, other) => one.at - other.at)
    this.#due = this.#due.filter(({ at }) => at > this.#ms)
    for (const { call } of due) call()
  }
}
