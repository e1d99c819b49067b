// settling.ts: what a session tells the store. Acknowledgements are gathered, carried by the next lease or written
// together; when a write fails they are gathered again, and the next one carries them.
//
// Only one call of a session is under way at a time (#tail), so that a lease never overtakes a giving back: that is
// what keeps a loop's order.
//
// The store settles all of a call or nothing. Where a lease has ended meanwhile (SettledError), the others are settled
// one by one: what went back by itself may do so. That an acknowledgement came too late is no failure of the loop or stream:
// others have the item, and diagnostics_channel is told.

import { SettledError } from '../errors.ts'
import type { Piece, Settlement } from '../store.ts'
import { giveBack, heldRanges, setAside } from './attempts.ts'
import type { Core } from './core.ts'
import type { Held } from './held.ts'
import { Ranges } from './ranges.ts'

/** Items; or, where a lease that follows at once carries them, ranges, however many items they are. */
const GATHERED_MAX = 64

export class Settling<T> {
  readonly #core: Core<T>
  readonly #limit: number
  readonly #acks = new Ranges()
  #tail: Promise<unknown> = Promise.resolve()
  #underWay = 0

  /** `limit`: attempts that an item gets. */
  constructor(core: Core<T>, limit: number) {
    this.#core = core
    this.#limit = limit
  }

  ack(held: Held<T>, isCarried: boolean): void {
    const gathered = isCarried ? this.#acks.length : this.#acks.count
    if (gathered >= GATHERED_MAX) this.writeBehind([])
    this.#acks.add(held.range)
  }

  /** Leases up to `n` items; the acknowledgements go with them. `signal`: ends the wait for a lock. */
  async lease(n: number, signal?: AbortSignal): Promise<Piece[]> {
    const acks = this.#gathered()
    const pieces = await this.#inTurn(acks, () => this.#lease(n, acks, signal))
    if (acks.length > 0) this.#core.freed()
    return pieces
  }

  /** As `lease`, at once; undefined, and nothing has changed, where that cannot be. */
  leaseNow(n: number): Piece[] | undefined {
    const { store } = this.#core
    if (this.#underWay > 0 || store.leaseNow === undefined) return undefined
    const acks = this.#gathered()
    const pieces = store.leaseNow(n, acks, this.#core.hold(this.#limit))
    if (pieces === undefined) this.#gatherAgain(acks)
    else if (acks.length > 0) this.#core.freed()
    return pieces
  }

  /** Writes the acknowledgements and these. Nothing is written where there is nothing to say. */
  async write(settlements: readonly Settlement[]): Promise<void> {
    const all = [...this.#gathered(), ...settlements]
    if (all.length === 0) {
      await this.#tail
      return
    }
    await this.#inTurn(all, () => this.#settle(all))
    this.#core.changed()
  }

  /** As `write`, but nobody waits for it: a failure is told later. */
  writeBehind(settlements: readonly Settlement[]): void {
    this.write(settlements).catch((error) => this.#core.failLater(error))
  }

  /** What is not to be handed out; nobody waits for it, but the next lease comes after it. */
  setAsideBehind(settlements: readonly Settlement[]): void {
    this.#inTurn([], () => this.#core.setAsides.settle(settlements))
  }

  /** Where they can't be set aside they go back: whoever takes them next tries again. */
  async setAside(held: readonly Held<T>[]): Promise<void> {
    if (held.length === 0) return
    try {
      await this.write(setAside(held))
    } catch {
      await this.write(giveBack(held, true))
    }
  }

  /** Writes just this, with the store's durability, before any later lease. */
  async now(settlement: Settlement): Promise<void> {
    await this.#inTurn([], () => this.#core.store.settle([settlement]))
  }

  /** Their leases end later; what is not held any more is settled. Nobody waits for it. */
  extendBehind(held: readonly Held<T>[]): void {
    const all = held.filter(({ state }) => state !== 'settled')
    const extended = this.#inTurn([], () => this.#extend(all))
    extended.catch((error) => this.#core.failLater(error))
  }

  async #extend(held: readonly Held<T>[]): Promise<void> {
    const here = held.filter(({ state }) => state !== 'settled')
    if (here.length === 0) return
    try {
      await this.#core.store.extend(heldRanges(here).take(), this.#core.deadline(this.#core.leaseTimeoutMs))
    } catch (error) {
      if (!(error instanceof SettledError)) throw error
      if (here.length === 1) for (const one of here) one.state = 'settled'
      else for (const one of here) await this.#extend([one])
    }
  }

  async #lease(n: number, acks: readonly Settlement[], signal?: AbortSignal): Promise<Piece[]> {
    const { store } = this.#core
    try {
      return await store.lease(n, acks, { ...this.#core.hold(this.#limit), signal })
    } catch (error) {
      if (!(error instanceof SettledError)) throw error
      await this.#oneByOne(acks)
      return store.lease(n, [], this.#core.hold(this.#limit))
    }
  }

  async #settle(settlements: readonly Settlement[]): Promise<void> {
    try {
      await this.#core.store.settle(settlements, true)
    } catch (error) {
      if (!(error instanceof SettledError)) throw error
      await this.#oneByOne(settlements)
    }
  }

  async #oneByOne(settlements: readonly Settlement[]): Promise<void> {
    for (const one of settlements.flatMap(singles)) {
      try {
        await this.#core.store.settle([one], true)
      } catch (error) {
        if (!(error instanceof SettledError)) throw error
        if (one.outcome === 'ack') this.#core.publish(error)
      }
    }
  }

  #gathered(): Settlement[] {
    return this.#acks.count === 0 ? [] : [{ outcome: 'ack', ids: this.#acks.take() }]
  }

  #inTurn<R>(settlements: readonly Settlement[], call: () => Promise<R>): Promise<R> {
    this.#underWay += 1
    const result = this.#tail.then(call)
    this.#tail = result.then(
      () => {
        this.#underWay -= 1
      },
      (error) => {
        this.#underWay -= 1
        // What somebody else settled meanwhile is not ours to settle again.
        if (!(error instanceof SettledError)) this.#gatherAgain(settlements)
      },
    )
    return result
  }

  #gatherAgain(settlements: readonly Settlement[]): void {
    for (const { outcome, ids } of settlements) if (outcome === 'ack') for (const range of ids) this.#acks.add(range)
  }
}

/** The same for each id alone. */
function singles(settlement: Settlement): Settlement[] {
  return settlement.ids.flatMap(({ from, to, attempt }) => {
    return Array.from({ length: to - from + 1 }, (_, i) => ({
      ...settlement,
      ids: [{ from: from + i, to: from + i, attempt }],
    }))
  })
}
