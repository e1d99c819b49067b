// away.ts: the items of a memory queue that are in it and not ready: in somebody's hands, or not yet due.
//
//      #inFlight ──deadline──▶ due                  #delayed ──due──▶ due

import { SettledError } from '../errors.ts'
import type { HeldRange } from '../store.ts'
import { Deadlines } from './deadlines.ts'
import type { Delayed, InFlight, Item } from './item.ts'

export class Away {
  readonly #inFlight = new Map<number, InFlight>()
  readonly #delayed = new Map<number, Delayed>()
  readonly #dues = new Deadlines((id) => this.#delayed.get(id)?.due)
  readonly #ends = new Deadlines((id) => this.#inFlight.get(id)?.deadline)

  get counts(): { readonly delayed: number; readonly inFlight: number } {
    return { delayed: this.#delayed.size, inFlight: this.#inFlight.size }
  }

  /** Whether anything may become due, or be held for too long. */
  get isTimed(): boolean {
    return this.#dues.earliest !== Infinity || this.#ends.earliest !== Infinity
  }

  /** Milliseconds until the first of them is due or its lease ends. */
  dueIn(now: number, dueTime: number): number {
    return Math.min(this.#dues.earliest - dueTime, this.#ends.earliest - now)
  }

  get(id: number): Item | undefined {
    return this.#delayed.get(id)?.item ?? this.#inFlight.get(id)?.item
  }

  all(status: 'inFlight' | 'delayed'): Iterable<{ readonly item: Item }> {
    return status === 'inFlight' ? this.#inFlight.values() : this.#delayed.values()
  }

  /** What has become due by `dueTime`, or by `now` was held beyond its lease: it is here no more. */
  takeDue(now: number, dueTime: number): Item[] {
    const items: Item[] = []
    for (const id of this.#dues.take(dueTime)) {
      const delayed = this.#delayed.get(id)
      if (delayed && this.#delayed.delete(id)) items.push(delayed.item)
    }
    for (const id of this.#ends.take(now)) {
      const held = this.#inFlight.get(id)
      if (held && this.#inFlight.delete(id)) items.push(held.item)
    }
    return items
  }

  takeDelayed(): Item[] {
    const items = [...this.#delayed.values()].map(({ item }) => item)
    this.#delayed.clear()
    return items
  }

  delay(item: Item, due: number): void {
    this.#delayed.set(item.id, { item, due })
    this.#dues.add(item.id, due, this.#delayed.size)
  }

  hold(item: Item, owner: object, deadline: number): void {
    this.#inFlight.set(item.id, { item, owner, deadline })
    if (deadline > 0) this.#ends.add(item.id, deadline, this.#inFlight.size)
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
}
