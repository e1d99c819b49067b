// attackers-sql.ts: files, servers and networks of SQL queues that lie.

import { type Bug, spec } from './bug.ts'

export const attackersSql: readonly Bug[] = [
  {
    name: 'SQLite: a file is another one under a link to it',
    file: 'sqlite/database.js',
    from: 'const real = realFileOf(named);',
    to: 'const real = named;',
    layer: spec('sqlite/ours'),
  },
  {
    name: 'SQLite: a file of two names is opened by either',
    file: 'sqlite/real-file.js',
    from: 'if (found.nlink <= 1)',
    to: 'if (found.nlink <= 2)',
    layer: spec('sqlite/ours'),
  },
  {
    name: 'SQLite: what a dangling link leads to is made by SQLite',
    file: 'sqlite/real-file.js',
    from: 'return followed(path.resolve(folder, target), links - 1);',
    to: 'return path.join(folder, path.basename(file));',
    layer: spec('sqlite/ours'),
  },
  {
    name: 'SQLite: a trigger on a table of ours is let be',
    file: 'sqlite/ours.js',
    from: 'if (!isExpected(row))',
    to: `if (!isExpected(row) && type !== 'trigger')`,
    layer: spec('sqlite/ours'),
  },
  {
    name: 'SQLite: a view is taken for a table',
    file: 'sqlite/ours.js',
    from: 'if (!isExpected(row))',
    to: `if (!isExpected(row) && type !== 'view')`,
    layer: spec('sqlite/ours'),
  },
  {
    name: 'SQLite: a table of our name may have any columns',
    file: 'sqlite/ours.js',
    from: '=== plain(String(sql))',
    to: '!== undefined',
    layer: spec('sqlite/ours'),
  },
  {
    name: 'SQLite: names in capitals are not ours',
    file: 'sqlite/ours.js',
    from: 'const OURS = /^spoolq_/i;',
    to: 'const OURS = /^spoolq_/;',
    layer: spec('sqlite/ours'),
  },
  {
    name: 'SQLite: what is popped stays in the pages that fall free',
    file: 'sqlite/connection.js',
    from: `isWhole ? 'ON' : 'FAST'`,
    to: `'FAST'`,
    layer: spec('sqlite/ours'),
  },
]
