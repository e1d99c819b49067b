// away.ts: the items of a memory queue that are in it and not ready: in somebody's hands, or not yet due.
//
//      #inFlight ──deadline──▶ due                  #delayed ──due──▶ due

import { SettledError } from '../errors.ts'
import type { HeldRange } from '../store.ts'
import type { Delayed, InFlight, Item } from './item.ts'

export class Away {
  readonly #inFlight = new Map<number, InFlight>()
  readonly #delayed = new Map<number, Delayed>()
  /** Nothing is due, and no lease over, before. */
  #nextDue = Infinity

  get counts(): { readonly delayed: number; readonly inFlight: number } {
    return { delayed: this.#delayed.size, inFlight: this.#inFlight.size }
  }

  get(id: number): Item | undefined {
    return this.#delayed.get(id)?.item ?? this.#inFlight.get(id)?.item
  }

  all(status: 'inFlight' | 'delayed'): Iterable<{ readonly item: Item }> {
    return status === 'inFlight' ? this.#inFlight.values() : this.#delayed.values()
  }

  /** What has become due, or was held beyond its lease: it is here no more. */
  takeDue(now: number): Item[] {
    if (now < this.#nextDue) return []
    this.#nextDue = Infinity
    const timed = [...this.#inFlight.values()].filter(({ deadline }) => deadline > 0)
    const waiting = [...this.#delayed.values(), ...timed.map(({ item, deadline: due }) => ({ item, due }))]
    for (const { due } of waiting) if (due > now) this.#willBeDue(due)
    const items = waiting.filter(({ due }) => due <= now).map(({ item }) => item)
    for (const { id } of items) if (!this.release(id)) this.#delayed.delete(id)
    return items
  }

  takeDelayed(): Item[] {
    const items = [...this.#delayed.values()].map(({ item }) => item)
    this.#delayed.clear()
    return items
  }

  delay(item: Item, due: number): void {
    this.#delayed.set(item.id, { item, due })
    this.#willBeDue(due)
  }

  hold(item: Item, owner: object, deadline: number): void {
    this.#inFlight.set(item.id, { item, owner, deadline })
    if (deadline > 0) this.#willBeDue(deadline)
  }

  /** Nobody holds it any more; whether somebody did. */
  release(id: number): boolean {
    return this.#inFlight.delete(id)
  }

  /** All of them, or SettledError where one is not held by that owner. */
  heldBy(owner: object, ids: readonly HeldRange[]): Item[] {
    const items: Item[] = []
    for (const { from, to, attempt } of ids) {
      for (let id = from; id <= to; id += 1) {
        const held = this.#inFlight.get(id)
        const isOther = attempt !== undefined && attempt !== held?.item.deliveries
        if (held?.owner !== owner || isOther)
          throw new SettledError(`item ${id} is not in flight here: it was settled already`)
        items.push(held.item)
      }
    }
    return items
  }

  allHeldBy(owner: object): Item[] {
    return [...this.#inFlight.values()].filter((held) => held.owner === owner).map(({ item }) => item)
  }

  #willBeDue(due: number): void {
    this.#nextDue = Math.min(this.#nextDue, due)
  }
}
