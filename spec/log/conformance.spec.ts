// A process of its own: it is long.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogStore } from '../../lib/log/log-store.ts'
import { conformance, queueSuite } from '../conformance.ts'

const remove = (folder: string) => rm(folder, { recursive: true, force: true })

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'spoolq-conformance-'))
}

conformance('log', async () => {
  const made = await folder()
  return { open: (options) => LogStore.open(made, options), remove: () => remove(made) }
})

queueSuite(
  'log',
  async () => {
    const location = await folder()
    return { location, remove: () => remove(location) }
  },
  { indexed: false },
)
