// interval-sync.ts: durability { interval }: what was written is synced at most so many milliseconds later. Nobody
// waits for it, so its failure is told to whoever listens.

import type { Durability, StoreEvents } from '../store.ts'
import { both } from '../wait/both.ts'
import type { Clock } from '../wait/clock.ts'

export class IntervalSync {
  readonly #ms: number | undefined
  readonly #clock: Clock
  readonly #sync: () => Promise<void>
  readonly #events: StoreEvents
  #cancel: (() => void) | undefined
  #running: Promise<unknown> = Promise.resolve()

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
      const syncing = this.#sync().catch((error: Error) => this.#events.failed(error, 'sync'))
      // The one before may still be under way.
      this.#running = both(this.#running, syncing)
    })
  }

  /** Resolves when none is under way any more. */
  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await this.#running
  }
}
