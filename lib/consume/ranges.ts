// ranges.ts: ids gathered as ranges, in the order they come; ids that follow each other share one.

import type { IdRange } from '../store.ts'

export class Ranges {
  #ranges: { from: number; to: number }[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  add(from: number, to = from): void {
    this.#count += to - from + 1
    const last = this.#ranges.at(-1)
    if (last !== undefined && last.to + 1 === from) last.to = to
    else this.#ranges.push({ from, to })
  }

  /** All of them; none are left. */
  take(): readonly IdRange[] {
    const ranges = this.#ranges
    this.#ranges = []
    this.#count = 0
    return ranges
  }
}
