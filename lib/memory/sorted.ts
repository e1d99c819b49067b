// sorted.ts: items by id. Nearly all come at the end and go at one of the ends, so what was taken from the start stays
// in the array until half of it was, and what comes or goes in the middle moves the shorter side.

interface Entry {
  readonly id: number
}

export class Sorted<E extends Entry> {
  #entries: E[] = []
  #head = 0

  get length(): number {
    return this.#entries.length - this.#head
  }

  at(index: number): E | undefined {
    return index < 0 ? undefined : this.#entries[this.#head + index]
  }

  /** How many come before this id. */
  before(id: number): number {
    let from = this.#head
    let to = this.#entries.length
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#entries[middle]?.id ?? Infinity) < id) from = middle + 1
      else to = middle
    }
    return from - this.#head
  }

  get(id: number): E | undefined {
    const entry = this.at(this.before(id))
    return entry?.id === id ? entry : undefined
  }

  add(entry: E): void {
    const index = this.before(entry.id)
    if (index < this.length - index && this.#head > 0) {
      this.#entries.copyWithin(this.#head - 1, this.#head, this.#head + index)
      this.#head -= 1
      this.#entries[this.#head + index] = entry
    } else if (index === this.length) this.#entries.push(entry)
    else this.#entries.splice(this.#head + index, 0, entry)
  }

  remove(id: number): void {
    const index = this.before(id)
    if (this.at(index)?.id !== id) return
    if (index >= this.length - index) {
      this.#entries.splice(this.#head + index, 1)
      return
    }
    this.#entries.copyWithin(this.#head + 1, this.#head, this.#head + index)
    this.drop(1)
  }

  /** Up to `count` from `index` on. */
  slice(index: number, count: number): E[] {
    return this.#entries.slice(this.#head + index, this.#head + Math.min(index + count, this.length))
  }

  /** Removes so many from the start. */
  drop(count: number): void {
    this.#head += Math.min(count, this.length)
    if (this.#head * 2 <= this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  /** Removes so many from the end. */
  dropLast(count: number): void {
    this.#entries.length -= Math.min(count, this.length)
  }
}
