// puts.ts: what a batch may hold, and what it resolves to.

import { type Bug, spec } from './bug.ts'

export const puts: readonly Bug[] = [
  {
    name: 'a batch that can never fit is asked for all of its items',
    file: 'consume/batch-bound.js',
    from: 'if (this.#items > this.#maxSize) {',
    to: 'if (this.#items > 100 * this.#maxSize) {',
    layer: spec('memory/conformance'),
  },
  {
    name: 'of a batch of a unique queue the ids alone come back',
    file: 'consume/putting.js',
    from: 'return [...(await this.#unique(documents, keys, options))];',
    to: 'return [...(await this.#unique(documents, keys, options))].filter((id) => id !== undefined);',
    layer: spec('memory/conformance'),
  },
]
