// renewing.ts: the leases of what a session has taken and nobody works on yet: items in a stream's buffer, behind others in a
// sink's, in a batch that fills. They are renewed each third of their time, for as long as the session is asked for more, or
// something of it was done within a lease. Then those that nobody has seen go back; those in a sink lapse.
//
//      taken ──waits──▶ renewed, again and again ──its turn──▶ in hand: ends by its leaseTimeout
//                         └──nothing moves for a whole lease──▶ back, uncounted (in a sink: it lapses)
//
// Whoever gets an item has two thirds of its lease left.

import type { Core } from './core.ts'
import type { Held } from './held.ts'

export interface Renewed<T> {
  /** What was taken, in its order, and is not settled. */
  taken(): readonly Held<T>[]
  /** Whether somebody waits for the next item. */
  isAsked(): boolean
  extend(held: readonly Held<T>[]): void
  giveBack(held: readonly Held<T>[]): void
}

export class Renewing<T> {
  readonly #core: Core<T>
  readonly #of: Renewed<T>
  readonly #isPiped: boolean
  #movedAt = 0
  #isDue = false

  /** `isPiped`: what is handed out waits behind others that were: only the first of them is at work. */
  constructor(core: Core<T>, of: Renewed<T>, isPiped: boolean) {
    this.#core = core
    this.#of = of
    this.#isPiped = isPiped
  }

  /** Something was leased, or done. */
  moved(): void {
    this.#movedAt = this.#core.clock.elapsed()
    if (this.#isDue) return
    this.#isDue = true
    this.#core.clock.after(this.#core.leaseTimeoutMs / 3, () => this.#renew())
  }

  #renew(): void {
    this.#isDue = false
    const { clock, leaseTimeoutMs } = this.#core
    const taken = this.#of.taken()
    if (taken.length === 0) return
    const unseen = taken.filter(({ state }) => state === 'ahead')
    const out = this.#isPiped ? taken.filter(({ state }) => state === 'out').slice(1) : []
    const isMoving = this.#of.isAsked() || clock.elapsed() - this.#movedAt < leaseTimeoutMs
    if (isMoving && unseen.length + out.length > 0) this.#of.extend([...out, ...unseen])
    if (!isMoving && unseen.length > 0) this.#of.giveBack(unseen)
    this.#isDue = true
    clock.after(leaseTimeoutMs / 3, () => this.#renew())
  }
}
