// parked.ts: one call that waits in a line for its turn, its deadline, its signal or a dismissal.
//
//      waiting ──attempt()──▶ trying ──it answered──▶ done (resolves)
//        ▲  │                  │   │
//        │  │                  │   └─nothing yet, and told to stop meanwhile──▶ done (rejects)
//        │  │                  └─nothing yet──┐
//        │  └─told to stop──▶ done (rejects)  │
//        └────────────────────────────────────┘
//
// One whose time is over before it was tried, because those in front still are, is tried once.
//
// An attempt under way decides: what it took is the caller's, even if the signal came meanwhile. So a call that
// rejects has taken nothing, and no race can make it lose what it took.

import { onAbort } from './aborts.ts'
import type { Clock } from './clock.ts'
import type { Caller, Line } from './line.ts'

export interface Limits {
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Milliseconds to wait at most; `Infinity` or undefined: for ever. */
  readonly timeout?: number | undefined
  /** What a call rejects with whose time is over. */
  readonly expired?: () => unknown
}

export class Parked<R> implements Caller {
  readonly promise: Promise<R>
  readonly #line: Line
  readonly #attempt: () => Promise<R | undefined>
  #unlisten: (() => void) | undefined
  #cancelTimer: (() => void) | undefined
  #resolve!: (value: R) => void
  #reject!: (reason: unknown) => void
  #state: 'waiting' | 'trying' | 'done' = 'waiting'
  #stop: { readonly reason: unknown } | undefined
  #wasTried = false

  /** Joins `line`; `attempt` answers with `undefined` while there is nothing yet. The signal has not aborted yet. */
  constructor(line: Line, attempt: () => Promise<R | undefined>, limits: Limits) {
    this.#line = line
    this.#attempt = attempt
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#bound(limits)
    line.join(this)
  }

  async attempt(): Promise<boolean> {
    if (this.#state !== 'waiting') return true
    this.#state = 'trying'
    this.#wasTried = true
    try {
      const answer = await this.#attempt()
      if (answer !== undefined) return this.#done(() => this.#resolve(answer))
    } catch (error) {
      return this.#done(() => this.#reject(error))
    }
    const stop = this.#stop
    if (stop !== undefined) return this.#done(() => this.#reject(stop.reason))
    this.#state = 'waiting'
    return false
  }

  /** Rejects with `reason`, at once or when the attempt under way has found nothing. */
  dismiss(reason: unknown): void {
    this.#stop ??= { reason }
    if (this.#state !== 'waiting') return
    const { reason: first } = this.#stop
    this.#done(() => this.#reject(first))
  }

  #bound(limits: Limits): void {
    const { signal, timeout = Infinity, expired } = limits
    if (signal !== undefined) this.#unlisten = onAbort(signal, () => this.dismiss(signal.reason))
    if (timeout === Infinity || expired === undefined) return
    this.#cancelTimer = limits.clock.after(timeout, () => this.#expire(expired()))
  }

  /** Its time is over. Where it was not tried yet, because another one is, it has one try: there may be enough for both. */
  #expire(reason: unknown): void {
    if (this.#state === 'waiting' && !this.#wasTried && this.#line.isTrying) {
      this.#stop ??= { reason }
      this.#line.hurry(this)
    } else this.dismiss(reason)
  }

  #done(answer: () => void): true {
    this.#state = 'done'
    this.#unlisten?.()
    this.#cancelTimer?.()
    this.#line.leave(this)
    answer()
    return true
  }
}
