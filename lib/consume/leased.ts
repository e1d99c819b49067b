// leased.ts: which items lease() has handed out that are not settled: so that a queue which closes knows how long to wait, and
// what to give back. Only numbers are kept: a delivery that its user forgets is no leak but for them.

import type { HeldRange } from '../store.ts'
import type { Core } from './core.ts'
import type { Held } from './held.ts'
import { Ranges } from './ranges.ts'

interface Lease {
  readonly attempt: number
  /** When it ends by itself. */
  until: number
}

/** How many that ended by themselves go for each that comes. */
const SWEPT = 2

export class Leased {
  readonly #core: Pick<Core<unknown>, 'clock' | 'leaseTimeoutMs'>
  /** In the order of their ends, but for those that were extended. */
  readonly #leases = new Map<number, Lease>()
  #settled: (() => void) | undefined

  constructor(core: Pick<Core<unknown>, 'clock' | 'leaseTimeoutMs'>) {
    this.#core = core
  }

  get count(): number {
    this.#sweep(Infinity)
    return this.#leases.size
  }

  add({ id, attempt }: Held<unknown>): void {
    this.#sweep(SWEPT)
    this.#leases.set(id, { attempt, until: this.#end(this.#core.leaseTimeoutMs) })
  }

  extend({ id, attempt }: Held<unknown>, ms: number): void {
    if (!this.#leases.delete(id)) return
    this.#leases.set(id, { attempt, until: this.#end(ms) })
  }

  delete({ id }: Held<unknown>): void {
    this.#leases.delete(id)
    if (this.#leases.size === 0) this.#settled?.()
  }

  /** All of them; none are left. */
  take(): readonly HeldRange[] {
    this.#sweep(Infinity)
    const ranges = new Ranges()
    for (const [id, { attempt }] of this.#leases) ranges.add({ from: id, to: id, attempt })
    this.#leases.clear()
    this.#settled?.()
    return ranges.take()
  }

  /** Resolves when none is left. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.count === 0) return resolve()
        let last = 0
        for (const { until } of this.#leases.values()) last = Math.max(last, until)
        if (last !== Infinity) this.#core.clock.after(last - this.#core.clock.elapsed(), look)
      }
      this.#settled = resolve
      look()
    })
  }

  #end(ms: number): number {
    return ms === Infinity ? Infinity : this.#core.clock.elapsed() + ms
  }

  /** Forgets up to so many from the front that have ended. */
  #sweep(most: number): void {
    if (this.#core.leaseTimeoutMs === Infinity) return
    const now = this.#core.clock.elapsed()
    let swept = 0
    for (const [id, { until }] of this.#leases) {
      if (until > now && most !== Infinity) return
      if (until <= now) this.#leases.delete(id)
      swept += 1
      if (swept >= most) return
    }
  }
}
