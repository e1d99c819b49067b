// Both suites, each over one database: every place is a queue of its own in it, so that one thread serves them all.
// A process of its own: it is long.

import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { sqliteAddressOf } from '../../lib/sqlite/address.ts'
import { SqliteStore } from '../../lib/sqlite/sqlite-store.ts'
import { conformance, queueSuite } from '../conformance.ts'
import { CHECK } from '../layers.ts'

const folder = mkdtempSync(join(tmpdir(), 'spoolq-conformance-'))
const keepers: Promise<AsyncQueue>[] = []
after(async () => {
  for (const keeper of keepers) await (await keeper).close()
  rmSync(folder, { recursive: true, force: true })
})

for (const [name, base] of [
  ['sqlite', `sqlite:${join(folder, 'queues.db')}`],
  ['sqlite in memory', 'sqlite::memory:conformance'],
] as const) {
  keepers.push(AsyncQueue.open(base))
  const locationOf = (): string => `${base}?queue=${randomUUID()}`
  const remove = async (): Promise<void> => {}

  conformance(name, async () => {
    const address = sqliteAddressOf(locationOf())
    return { open: (options) => SqliteStore.open(address, options), remove }
  })

  // In memory only the engine's file is another one: `npm run check` tries all of it.
  if (CHECK || name === 'sqlite') queueSuite(name, async () => ({ location: locationOf(), remove }))
}
