// in-hand.ts: what a consumer has in hand, marked in the store where attempts are limited: if the process dies, that
// is charged an attempt, and what had only been taken ahead is not. A mark is one range of ids in a slot of its own;
// a batch in pieces takes several. A mark is written before its items are handed out.

import type { IdRange } from '../store.ts'
import type { Core } from './core.ts'
import type { Held } from './held.ts'
import { Ranges } from './ranges.ts'

/** Numbers of a handle's slots, the lowest free one first. */
export class Slots {
  readonly #taken = new Set<number>()

  take(): number {
    let slot = 0
    while (this.#taken.has(slot)) slot += 1
    this.#taken.add(slot)
    return slot
  }

  release(slot: number): void {
    this.#taken.delete(slot)
  }
}

export class InHand<T> {
  readonly #core: Core<T>
  readonly #held = new Set<Held<T>>()
  /** What each slot says now. */
  readonly #marks: { readonly slot: number; ids: IdRange | undefined }[] = []

  constructor(core: Core<T>) {
    this.#core = core
  }

  /** Handed out from here on, together. */
  add(held: readonly Held<T>[]): void {
    for (const one of held) this.#held.add(one)
    this.write()
  }

  /** Done with, or given back; the mark goes with the next write. */
  delete(held: Held<T>): void {
    this.#held.delete(held)
  }

  clear(): void {
    this.#held.clear()
    this.write()
    for (const { slot } of this.#marks.splice(0)) this.#core.slots.release(slot)
  }

  /** No more will be added. */
  rest(): void {
    if (this.#held.size === 0) this.clear()
    else this.write()
  }

  write(): void {
    const ranges = this.#ranges()
    while (this.#marks.length < ranges.length) this.#marks.push({ slot: this.#core.slots.take(), ids: undefined })
    this.#marks.forEach((mark, i) => {
      const ids = ranges[i]
      if (ids?.from === mark.ids?.from && ids?.to === mark.ids?.to) return
      mark.ids = ids
      this.#mark(mark.slot, ids)
    })
  }

  #ranges(): readonly IdRange[] {
    const ids = [...this.#held].map(({ id }) => id)
    if (ids.length > 1) ids.sort((one, other) => one - other)
    const ranges = new Ranges()
    for (const id of ids) ranges.add({ from: id, to: id })
    return ranges.take()
  }

  /** Without its mark an item is still delivered; only a crash of its body would not be counted. */
  #mark(slot: number, ids: IdRange | undefined): void {
    try {
      this.#core.store.mark(slot, ids)
    } catch (error) {
      this.#core.publish(error)
    }
  }
}
