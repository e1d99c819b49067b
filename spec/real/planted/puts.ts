// puts.ts: what a batch may hold, what it resolves to, and where its items stand in what is known of their ids.

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
  {
    name: 'the equal of an item that is ignored is dropped to make room',
    file: 'memory/room.js',
    from: 'if (item.key !== undefined && kept.has(item.key))',
    to: 'if (false)',
    layer: spec('memory/conformance'),
  },
  {
    name: 'an item goes to the back of a queue that has none',
    file: 'consume/delivery.js',
    from: `if (options.to === 'back' && this.#host.core.store.order === 'lifo') {`,
    to: 'if (false) {',
    layer: spec('memory/conformance'),
  },
  {
    name: 'what is not yet due is taken for due never',
    file: 'log/run-chunk.js',
    from: 'if (now < this.#asOf || now >= this.#until)',
    to: 'if (this.#until === -Infinity)',
    layer: spec('log/runs'),
  },
  {
    name: 'what was delayed is passed over for ever',
    file: 'log/runs.js',
    from: 'const isKnown = asOf <= now && now < until;',
    to: 'const isKnown = true;',
    layer: spec('log/runs'),
  },
  {
    name: 'a lease that ends is not looked for in a chunk of others',
    file: 'log/run-list.js',
    from: 'this.#earliest = Math.min(this.#earliest, chunk.earliest);',
    to: ';',
    layer: spec('log/runs'),
  },
]
