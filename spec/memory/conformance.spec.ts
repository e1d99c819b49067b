import { randomUUID } from 'node:crypto'
import { MemoryStore } from '../../lib/memory/memory-store.ts'
import { systemClock } from '../../lib/wait/clock.ts'
import { conformance, queueSuite } from '../conformance.ts'

conformance('memory', async () => {
  const name = randomUUID()
  return { open: (options) => MemoryStore.open(name, options, systemClock), remove: async () => {} }
})

queueSuite('memory', async () => ({ location: `memory:${randomUUID()}`, remove: async () => {} }))
