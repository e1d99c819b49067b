// lots.ts: what a session's leases brought: one lot after the other, the first part of it handed out, the rest ahead.
// What was handed out of earlier lots and is unsettled is kept, because the session gives it back when it is left.

import type { Held } from './held.ts'

const MANY = 64

export class Lots<T> {
  #lot: Held<T>[] = []
  #at = 0
  /** Handed out of earlier lots; looked through for settled ones when it has doubled. */
  #earlier: Held<T>[] = []
  #kept = 0

  /** How many of the last lot were handed out. */
  get taken(): number {
    return this.#at
  }

  /** How many are still ahead. */
  get ahead(): number {
    return this.#lot.length - this.#at
  }

  /** The next one, which is out from here on. */
  take(): Held<T> | undefined {
    const held = this.#lot[this.#at]
    if (held === undefined) return undefined
    this.#at += 1
    held.state = 'out'
    return held
  }

  /** The next lot. Only when none is ahead. */
  replace(lot: Held<T>[]): void {
    for (const held of this.#lot) if (held.state !== 'settled') this.#earlier.push(held)
    if (this.#earlier.length > 2 * this.#kept + MANY) {
      this.#earlier = this.#earlier.filter(({ state }) => state !== 'settled')
      this.#kept = this.#earlier.length
    }
    this.#lot = lot
    this.#at = 0
  }

  /** Those ahead, which are not in here any more. */
  takeAhead(): Held<T>[] {
    return this.#lot.splice(this.#at)
  }

  /** Those that were taken and are unsettled, in their order. */
  handed(): Held<T>[] {
    return this.#earlier
      .concat(this.#lot.slice(0, this.#at))
      .filter(({ state }) => state === 'out' || state === 'ahead')
  }

  /** All that are unsettled. */
  unsettled(): Held<T>[] {
    return this.#earlier.concat(this.#lot).filter(({ state }) => state === 'out' || state === 'ahead')
  }
}
