// stopping.ts: how a queue comes to rest that is told to close.
//
//      handing out nothing more ──nothing in hand──▶ at rest
//         └──grace is over──▶ signals abort ──nothing in hand, or a second later──▶ at rest
//
// Several who close it have one end: the earliest. The timers keep the process alive.

import { pause } from '../wait/pause.ts'
import type { Core } from './core.ts'

/** What handlers get whose signal has aborted. */
const LAST_MS = 1000

export class Stopping {
  readonly #graceOver = new AbortController()
  readonly #atRest = new AbortController()
  #isCut = false

  /** Whoever has something in hand gets so many milliseconds from now, at most. */
  limit(graceMs: number): void {
    if (graceMs === 0) this.#graceOver.abort()
    else void pause(graceMs, this.#atRest.signal).then(() => this.#graceOver.abort())
  }

  /** Nobody gets any time. */
  cut(): void {
    this.#isCut = true
    this.#graceOver.abort()
    this.#atRest.abort()
  }

  /** Resolves when the queue is at rest; never rejects. */
  async run<T>(core: Core<T>): Promise<void> {
    const stopped = core.stop().then(() => this.#atRest.abort())
    if (core.inHand) await Promise.race([stopped, aborted(this.#graceOver.signal)])
    if (core.inHand && !this.#isCut) {
      core.abort()
      await Promise.race([stopped, pause(LAST_MS, this.#atRest.signal)])
    }
    this.#atRest.abort()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
