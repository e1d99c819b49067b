// host-time.spec.ts: the time of leases and delays, in each store that a handle's clock can be given to.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import type { Disk } from '../../lib/disk/disk.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import { MemoryStore } from '../../lib/memory/memory-store.ts'
import { SqliteStore } from '../../lib/sqlite/sqlite-store.ts'
import type { StoreOptions } from '../../lib/store.ts'
import { type MakeTimed, rebooting, timing } from '../store/timing.ts'

const storeOptions: StoreOptions = {
  durability: 'os',
  codec: 'raw',
  order: 'fifo',
  flushLimit: Infinity,
  segmentSize: 2 ** 20,
  onDamage: 'fail',
  autoResume: true,
  events: { recovered() {}, corruption() {}, flushed() {}, failed() {} },
}

const root = mkdtempSync(join(tmpdir(), 'spoolq-time-'))
after(() => rmSync(root, { recursive: true, force: true }))
let made = 0

function inBoot(boot: string): Disk {
  // Whatever folder it enters would have the machine's own boot.
  const { enter: _, ...disk } = nodeDisk
  return { ...disk, bootId: () => boot }
}

const places: Record<string, MakeTimed> = {
  memory: async () => {
    const name = `time${++made}`
    return { open: (clock) => MemoryStore.open(name, storeOptions, clock) }
  },
  log: async () => {
    const folder = join(root, `log${++made}`)
    return {
      open: (clock, boot) => LogStore.open(folder, storeOptions, { clock, disk: inBoot(boot) }),
    }
  },
  sqlite: async () => {
    const file = join(root, `${++made}.db`)
    return { open: (clock, boot) => SqliteStore.open({ file, queue: 'q' }, storeOptions, { clock, boot }) }
  },
}

for (const [store, make] of Object.entries(places)) {
  describe(`the time of ${store}`, () => {
    timing(make)
    if (store !== 'memory') rebooting(make)
  })
}
