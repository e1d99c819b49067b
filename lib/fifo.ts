// fifo.ts: an array that is taken from at its front. What was dropped stays in it until half of it was dropped, so
// that each item is moved at most once on average.

export class Fifo<E> {
  #entries: E[] = []
  #head = 0

  get length(): number {
    return this.#entries.length - this.#head
  }

  push(entry: E): void {
    this.#entries.push(entry)
  }

  at(index: number): E | undefined {
    return this.#entries[this.#head + index]
  }

  drop(count: number): void {
    this.#head += Math.min(count, this.length)
    if (this.#head * 2 <= this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}
