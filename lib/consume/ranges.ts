// ranges.ts: ids gathered as ranges, in the order they come; ids of one attempt that follow each other share one.

import type { HeldRange } from '../store.ts'

type Growing = { -readonly [K in keyof HeldRange]: HeldRange[K] }

export class Ranges {
  #ranges: Growing[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** How many ranges they are. */
  get length(): number {
    return this.#ranges.length
  }

  add({ from, to, attempt }: HeldRange): void {
    this.#count += to - from + 1
    const last = this.#ranges.at(-1)
    if (last !== undefined && last.to + 1 === from && last.attempt === attempt) last.to = to
    else this.#ranges.push({ from, to, attempt })
  }

  /** All of them; none are left. */
  take(): readonly HeldRange[] {
    const ranges = this.#ranges
    this.#ranges = []
    this.#count = 0
    return ranges
  }
}

/** The same ids in lots of at most so many. */
export function lotsOf(ranges: readonly HeldRange[], most: number): (readonly HeldRange[])[] {
  const lots: (readonly HeldRange[])[] = []
  const lot = new Ranges()
  for (const { from, to, attempt } of ranges) {
    for (let at = from; at <= to; ) {
      const last = Math.min(to, at + most - lot.count - 1)
      lot.add({ from: at, to: last, attempt })
      at = last + 1
      if (lot.count === most) lots.push(lot.take())
    }
  }
  if (lot.count > 0) lots.push(lot.take())
  return lots
}
