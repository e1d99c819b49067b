// acking.ts: deliveries that are acknowledged in one turn, as one settlement: a thousand acks cost one write, and one sync.
//
//      ack ─┐
//      ack ─┼─▶ group ──behind a microtask──▶ store.settle ──▶ each its own answer
//      ack ─┘
//
// The store settles all of a call or nothing. Where one of them is not held any more (SettledError), each is settled
// alone, so that it is told to that one and to no other.

import { SettledError } from '../errors.ts'
import type { HeldRange, Store } from '../store.ts'
import { heldRanges } from './attempts.ts'
import type { Held } from './held.ts'

type AnyHeld = Held<unknown>

/** What was acknowledged in one turn. */
interface Group {
  readonly all: AnyHeld[]
  /** Resolves when it is settled; rejects with what befell all of it. */
  readonly settled: Promise<void>
  /** What befell single ones. */
  errors: Map<AnyHeld, unknown> | undefined
}

export class Acking {
  readonly #store: Store
  #group: Group | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * Resolves when it is removed, with the store's durability, and `acked` was told. Rejected it is still out, but with a
   * SettledError.
   */
  ack<H extends AnyHeld>(held: H, acked: (held: H) => void): Promise<void> {
    this.#group ??= this.#begin()
    const group = this.#group
    held.state = 'settling'
    group.all.push(held)
    // One promise for each, and no layer above it: there may be thousands.
    return group.settled.then(() => {
      const error = group.errors?.get(held)
      if (error !== undefined) throw error
      acked(held)
    })
  }

  #begin(): Group {
    const all: AnyHeld[] = []
    const group: Group = { all, settled: Promise.resolve().then(() => this.#settle(group)), errors: undefined }
    return group
  }

  async #settle(group: Group): Promise<void> {
    const { all } = group
    this.#group = undefined
    try {
      await this.#write(all)
    } catch (error) {
      if (all.length === 1 || !(error instanceof SettledError)) throw error
      group.errors = await this.#oneByOne(all)
    }
  }

  /** What befell each. */
  async #oneByOne(all: readonly AnyHeld[]): Promise<Map<AnyHeld, unknown>> {
    const errors = new Map<AnyHeld, unknown>()
    for (const held of all) await this.#write([held]).catch((error: unknown) => errors.set(held, error))
    return errors
  }

  async #write(all: readonly AnyHeld[]): Promise<void> {
    try {
      await this.#store.settle([{ outcome: 'ack', ids: rangesOf(all) }])
      for (const held of all) held.state = 'settled'
    } catch (error) {
      for (const held of all) held.state = error instanceof SettledError ? 'settled' : 'out'
      throw error
    }
  }
}

/** By id, neighbours that were acknowledged in any order are one range. */
function rangesOf(all: readonly AnyHeld[]): readonly HeldRange[] {
  const whole = wholeRange(all)
  if (whole !== undefined) return [whole]
  return heldRanges(all.toSorted((one, other) => one.id - other.id)).take()
}

/** What most often is: all of a lease. Of one attempt an id is here once, so as many as from the lowest to the highest are all. */
function wholeRange(all: readonly AnyHeld[]): HeldRange | undefined {
  const { attempt } = all[0] ?? {}
  let [from, to] = [Infinity, 0]
  for (const held of all) {
    if (held.attempt !== attempt) return undefined
    if (held.id < from) from = held.id
    if (held.id > to) to = held.id
  }
  return to - from + 1 === all.length ? { from, to, attempt } : undefined
}
