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
  {
    name: 'SQLite: the WAL that a kill left is not looked through',
    file: 'sqlite/database.js',
    from: 'await database.look(options.isStrict ?? false);',
    to: `await database.call('page.driver', null);`,
    layer: spec('sqlite/wal-left'),
  },
  {
    name: 'SQLite: what an undone transaction left in the WAL is damage',
    file: 'sqlite/wal.js',
    from: 'const isDamage = this.#commits > 1 || isSmall;',
    to: 'const isDamage = this.#left > this.#end;',
    layer: spec('sqlite/wal-left'),
  },
  {
    name: 'SQLite: what a power cut left in the WAL is damage',
    file: 'sqlite/wal-ops.js',
    from: 'return isDamage && !this.#isNewBoot &&',
    to: 'return isDamage &&',
    layer: spec('sqlite/wal-left'),
  },
  {
    name: 'SQLite: what was damaged in the WAL is counted each time',
    file: 'sqlite/wal-ops.js',
    from: 'this.#record?.told !== key',
    to: 'true',
    layer: spec('sqlite/wal-left'),
  },
  {
    name: 'SQLite: what was counted in the WAL is not cut off',
    file: 'sqlite/wal-ops.js',
    from: 'fs.truncateSync(walOf(this.#connection), look.end);',
    to: ';',
    layer: spec('sqlite/wal-left'),
  },
  {
    name: 'SQLite: ids that are lost in the WAL are given again',
    file: 'sqlite/wal-ops.js',
    from: 'next_id = max(next_id, ?) WHERE id = ?',
    to: 'next_id = max(next_id, 0 * ?) WHERE id = ?',
    layer: spec('sqlite/wal-left'),
  },
  {
    name: 'SQLite: a queue that is lost whole in the WAL is forgotten',
    file: 'sqlite/schema.js',
    from: 'goOn(connection, id, name);',
    to: ';',
    layer: spec('sqlite/wal-left'),
  },
  {
    name: 'SQLite: who waits is told of his own look that found nothing',
    file: 'sqlite/calls.js',
    from: 'if (!isNothing(answer.value))',
    to: ';',
    layer: spec('sqlite/watching'),
  },
  {
    name: 'SQLite: who waits forgets what time may change',
    file: 'sqlite/watching.js',
    from: 'isRestless() || stillness.isBroken()',
    to: 'stillness.isBroken()',
    layer: spec('sqlite/watching'),
  },
  {
    name: 'a slow look is made where nothing can have changed',
    file: 'wait/changes.js',
    from: 'if (this.#stop?.mayHaveChanged?.() ?? true)',
    to: 'this.#stop?.mayHaveChanged?.();',
    layer: spec('wait/changes'),
  },
  {
    name: "SQLite: a call resolves without its sync with 'disk'",
    file: 'sqlite/calls.js',
    from: `    if (durability === 'disk')
        return 0;`,
    to: `    if (durability === 'disk')
        return Infinity;`,
    layer: spec('sqlite/durable'),
  },
]
