// interval-sync.ts: durability { interval }: what was written is synced at most so many milliseconds later. Nobody
// waits for it, so its failure is told to whoever listens.

import type { Durability, StoreEvents } from '../store.ts'
import type { Clock } from '../wait/clock.ts'

export class IntervalSync {
  readonly #ms: number | undefined
  readonly #clock: Clock
  readonly #sync: () => Promise<void>
  readonly #events: StoreEvents
  #cancel: (() => void) | undefined

  constructor(durability: Durability, clock: Clock, sync: () => Promise<void>, events: StoreEvents) {
    this.#ms = typeof durability === 'object' ? durability.interval : undefined
    this.#clock = clock
    this.#sync = sync
    this.#events = events
  }

  /** Something was written. */
  start(): void {
    if (this.#ms === undefined || this.#cancel) return
    this.#cancel = this.#clock.after(this.#ms, () => {
      this.#cancel = undefined
      this.#sync().catch((error: Error) => this.#events.failed(error))
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
