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
