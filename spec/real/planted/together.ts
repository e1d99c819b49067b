// together.ts: what calls that are under way together, and handles that learn late, owe each other.

import { type Bug, spec } from './bug.ts'

export const together: readonly Bug[] = [
  {
    name: 'a take does not look for what others put',
    file: 'log/taker.js',
    from: '        log.refresh();\n',
    to: '',
    layer: spec('log/races'),
  },
  {
    name: 'closing gives nothing back',
    file: 'log/log-store.js',
    from: 'await this.#cursor.step(() => ({ records: [left], result: undefined }));',
    to: ';',
    layer: spec('log/races'),
  },
  {
    name: 'what others wrote is looked for only where one wrote oneself',
    file: 'log/journal.js',
    from: 'if (this.#lock !== undefined && this.#lock.epoch === this.#epoch)',
    to: 'if (true)',
    layer: spec('log/races'),
  },
  {
    name: 'an empty segment is still known when a large batch has its name',
    file: 'log/segment-list.js',
    from: '(name === last || present.end > DATA_START)',
    to: 'true',
    layer: spec('log/side-by-side'),
  },
  {
    name: 'a segment that others removed before it was opened is still looked for',
    file: 'log/log.js',
    from: '!this.openIfThere(tail)',
    to: '!this.open(tail)',
    layer: spec('log/side-by-side'),
  },
  {
    name: 'a segment that others removed still has to be synced',
    file: 'log/synced-log.js',
    from: `if (await this.#wasFlushed(segment))\n                return;`,
    to: ';',
    layer: spec('log/side-by-side'),
  },
  {
    name: 'peek ends at damage',
    file: 'log/looker.js',
    from: 'this.#parts.judge.refuses && pieces.length > 0',
    to: 'pieces.length > 0',
    layer: spec('log/gaps'),
  },
  {
    name: 'an empty segment that a large batch replaced is taken for removed',
    file: 'log/segment-file.js',
    from: 'if (end > DATA_START)\n            assertLinked(file);',
    to: 'assertLinked(file);',
    layer: spec('log/side-by-side'),
  },
  {
    name: 'a large batch and a rewrite get one name',
    file: 'log/log.js',
    from: 'this.#asides += 1;',
    to: 'this.#asides = 1;',
    layer: spec('log/side-by-side'),
  },
  {
    name: 'closing does not wait for the sync of an interval',
    file: 'log/interval-sync.js',
    from: 'await this.#running;',
    to: ';',
    layer: spec('log/side-by-side'),
  },
  {
    name: 'a popped item that can not be set aside is gone',
    file: 'log/settler.js',
    from: 'await this.#holdAgain(',
    to: 'void (',
    layer: spec('log/side-by-side'),
  },
]
