// deadlines.ts: which of many items comes first in time: a binary heap of times and ids. What is no longer meant stays in
// it until its time has come, or until half of the heap is no longer meant.

interface Deadline {
  readonly id: number
  readonly time: number
}

const FEW = 64

export class Deadlines {
  #heap: Deadline[] = []
  /** The time that is meant for an id now. */
  readonly #timeOf: (id: number) => number | undefined

  constructor(timeOf: (id: number) => number | undefined) {
    this.#timeOf = timeOf
  }

  /** No time that is meant is earlier. */
  get earliest(): number {
    return this.#heap[0]?.time ?? Infinity
  }

  /** `meant`: how many ids have a time. */
  add(id: number, time: number, meant: number): void {
    this.#heap.push({ id, time })
    this.#rise(this.#heap.length - 1)
    if (this.#heap.length > 2 * meant + FEW) this.#tidy()
  }

  /** The ids whose time has come, and which are in here no more. */
  take(now: number): ReadonlySet<number> {
    const ids = new Set<number>()
    for (let first = this.#heap[0]; first && first.time <= now; first = this.#heap[0]) {
      this.#removeFirst()
      if (this.#timeOf(first.id) === first.time) ids.add(first.id)
    }
    return ids
  }

  #tidy(): void {
    const meant = this.#heap.filter(({ id, time }) => this.#timeOf(id) === time)
    // What is sorted is a heap.
    this.#heap = meant.sort((one, other) => one.time - other.time)
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (!last || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(from: number): void {
    for (let at = from; at > 0; at = parentOf(at)) if (!this.#exchange(parentOf(at), at)) return
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const child = this.#earlierChild(at)
      if (!this.#exchange(at, child)) return
      at = child
    }
  }

  #earlierChild(at: number): number {
    const left = 2 * at + 1
    const [one, other] = [this.#heap[left], this.#heap[left + 1]]
    return one && other && other.time < one.time ? left + 1 : left
  }

  /** Puts a parent and its child in order; false where they are. */
  #exchange(parent: number, child: number): boolean {
    const [upper, lower] = [this.#heap[parent], this.#heap[child]]
    if (!upper || !lower || upper.time <= lower.time) return false
    this.#heap[parent] = lower
    this.#heap[child] = upper
    return true
  }
}

function parentOf(at: number): number {
  return (at - 1) >> 1
}
