// mysql.ts: queues in MySQL.

import { type Bug, spec } from './bug.ts'

export const mysql: readonly Bug[] = [
  {
    name: 'MySQL: a take that came to nothing wakes who waits',
    file: 'mysql/taker.js',
    from: 'if (isChange)',
    to: 'if (true)',
    layer: spec('mysql/older'),
  },
  {
    name: 'MySQL: what a lease got is let go with the nack that gave it',
    file: 'mysql/taker.js',
    from: `            this.#letGo(one);`,
    to: `            setImmediate(() => this.#letGo(one));`,
    layer: spec('mysql/pairs'),
  },
  {
    name: 'MySQL: a list of ids is as long as it comes',
    file: 'mysql/statements.js',
    from: 'if (characters + more > LIST_CHARACTERS)',
    to: 'if (lists.length === 0)',
    layer: spec('mysql/servers'),
  },
  {
    name: 'MySQL: what is sent at once may be longer than a packet',
    file: 'mysql/trips.js',
    from: 'if (characters <= Math.min(most, TRIP_CHARACTERS))',
    to: 'if (true)',
    layer: spec('mysql/servers'),
  },
  {
    name: 'MySQL: the length of a reason is not looked at',
    file: 'mysql/mysql-store.js',
    from: `if (one.outcome === 'fail')`,
    to: 'if (false)',
    layer: spec('mysql/servers'),
  },
  {
    name: 'MySQL: the format of the binary log is not looked at',
    file: 'mysql/settings.js',
    from: `if (binlogFormat === 'STATEMENT')`,
    to: 'if (false)',
    layer: spec('mysql/servers'),
  },
  {
    name: 'MySQL: transactions are as the server says, read-only too',
    file: 'mysql/driver.js',
    from: 'READ COMMITTED, READ WRITE',
    to: 'READ COMMITTED',
    layer: spec('mysql/servers'),
  },
  {
    name: 'MySQL: what a handle holds is looked for among all that is held',
    file: 'mysql/reclaim.js',
    from: `WHERE queue = \${queue} AND \${held} LIMIT \${2 ** 53}`,
    to: `WHERE queue = \${queue} AND status IN (\${IN_FLIGHT}, \${TIMED}) LIMIT \${2 ** 53}`,
    layer: spec('mysql/flat'),
  },
  {
    name: 'MySQL: what is delayed is looked for among all that is there',
    file: 'mysql/looker.js',
    from: `FORCE INDEX (spoolq_front)\n      WHERE queue = \${this.#queue} AND \${isOne}`,
    to: `FORCE INDEX (PRIMARY) WHERE queue = \${this.#queue} AND \${isOne}`,
    layer: spec('mysql/flat'),
  },
  {
    name: 'MySQL: the sums of a closed handle stay',
    file: 'mysql/reclaim.js',
    from: '[...numbersOf(old), owner]',
    to: 'numbersOf(old)',
    layer: spec('mysql/older'),
  },
  {
    name: 'MySQL: what pop sets aside loses its key',
    file: 'mysql/rows.js',
    from: 'key: row?.key,',
    to: 'key: undefined,',
    layer: spec('mysql/older'),
  },
  {
    name: 'MySQL: what pop sets aside loses its priority',
    file: 'mysql/rows.js',
    from: 'priority: row?.priority ?? 0,',
    to: 'priority: 0,',
    layer: spec('mysql/older'),
  },
  {
    name: 'MySQL: the letters of the password are masked wherever they stand',
    file: 'mysql/address.js',
    from: 'let words = message;',
    to: `let words = message.replaceAll(password, '***');`,
    layer: spec('mysql/address'),
  },
]
