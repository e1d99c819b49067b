// written.ts: what a kill showed of what was written, though nobody had been told yet.

import type { Found } from './oracle.ts'
import { type Mark, Promised } from './promises.ts'

/**
 * What kills further on in the same log may not undo: what was found written once stays, and what was found settled
 * once stays away, though nobody was told yet. One for all kills of a log, in their order.
 */
export class Written {
  readonly #puts = new Map<number, number>()
  readonly #gone = new Set<number>()

  /** The history with what is known to be written taken as told. */
  marks(marks: readonly Mark[]): Mark[] {
    const { puts } = new Promised(marks, true)
    const known = [...this.#puts].filter(([call]) => puts.get(call)?.state === 'started')
    const told = known.map(([call, firstId]) => ({ what: 'put done', call, firstId }) as const)
    const gone = { what: 'take done', call: Number.NaN, ids: [...this.#gone] } as const
    return [...marks, ...told, gone]
  }

  learn(found: readonly Found[], promised: Promised): void {
    const ids = new Map(found.map(({ id, item }) => [item, id]))
    for (const [call, { state, items, firstId }] of promised.puts) {
      if (state === 'started' && items.every((item) => ids.has(item)))
        this.#puts.set(call, ids.get(items[0] ?? '') ?? 0)
      if (state !== 'done') continue
      items.forEach((item, i) => {
        if (!ids.has(item)) this.#gone.add(firstId + i)
      })
    }
  }
}
