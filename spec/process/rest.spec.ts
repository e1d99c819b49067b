// rest.spec.ts: who waits, in whatever way, sleeps: a wake-up a second, and nothing is written. Wake-ups are counted, not
// time. `npm run check` has a process for each way and each store, for longer.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Cost, WAYS } from '../../bench/rester.ts'

const LONG = process.env.SPOOLQ_CHECK === '1'
const SECONDS = LONG ? 20 : 2
/** Of a process: V8 tidies up, and the clock that ends the count. */
const BESIDE = 25
const STORES = ['log', 'sqlite', 'memory'] as const
const ways = Object.keys(WAYS)

const scratch = await mkdtemp(join(tmpdir(), 'spoolq-rest-'))
after(() => rm(scratch, { recursive: true, force: true }))

async function costOf(store: string, waits: readonly string[]): Promise<Cost> {
  const program = fileURLToPath(new URL('../../bench/rester.js', import.meta.url))
  const folder = await mkdtemp(join(scratch, `${store}-`))
  const { stdout } = await promisify(execFile)(process.execPath, [program, store, folder, String(SECONDS), ...waits])
  return JSON.parse(stdout)
}

describe('a process that waits', {
  skip: process.platform !== 'linux' && 'the kernel does not count wake-ups here',
}, () => {
  for (const waits of LONG ? ways.map((way) => [way]) : [ways]) {
    it(`wakes up once a second for each wait, and writes nothing: ${waits.join(', ')}`, async (t) => {
      const costs = await Promise.all(STORES.map((store) => costOf(store, waits)))
      for (const [index, { wakeUps, diskBytes, cpuMs }] of costs.entries()) {
        const most = 1.2 * SECONDS * waits.length + BESIDE
        assert.ok(wakeUps <= most, `${STORES[index]}: ${wakeUps} wake-ups in ${SECONDS} s of ${waits.length} waits`)
        assert.equal(diskBytes, 0, STORES[index])
        t.diagnostic(`${STORES[index]}: ${wakeUps} wake-ups, ${((cpuMs / SECONDS) * 3.6).toFixed(1)} s of CPU an hour`)
      }
    })
  }
})
