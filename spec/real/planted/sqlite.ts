// sqlite.ts: queues in SQLite.

import { type Bug, spec } from './bug.ts'

export const sqlite: readonly Bug[] = [
  {
    name: 'SQLite: what pop sets aside loses its priority',
    file: 'sqlite/settle-ops.js',
    from: 'enqueued, priority, key, reason, payload ?? null',
    to: 'enqueued, null, key, reason, payload ?? null',
    layer: spec('sqlite/aside'),
  },
  {
    name: 'SQLite: what pop sets aside loses its key',
    file: 'sqlite/settle-ops.js',
    from: 'enqueued, priority, key, reason, payload ?? null',
    to: 'enqueued, priority, null, reason, payload ?? null',
    layer: spec('sqlite/aside'),
  },
  {
    name: 'SQLite: a priority of NULL is made ready',
    file: 'sqlite/settle.js',
    from: `scene.order === 'priority' ? WITH_PRIORITY : ITEM`,
    to: 'ITEM',
    layer: spec('sqlite/aside'),
  },
  {
    name: 'SQLite: the front of a priority queue is cut off by a comparison of rows',
    file: 'sqlite/take-ops.js',
    from: `        return ['id <= ?', last];`,
    to: `        return ['id <= ?', last];
    return ['(priority, id) <= (?, ?)', scene.number('SELECT priority FROM $ready WHERE id = ?', last), last];`,
    layer: spec('sqlite/plans'),
  },
]
