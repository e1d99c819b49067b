// leased.ts: which items lease() has handed out that are not settled: so that a queue which closes knows how long to wait, and
// what to give back. Only numbers are kept: a delivery that its user forgets is no leak but for them.

import type { HeldRange } from '../store.ts'
import type { Core } from './core.ts'
import type { Held } from './held.ts'
import { Ranges } from './ranges.ts'

/** How many that ended by themselves go for each that comes. */
const SWEPT = 2

export class Leased {
  readonly #core: Pick<Core<unknown>, 'clock' | 'leaseTimeoutMs'>
  /** Attempts by id. */
  readonly #attempts = new Map<number, number>()
  /** Where leases end by themselves: when, in the order of their ends, but for those that were extended. */
  readonly #ends: Map<number, number> | undefined
  #settled: (() => void) | undefined

  constructor(core: Pick<Core<unknown>, 'clock' | 'leaseTimeoutMs'>) {
    this.#core = core
    this.#ends = core.leaseTimeoutMs === Infinity ? undefined : new Map()
  }

  get count(): number {
    this.#sweep(Infinity)
    return this.#attempts.size
  }

  add({ id, attempt }: Held<unknown>): void {
    this.#sweep(SWEPT)
    this.#attempts.set(id, attempt)
    this.#ends?.set(id, this.#endIn(this.#core.leaseTimeoutMs))
  }

  extend({ id }: Held<unknown>, ms: number): void {
    if (this.#ends?.delete(id)) this.#ends.set(id, this.#endIn(ms))
  }

  delete({ id }: Pick<Held<unknown>, 'id'>): void {
    this.#attempts.delete(id)
    this.#ends?.delete(id)
    if (this.#attempts.size === 0) this.#settled?.()
  }

  /** All of them; none are left. */
  take(): readonly HeldRange[] {
    this.#sweep(Infinity)
    const ranges = new Ranges()
    for (const [id, attempt] of this.#attempts) ranges.add({ from: id, to: id, attempt })
    this.#attempts.clear()
    this.#ends?.clear()
    this.#settled?.()
    return ranges.take()
  }

  /** Resolves when none is left. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.count === 0) return resolve()
        let last = this.#ends === undefined ? Infinity : 0
        for (const end of this.#ends?.values() ?? []) last = Math.max(last, end)
        if (last !== Infinity) this.#core.clock.after(last - this.#core.clock.elapsed(), look)
      }
      this.#settled = resolve
      look()
    })
  }

  #endIn(ms: number): number {
    return this.#core.clock.elapsed() + ms
  }

  /** Forgets up to so many from the front that have ended. */
  #sweep(most: number): void {
    if (this.#ends === undefined) return
    const now = this.#core.clock.elapsed()
    let swept = 0
    for (const [id, end] of this.#ends) {
      if (end > now && most !== Infinity) return
      if (end <= now) this.delete({ id })
      swept += 1
      if (swept >= most) return
    }
  }
}
