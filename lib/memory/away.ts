// away.ts: the items of a memory queue that are in it and not ready: in somebody's hands, or not yet due.
//
//      #inFlight ──deadline──▶ due                  #delayed ──due──▶ due

import { SettledError } from '../errors.ts'
import type { HeldRange } from '../store.ts'
import type { Delayed, InFlight, Item } from './item.ts'

export class Away {
  readonly #inFlight = new Map<number, InFlight>()
  readonly #delayed = new Map<number, Delayed>()
  /** Nothing is due before, */
  #nextDue = Infinity
  /** and no lease over. */
  #nextEnd = Infinity

  get counts(): { readonly delayed: number; readonly inFlight: number } {
    return { delayed: this.#delayed.size, inFlight: this.#inFlight.size }
  }

  /** Whether anything may become due, or be held for too long. */
  get isTimed(): boolean {
    return this.#nextDue !== Infinity || this.#nextEnd !== Infinity
  }

  get(id: number): Item | undefined {
    return this.#delayed.get(id)?.item ?? this.#inFlight.get(id)?.item
  }

  all(status: 'inFlight' | 'delayed'): Iterable<{ readonly item: Item }> {
    return status === 'inFlight' ? this.#inFlight.values() : this.#delayed.values()
  }

  /** What has become due by `dueTime`, or by `now` was held beyond its lease: it is here no more. */
  takeDue(now: number, dueTime: number): Item[] {
    if (now < this.#nextEnd && dueTime < this.#nextDue) return []
    this.#nextDue = Infinity
    this.#nextEnd = Infinity
    const items: Item[] = []
    for (const { item, due } of this.#delayed.values()) {
      if (due <= dueTime) items.push(item)
      else this.#willBeDue(due)
    }
    for (const { item, deadline } of this.#inFlight.values()) {
      if (deadline > 0 && deadline <= now) items.push(item)
      else this.#willEnd(deadline)
    }
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
    this.#willEnd(deadline)
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

  #willEnd(deadline: number): void {
    if (deadline > 0) this.#nextEnd = Math.min(this.#nextEnd, deadline)
  }
}
