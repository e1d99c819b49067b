// host-time.ts: the time that leases and delays of a stored queue are measured with, the same in all processes of a host.
//
//      now    = monotonic + origin         origin: what the wall clock was ahead by when the queue was first opened in this boot
//      drift  = wall − (now + slept)       by how much the wall clock was set since
//
// The origin stands in the queue, beside its boot and the drift. So one number is enough for a time that is stored: in its
// boot the wall clock may jump, and nothing is late or early. After a reboot there is nothing but the wall clock to go by:
// whoever opens first gives the new boot an origin, and adds the last drift of the old one to all times that are stored,
// which makes them what the wall clock would have said of them.

import type { Clock } from './clock.ts'

/** What a queue records of its host's time. */
export interface Recorded {
  readonly origin: number
  readonly drift: number
}

const DRIFT_MS = 1000

export class HostTime implements Clock {
  readonly #clock: Clock
  #origin: number
  #drift = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#origin = this.fresh().origin
  }

  /** What a queue gets that has none of this boot. */
  fresh(): Recorded {
    return { origin: Math.round(this.wall() - this.monotonic() - this.slept()), drift: 0 }
  }

  /** What the queue records of this boot. */
  adopt({ origin, drift }: Recorded): void {
    this.#origin = origin
    this.#drift = drift
  }

  /** What is to be recorded, because the wall clock was set since; else undefined. `known`: the drift that is recorded. */
  moved(known = this.#drift): Recorded | undefined {
    const drift = Math.round(this.wall() - this.now() - this.slept())
    if (Math.abs(drift - known) <= DRIFT_MS) return undefined
    return { origin: this.#origin, drift }
  }

  wall(): number {
    return this.#clock.wall()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  now(): number {
    return this.#clock.monotonic() + this.#origin
  }

  slept(): number {
    return this.#clock.slept()
  }

  elapsed(): number {
    return this.#clock.elapsed()
  }

  after(ms: number, due: () => void): () => void {
    return this.#clock.after(ms, due)
  }

  background(ms: number, due: () => void): () => void {
    return this.#clock.background(ms, due)
  }
}
