// settling.ts: what a session tells the store. Acknowledgements are gathered, carried by the next lease or written
// together; when a write fails they are gathered again, and the next one carries them.
//
// Only one call of a session is under way at a time (#tail), so that a lease never overtakes a giving back: that is
// what keeps a loop's order.

import { SettledError } from '../errors.ts'
import type { Piece, Settlement } from '../store.ts'
import type { Core } from './core.ts'
import type { Held } from './held.ts'
import { Ranges } from './ranges.ts'

const GATHER_ITEMS = 64

export class Settling<T> {
  readonly #core: Core<T>
  readonly #acks = new Ranges()
  #tail: Promise<unknown> = Promise.resolve()

  constructor(core: Core<T>) {
    this.#core = core
  }

  ack(id: number): void {
    if (this.#acks.count === GATHER_ITEMS) this.writeBehind([])
    this.#acks.add(id)
  }

  /** Leases up to `n` items; the acknowledgements go with them. */
  async lease(n: number): Promise<Piece[]> {
    const acks = this.#gathered()
    const pieces = await this.#inTurn(acks, () => this.#core.store.lease(n, acks))
    if (acks.length > 0) this.#core.freed()
    return pieces
  }

  /** Writes the acknowledgements and these. Nothing is written where there is nothing to say. */
  async write(settlements: readonly Settlement[]): Promise<void> {
    const all = [...this.#gathered(), ...settlements]
    if (all.length === 0) {
      await this.#tail
      return
    }
    await this.#inTurn(all, () => this.#core.store.settle(all, true))
    this.#core.changed()
  }

  /** As `write`, but nobody waits for it: a failure is told later. */
  writeBehind(settlements: readonly Settlement[]): void {
    this.write(settlements).catch((error) => this.#core.failLater(error))
  }

  #gathered(): Settlement[] {
    return this.#acks.count === 0 ? [] : [{ outcome: 'ack', ids: this.#acks.take() }]
  }

  #inTurn<R>(settlements: readonly Settlement[], call: () => Promise<R>): Promise<R> {
    const result = this.#tail.then(call)
    this.#tail = result.catch((error) => this.#gatherAgain(settlements, error))
    return result
  }

  /** What somebody else settled meanwhile is not ours to settle again. */
  #gatherAgain(settlements: readonly Settlement[], error: unknown): void {
    if (error instanceof SettledError) return
    for (const { outcome, ids } of settlements) {
      if (outcome === 'ack') for (const { from, to } of ids) this.#acks.add(from, to)
    }
  }
}

/** Items given back; they are settled from here on. */
export function giveBack<T>(held: readonly Held<T>[], counted: boolean): Settlement[] {
  if (held.length === 0) return []
  const ids = new Ranges()
  for (const one of held) {
    one.state = 'settled'
    ids.add(one.id)
  }
  return [{ outcome: 'back', ids: ids.take(), counted }]
}
