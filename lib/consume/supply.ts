// supply.ts: where a session's items come from: leases of as many as suit it, decoded, and what becomes of those that are
// not to be handed out.
//
//      lease ──▶ ahead ──take──▶ handed out
//        │         └──the body has become slow, half of the lease is over──▶ back, uncounted
//        └──does not decode, attempts are spent──▶ set aside
//
// Whoever gets an item has half of its lease left.

import type { DocumentReader } from '../codec/index.ts'
import type { Piece } from '../store.ts'
import { giveBack, withinLimit } from './attempts.ts'
import type { Core } from './core.ts'
import { decodeMarked } from './decoding.ts'
import type { Held } from './held.ts'
import { decodeLot, rangesOf } from './lot.ts'
import { Lots } from './lots.ts'
import { Pace } from './pace.ts'
import type { Settling } from './settling.ts'

export class Supply<T> {
  /** Items to lease at once, where it is a number. */
  ahead: number

  readonly #core: Core<T>
  readonly #settling: Settling<T>
  readonly #limit: number
  readonly #reader: DocumentReader<T>
  readonly #pace: Pace | undefined
  readonly #lots = new Lots<T>()
  #taken = 0
  #takenAtLook = 0
  /** The last lease brought less than it asked for. */
  #cameShort = true
  /** When what is ahead has been held for half of its lease. */
  #staleAt = Infinity

  /** `limit`: attempts that an item gets. */
  constructor(core: Core<T>, settling: Settling<T>, { ahead, limit }: { ahead: 'auto' | number; limit: number }) {
    this.#core = core
    this.#settling = settling
    this.#limit = limit
    this.#reader = core.reader()
    this.#pace = ahead === 'auto' ? new Pace(core.clock) : undefined
    this.ahead = ahead === 'auto' ? 1 : ahead
  }

  /** How many are at hand. */
  get atHand(): number {
    return this.#lots.ahead
  }

  /** The next one that is at hand. */
  take(): Held<T> | undefined {
    if (this.#staleAt !== Infinity) this.#dropStale()
    const held = this.#lots.take()
    if (held !== undefined) this.#taken += 1
    return held
  }

  /** `signal`: ends the wait for a lock. Leases anew; resolves to what came of it: items to take, or only such as are not to be handed out, or nothing. */
  async lease(signal?: AbortSignal): Promise<'items' | 'refuse' | 'nothing'> {
    const count = this.#begin()
    return this.#came(await this.#settling.lease(count, signal), count)
  }

  /** As `lease`, at once: true where there are items. Else `lease` tells what there is. */
  leaseNow(): boolean {
    // Where less came than was asked for there is most likely nothing more: a look in vain is spared.
    if (!this.#cameShort) {
      const count = this.#begin()
      const pieces = this.#settling.leaseNow(count)
      if (pieces !== undefined) return this.#came(pieces, count) === 'items'
    }
    return false
  }

  /** How many to lease now. */
  #begin(): number {
    const { leaseTimeoutMs, clock } = this.#core
    if (leaseTimeoutMs !== Infinity) this.#staleAt = clock.elapsed() + leaseTimeoutMs / 2
    return this.#pace?.next(this.#lots.taken) ?? this.ahead
  }

  #came(pieces: readonly Piece[], asked: number): 'items' | 'refuse' | 'nothing' {
    this.#cameShort = pieces.reduce((sum, { count }) => sum + count, 0) < asked
    const { good, spent } = withinLimit(pieces, this.#limit)
    const { held, bad } =
      this.#limit === Infinity ? decodeLot(this.#reader, good) : decodeMarked(this.#core, this.#reader, good)
    this.#lots.replace(held)
    this.#pace?.leased()
    // One that is not to be handed out is set aside, and never blocks those behind it.
    if (bad.length > 0) spent.push({ outcome: 'fail', ids: rangesOf(bad), reason: 'codec' })
    if (spent.length > 0) this.#settling.setAsideBehind(spent)
    if (held.length > 0) return 'items'
    return pieces.length > 0 ? 'refuse' : 'nothing'
  }

  /** Looked at every so often: gives back what is held in vain, and writes the acknowledgements with that. */
  look(): void {
    const isStalled = this.#pace !== undefined && this.#taken === this.#takenAtLook
    this.#takenAtLook = this.#taken
    this.#settling.writeBehind(isStalled ? giveBack(this.#lots.takeAhead(), false) : [])
    this.#dropStale()
  }

  /** All that are held, or those that were only taken ahead. */
  unsettled(what: 'all' | 'ahead'): Held<T>[] {
    const held = this.#lots.unsettled()
    return what === 'all' ? held : held.filter(({ state }) => state === 'ahead')
  }

  /** Those that were taken, in their order. */
  handed(): Held<T>[] {
    return this.#lots.handed()
  }

  #dropStale(): void {
    if (this.#lots.ahead === 0 || this.#core.clock.elapsed() < this.#staleAt) return
    this.#settling.writeBehind(giveBack(this.#lots.takeAhead(), false))
  }
}
