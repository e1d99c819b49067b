// pace.ts: how many items a loop takes ahead: one for a slow body, up to 64 for a fast one, never more than about a
// millisecond's work, so that other consumers find some and a kill repeats little. It starts at one, at most
// doubles, and follows the body it sees.

import type { Clock } from '../wait/clock.ts'

const AHEAD_MAX = 64
const WORK_MS = 1

export class Pace {
  readonly #clock: Clock
  #since = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A lot has just been leased. */
  leased(): void {
    this.#since = this.#clock.elapsed()
  }

  /** How many to lease now, after `handed` items of the last lot were handed out and worked on. */
  next(handed: number): number {
    if (handed === 0) return 1
    const itemMs = (this.#clock.elapsed() - this.#since) / handed
    const fitting = itemMs > 0 ? Math.floor(WORK_MS / itemMs) : AHEAD_MAX
    return Math.max(1, Math.min(fitting, handed * 2, AHEAD_MAX))
  }
}
