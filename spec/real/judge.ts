// judge.ts: what must be in a queue after its processes or its machine died, from what its workers had told (worker.ts).
//
//      put 4 6 ──▶ under way ──kept 4 6──▶ safe ──gone 5──▶ gone
//                      │                     │
//                      └─ refused 4 6        └─ the first n of them may be gone while a `take n` is under way
//
// Under way or refused: whole, or not at all. Safe: there. Gone: never again. All of it in the order of the calls.

import assert from 'node:assert/strict'

export interface Item {
  readonly number: number
  readonly text: string
}

/** Mostly small, now and then larger than a page, so that writes cross sectors. */
export function itemOf(number: number): Item {
  return { number, text: String(number).repeat(number % 53 === 0 ? 900 : 1 + (number % 29)) }
}

interface Batch {
  readonly from: number
  readonly to: number
}

export class Judge {
  #safe = new Set<number>()
  readonly #gone = new Set<number>()
  #open: Batch[] = []
  #taking = 0
  /** What was asked for by takes that failed: it may be gone or not. */
  #failed = 0
  #next: number
  /** Calls that resolved. */
  resolved = 0

  constructor(first = 0) {
    this.#next = first
  }

  /** The number that the next item gets. */
  get next(): number {
    return this.#next
  }

  hear(line: string): void {
    const [word, ...rest] = line.split(' ')
    const [from = Number.NaN, to = Number.NaN] = rest.map(Number)
    if (word === 'put') this.#started({ from, to })
    else if (word === 'kept') this.#kept(from, to)
    else if (word === 'take') this.#taking = this.#failed + from
    else if (word === 'gone') this.#went(from)
    else if (word === 'taken') this.#took()
    else if (line.startsWith('failed take')) this.#failed = this.#taking
  }

  #started(batch: Batch): void {
    this.#open.push(batch)
    this.#next = Math.max(this.#next, batch.to + 1)
  }

  #kept(from: number, to: number): void {
    this.#open = this.#open.filter((batch) => batch.from !== from)
    for (let number = from; number <= to; number++) if (!this.#gone.has(number)) this.#safe.add(number)
    this.resolved++
  }

  #went(number: number): void {
    this.#gone.add(number)
    this.#safe.delete(number)
  }

  #took(): void {
    this.#taking = this.#failed
    this.resolved++
  }

  /** What is there now, in its order; from here on it is what must be there. */
  judge(found: readonly Item[]): void {
    const numbers = found.map(({ number }) => number)
    for (const item of found) assert.deepEqual(item, itemOf(item.number), 'a phantom')
    numbers.forEach((number, i) => {
      assert.ok(i === 0 || number > (numbers[i - 1] ?? 0), `${number} comes behind ${numbers[i - 1]}`)
      assert.ok(number < this.#next, `${number} was never put`)
      assert.ok(!this.#gone.has(number), `${number} was taken, and is there again`)
    })
    const there = new Set(numbers)
    const order = [...this.#safe].sort((one, other) => one - other)
    const mayBeGone = new Set(order.slice(0, this.#taking))
    const missing = order.filter((number) => !there.has(number) && !mayBeGone.has(number))
    assert.deepEqual(missing, [], 'what had resolved is missing')
    for (const batch of this.#open) this.#whole(batch, there)
    this.#goOnFrom(there)
  }

  /** A batch under way: all of it or nothing, but for what was being taken from its front. */
  #whole({ from, to }: Batch, there: ReadonlySet<number>): void {
    const here = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((number) => there.has(number))
    const first = here[0]
    if (first === undefined) return
    assert.equal(here.length, to - first + 1, `of the batch ${from} to ${to} only ${here} are there`)
    const taken = Array.from({ length: first - from }, (_, i) => from + i).filter((number) => !this.#gone.has(number))
    assert.ok(taken.length <= this.#taking, `of the batch ${from} to ${to} only ${here} are there`)
  }

  #goOnFrom(there: Set<number>): void {
    const left = [...this.#safe, ...this.#open.flatMap(({ from, to }) => rangeOf(from, to))]
    for (const number of left) if (!there.has(number)) this.#gone.add(number)
    this.#safe = there
    this.#open = []
    this.#taking = 0
    this.#failed = 0
  }
}

function rangeOf(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
