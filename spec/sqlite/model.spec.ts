// Two handles of an SQLite queue do what two handles of memory do, act by act, in every order, with keys and without. After
// each act what both resolved to, and all that they hold, is the same; and what SQLite counts is what its tables hold.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { MemoryStore } from '../../lib/memory/memory-store.ts'
import type { Driver } from '../../lib/sqlite/driver.ts'
import { SqliteStore } from '../../lib/sqlite/sqlite-store.ts'
import type { Order, Store } from '../../lib/store.ts'
import { long } from '../process/parts.ts'
import { ManualClock } from '../wait/manual-clock.ts'
import { type Act, carryOut, KINDS, type Side, stateOf } from './acts.ts'
import { foreign, newFile } from './rig.ts'

const RUNS = long(20, 2)
const ACTS_MAX = 80

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom(...KINDS, 'put', 'put', 'lease', 'lease', 'ack'),
  handle: fc.constantFrom(0, 1),
  n: fc.integer({ min: 1, max: 7 }),
  m: fc.nat({ max: 1000 }),
})

interface Kind {
  readonly order: Order
  readonly isKeyed: boolean
}

function optionsOf(order: Order) {
  const told = { recovered() {}, flushed() {}, corruption: () => assert.fail('damage'), failed: assert.ifError }
  const sizes = { flushLimit: 100_000, segmentSize: 1000, keepAcked: 3 }
  return { durability: 'os', codec: 'raw', order, onDamage: 'fail', autoResume: true, events: told, ...sizes } as const
}

let places = 0

async function sideOf(kind: Kind, open: (name: string, clock: ManualClock) => Promise<Store>): Promise<Side> {
  const clock = new ManualClock()
  const name = `model ${++places}`
  const opened = (): Promise<Store> => open(name, clock)
  return { ...kind, clock, stores: [await opened(), await opened()], handed: [[], []], open: opened }
}

async function compared([memory, sqlite]: readonly [Side, Side], acts: readonly Act[], told: Driver): Promise<void> {
  for (const one of acts) {
    const expected = await carryOut(memory, one)
    assert.deepEqual(await carryOut(sqlite, one), expected, JSON.stringify(one))
    assert.deepEqual(await stateOf(sqlite), await stateOf(memory), JSON.stringify(one))
    assertCounted(told, `model ${places}`, JSON.stringify(one))
  }
}

/** The sums, the keys and the holds of a queue against its rows. */
function assertCounted(driver: Driver, name: string, act: string): void {
  const [queue] = driver.prepare('SELECT id FROM spoolq_queues WHERE name = ?').get(name) ?? []
  const table = (status: string) => `spoolq_${queue}_${status}`
  const rows = (sql: string) => driver.prepare(sql).all()
  const [sums] = rows(
    `SELECT ready, delayed, flying, failed, acked, timed, bytes FROM spoolq_queues WHERE id = ${queue}`,
  )
  const counts = ['ready', 'delayed', 'flying', 'failed', 'acked'].map(
    (status) => `(SELECT count(*) FROM ${table(status)})`,
  )
  const waiting = ['ready', 'delayed', 'flying']
    .map((status) => `SELECT key, payload, id FROM ${table(status)}`)
    .join(' UNION ALL ')
  const bytes = `(SELECT coalesce(sum(length(payload) - 4), 0) FROM (${waiting}))`
  assert.deepEqual(sums, rows(`SELECT ${counts}, (SELECT count(due) FROM ${table('flying')}), ${bytes}`)[0], act)
  const keys = rows(`SELECT key, id FROM (${waiting}) WHERE key IS NOT NULL ORDER BY key`)
  assert.deepEqual(rows(`SELECT key, id FROM ${table('keys')} ORDER BY key`), keys, act)
  const holds = rows(`SELECT owner, id / 4096, count(*) FROM ${table('flying')} GROUP BY 1, 2 ORDER BY 1, 2`)
  assert.deepEqual(rows(`SELECT owner, block, count FROM ${table('holds')} ORDER BY 1, 2`), holds, act)
}

async function run(kind: Kind, file: string, acts: readonly Act[]): Promise<void> {
  const options = optionsOf(kind.order)
  const sides = [
    await sideOf(kind, (name, clock) => MemoryStore.open(name, options, clock)),
    await sideOf(kind, (queue, clock) => SqliteStore.open({ file, queue }, options, { clock })),
  ] as const
  const driver = foreign(file)
  try {
    await compared(sides, acts, driver)
  } finally {
    driver.close()
    for (const { stores } of sides) for (const store of stores) await store.close()
  }
}

const kinds = (['fifo', 'lifo', 'priority'] as const).flatMap((order) => {
  return [false, true].map((isKeyed): Kind => ({ order, isKeyed }))
})

for (const kind of kinds) {
  it(`the queue in SQLite does what the queue in memory does: ${kind.order}${kind.isKeyed ? ', unique' : ''}`, async () => {
    const file = newFile()
    // Its thread stays from run to run.
    const keeper = await SqliteStore.open({ file, queue: 'keeper' }, optionsOf('fifo'), { clock: new ManualClock() })
    const property = fc.asyncProperty(fc.array(act, { minLength: 30, maxLength: ACTS_MAX }), (acts) => {
      return run(kind, file, acts)
    })
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
    await keeper.close()
  })
}
