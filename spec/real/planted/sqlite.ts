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
  {
    name: 'SQLite: the permission model is not asked',
    file: 'sqlite/database.js',
    from: 'assertPermitted(isMemory ? undefined : key);',
    to: ';',
    layer: spec('sqlite/refusals'),
  },
  {
    name: 'SQLite: what SQLite refuses is no QueueError',
    file: 'sqlite/failure.js',
    from: 'return new classes[kind](message, { cause });',
    to: 'return new Error(message, { cause });',
    layer: spec('sqlite/refusals'),
  },
  {
    name: 'SQLite: a file of UTF-16 is taken for ours',
    file: 'sqlite/connection.js',
    from: `if (encoding !== 'UTF-8')`,
    to: 'if (encoding === undefined)',
    layer: spec('sqlite/refusals'),
  },
  {
    name: 'SQLite: a reason is read as text, and ends at a NUL',
    file: 'sqlite/queue-ops.js',
    from: 'textOf(row[4])',
    to: `textOf(row[4]).split('\\0')[0]`,
    layer: spec('sqlite/refusals'),
  },
  {
    name: 'SQLite: marks that cannot be read reject who buries their owner',
    file: 'sqlite/marks.js',
    from: `if (codeOf(error) === '')`,
    to: `if (codeOf(error) !== 'ENOENT')`,
    layer: spec('sqlite/refusals'),
  },
]
