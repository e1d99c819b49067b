// leasing.ts: items by lease(): held by this handle until each is settled, or the handle closes.

import type { LeaseOptions } from '../call-options.ts'
import type { DocumentReader } from '../codec/index.ts'
import { UnsupportedError } from '../errors.ts'
import { INDEXED } from '../location.ts'
import type { Pick, Piece } from '../store.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { withinLimit } from './attempts.ts'
import type { Consumer, Core } from './core.ts'
import { Delivery, type Host } from './delivery.ts'
import type { Held } from './held.ts'
import { Leased } from './leased.ts'
import { decodeLot, rangesOf } from './lot.ts'
import { lotsOf } from './ranges.ts'
import { type MakeSettlement, settleHeld } from './settle-held.ts'
import { Settling } from './settling.ts'

/** Given back at once: a full database has room for so many, and not for any number. */
const LOT_ITEMS = 256

export class Leasing<T> implements Consumer {
  readonly #core: Core<T>
  readonly #reader: DocumentReader<T>
  readonly #leased: Leased
  readonly #settling: Settling<T>

  constructor(core: Core<T>) {
    this.#core = core
    this.#reader = core.reader()
    this.#leased = new Leased(core)
    this.#settling = new Settling(core, core.maxAttempts)
    core.consumers.add(this)
  }

  get inHand(): boolean {
    return this.#leased.count > 0
  }

  stop(): Promise<void> {
    return this.#leased.settled()
  }

  /** What is not settled goes back, uncharged. */
  async leave(): Promise<void> {
    for (const ids of lotsOf(this.#leased.take(), LOT_ITEMS)) {
      await this.#settling.write([{ outcome: 'back', ids, counted: false }])
    }
  }

  /** Up to `n` items, as many as are ready. Each delivery refers to the `holder`. */
  async lease(n: number, holder: object): Promise<Delivery<T>[]> {
    this.#core.check()
    const host = this.#host(holder)
    const deliveries: Delivery<T>[] = []
    // A store may need several steps for many.
    while (deliveries.length < n) {
      // What is in hand is charged, and all of it is.
      const pieces = await this.#step(n - deliveries.length)
      if (pieces.length === 0) break
      const { good, spent } = withinLimit(pieces, host.limit)
      const { held, bad } = decodeLot(this.#reader, good)
      if (bad.length > 0) spent.push({ outcome: 'fail', ids: rangesOf(bad), reason: 'codec' })
      for (const one of held) deliveries.push(this.#handOut(one, host))
      if (spent.length > 0) await this.#core.setAsides.settle(spent)
    }
    if (turnDue()) await turn()
    return deliveries
  }

  /** One item by its id. */
  async pick({ id, after = 0 }: LeaseOptions, holder: object): Promise<Delivery<T> | undefined> {
    const { store } = this.#core
    this.#core.check()
    if (!store.supports.leaseById) {
      throw new UnsupportedError(`lease by id needs an index, which this store has not: ${INDEXED} have one`)
    }
    const host = this.#host(holder)
    const pick = id === undefined ? { after } : { id }
    for (;;) {
      const pieces = await this.#step(1, pick)
      const { good, spent } = withinLimit(pieces, host.limit)
      const { held, bad } = decodeLot(this.#reader, good)
      if (bad.length > 0) spent.push({ outcome: 'fail', ids: rangesOf(bad), reason: 'codec' })
      if (spent.length > 0) await this.#core.setAsides.settle(spent)
      for (const one of held) return this.#handOut(one, host)
      // What was set aside is passed over, as by any other lease.
      if (pieces.length === 0 || id !== undefined) return undefined
    }
  }

  /** Where the queue was told to close meanwhile, what came goes back. */
  async #step(n: number, pick?: Pick): Promise<readonly Piece[]> {
    const { store } = this.#core
    const pieces = await store.lease(n, [], this.#core.hold(Infinity), pick)
    if (!this.#core.isStopping) return pieces
    if (pieces.length > 0) await store.settle([{ outcome: 'back', ids: rangesOf(pieces), counted: false }], true)
    throw this.#core.closedError()
  }

  #handOut(held: Held<T>, host: Host<T>): Delivery<T> {
    held.state = 'out'
    this.#leased.add(held)
    return new Delivery(held, host)
  }

  #host(holder: object): Host<T> & { readonly holder: object } {
    const core = this.#core
    return {
      core,
      limit: core.maxAttempts,
      settle: (held, make) => this.#settle(held, make),
      ack: (held) => core.acking.ack(held, this.#acked),
      extended: (held, ms) => this.#leased.extend(held, ms),
      holder,
    }
  }

  async #settle(held: readonly Held<T>[], make: MakeSettlement): Promise<void> {
    try {
      await settleHeld(held, make, (settlement) => this.#core.store.settle([settlement]))
    } finally {
      for (const one of held) if (one.state === 'settled') this.#leased.delete(one)
    }
    this.#core.changed()
  }

  readonly #acked = (held: Held<T>): void => {
    this.#leased.delete(held)
    this.#core.tally.taken += 1
    this.#core.freed()
  }
}
