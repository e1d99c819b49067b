// pairs.spec.ts: pairs of calls over a log, in memory and over SQLite; over MySQL: spec/mysql/pairs.spec.ts.
// A process of its own: it is long.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { pairs } from './pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'spoolq-pairs-'))
after(() => rmSync(folder, { recursive: true, force: true }))

pairs({ name: 'memory', location: (lane) => `memory:pairs${lane}`, isIndexed: true, isQuick: true, few: 120 })
pairs({
  name: "a log, 'os'",
  location: (lane) => join(folder, `os${lane}`),
  options: { durability: 'os' },
  isIndexed: false,
  few: 30,
})
pairs({ name: "a log, 'disk'", location: (lane) => join(folder, `disk${lane}`), isIndexed: false, few: 20 })
pairs({ name: 'SQLite', location: (lane) => `sqlite:${join(folder, `file${lane}.db`)}`, isIndexed: true, few: 20 })
