// ready.ts: the ready items of a memory queue in its order: by priority, the lowest first, and within one priority by
// age, the oldest first, or in a 'lifo' queue the newest. Where the order is not 'priority', all have the same.

import type { Order } from '../store.ts'
import { Sorted } from './sorted.ts'

interface Item {
  readonly id: number
  readonly priority: number
}

export class Ready<I extends Item> {
  readonly #isLifo: boolean
  readonly #byPriority = new Map<number, Sorted<I>>()
  /** In order; each of them has items. */
  #priorities: number[] = []
  #length = 0

  constructor(order: Order) {
    this.#isLifo = order === 'lifo'
  }

  get length(): number {
    return this.#length
  }

  add(item: I): void {
    const { priority } = item
    let items = this.#byPriority.get(priority)
    if (items === undefined) {
      items = new Sorted<I>()
      this.#byPriority.set(priority, items)
      const place = this.#priorities.findLastIndex((other) => other < priority)
      this.#priorities.splice(place + 1, 0, priority)
    }
    items.add(item)
    this.#length += 1
  }

  /** The first `n`, which stay. */
  peek(n: number): I[] {
    const found: I[] = []
    for (const priority of this.#priorities) {
      const missing = n - found.length
      if (missing === 0) break
      const items = this.#of(priority)
      const all = this.#isLifo ? items.slice(Math.max(0, items.length - missing), missing) : items.slice(0, missing)
      for (const item of this.#isLifo ? all.reverse() : all) found.push(item)
    }
    return found
  }

  take(n: number): I[] {
    const taken = this.peek(n)
    let missing = taken.length
    for (const priority of [...this.#priorities]) {
      if (missing === 0) break
      const items = this.#of(priority)
      const count = Math.min(missing, items.length)
      if (this.#isLifo) items.dropLast(count)
      else items.drop(count)
      this.#dropped(priority, items, count)
      missing -= count
    }
    return taken
  }

  get(id: number): I | undefined {
    for (const items of this.#byPriority.values()) {
      const item = items.get(id)
      if (item !== undefined) return item
    }
    return undefined
  }

  remove({ id, priority }: I): void {
    const items = this.#of(priority)
    items.remove(id)
    this.#dropped(priority, items, 1)
  }

  /** The next one by age behind that id, in the direction of the queue, from the other end on after the last. */
  after(id: number): I | undefined {
    let next: I | undefined
    let first: I | undefined
    for (const items of this.#byPriority.values()) {
      const index = this.#isLifo ? items.before(id) - 1 : items.before(id + 1)
      next = this.#earlier(next, items.at(index))
      first = this.#earlier(first, items.at(this.#isLifo ? items.length - 1 : 0))
    }
    return next ?? first
  }

  /** Up to `limit` with ids above `after`, by id. */
  list(after: number, limit: number): I[] {
    const all = [...this.#byPriority.values()].map((items) => items.slice(items.before(after + 1), limit))
    const [only = []] = all
    return all.length === 1
      ? only
      : all
          .flat()
          .sort((one, other) => one.id - other.id)
          .slice(0, limit)
  }

  #earlier(one: I | undefined, other: I | undefined): I | undefined {
    if (one === undefined || other === undefined) return one ?? other
    return one.id < other.id !== this.#isLifo ? one : other
  }

  #of(priority: number): Sorted<I> {
    return this.#byPriority.get(priority) ?? new Sorted()
  }

  #dropped(priority: number, items: Sorted<I>, count: number): void {
    this.#length -= count
    if (items.length > 0) return
    this.#byPriority.delete(priority)
    this.#priorities = this.#priorities.filter((other) => other !== priority)
  }
}
