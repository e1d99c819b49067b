// leasing.ts: items by lease(): held by this handle until each is settled, or the handle closes.

import type { LeaseOptions } from '../call-options.ts'
import type { DocumentReader } from '../codec/index.ts'
import { UnsupportedError } from '../errors.ts'
import { INDEXED } from '../location.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { withinLimit } from './attempts.ts'
import type { Core } from './core.ts'
import { Delivery, type Host } from './delivery.ts'
import type { Held } from './held.ts'
import { decodeLot, rangesOf } from './lot.ts'
import { type MakeSettlement, settleHeld } from './settle-held.ts'

export class Leasing<T> {
  readonly #core: Core<T>
  readonly #reader: DocumentReader<T>

  constructor(core: Core<T>) {
    this.#core = core
    this.#reader = core.reader()
  }

  /** Up to `n` items, as many as are ready. Each delivery refers to the `holder`. */
  async lease(n: number, holder: object): Promise<Delivery<T>[]> {
    const { store } = this.#core
    this.#core.check()
    const host = this.#host(holder)
    const deliveries: Delivery<T>[] = []
    // A store may need several steps for many.
    while (deliveries.length < n) {
      // What is in hand is charged, and all of it is.
      const pieces = await store.lease(n - deliveries.length, [], this.#core.hold(Infinity))
      if (pieces.length === 0) break
      const { good, spent } = withinLimit(pieces, host.limit)
      const { held, bad } = decodeLot(this.#reader, good)
      if (bad.length > 0) spent.push({ outcome: 'fail', ids: rangesOf(bad), reason: 'codec' })
      for (const one of held) deliveries.push(handOut(one, host))
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
      const pieces = await store.lease(1, [], this.#core.hold(Infinity), pick)
      const { good, spent } = withinLimit(pieces, host.limit)
      const { held, bad } = decodeLot(this.#reader, good)
      if (bad.length > 0) spent.push({ outcome: 'fail', ids: rangesOf(bad), reason: 'codec' })
      if (spent.length > 0) await this.#core.setAsides.settle(spent)
      for (const one of held) return handOut(one, host)
      // What was set aside is passed over, as by any other lease.
      if (pieces.length === 0 || id !== undefined) return undefined
    }
  }

  #host(holder: object): Host<T> & { readonly holder: object } {
    const core = this.#core
    return {
      core,
      limit: core.maxAttempts,
      settle: (held, make) => this.#settle(held, make),
      ack: (held) => core.acking.ack(held, this.#acked),
      holder,
    }
  }

  async #settle(held: readonly Held<T>[], make: MakeSettlement): Promise<void> {
    await settleHeld(held, make, (settlement) => this.#core.store.settle([settlement]))
    this.#core.changed()
  }

  readonly #acked = (): void => {
    this.#core.tally.taken += 1
    this.#core.freed()
  }
}

function handOut<T>(held: Held<T>, host: Host<T>): Delivery<T> {
  held.state = 'out'
  return new Delivery(held, host)
}
