// How durable a call on a queue in SQLite is when it resolves: what is asked of the thread, and what the kernel is asked for.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { PersistentMap } from '../../lib/index.ts'
import { Database } from '../../lib/sqlite/database.ts'
import { SqliteStore } from '../../lib/sqlite/sqlite-store.ts'
import type { Durability, StoreOptions } from '../../lib/store.ts'
import { newFile } from './rig.ts'

const events = { recovered() {}, corruption() {}, flushed() {}, failed: assert.ifError }
const options: Omit<StoreOptions, 'durability'> = {
  ...{ codec: 'raw', order: undefined, flushLimit: Infinity, segmentSize: 2 ** 20, keepAcked: 0 },
  ...{ onDamage: 'skip', autoResume: true, events },
}
const documents = [{ bytes: Buffer.from('a'), count: 1 }]

/** All that changes a queue, one by one, with the op that the thread is asked for. */
const calls: readonly [op: string, call: (store: SqliteStore) => Promise<unknown>][] = [
  ['queue.put', (store) => store.append(documents)],
  ['queue.put', (store) => store.append(documents, { due: Date.now() + 1e6 })],
  ['queue.put', (store) => store.appendUnique(documents, ['key'])],
  ['queue.update', (store) => store.update(1, { bytes: Buffer.from('b'), count: 1 })],
  ['queue.pop', (store) => store.pop(1)],
  ['queue.lease', (store) => store.lease(1)],
  ['queue.extend', (store) => store.extend([{ from: 3, to: 3 }], Date.now() + 1e6)],
  ['queue.settle', (store) => store.settle([{ outcome: 'fail', ids: [{ from: 3, to: 3 }], reason: 'bad' }])],
  ['queue.retry', (store) => store.retry()],
  ['queue.lease', (store) => store.lease(1)],
  ['queue.settle', (store) => store.settle([{ outcome: 'ack', ids: [{ from: 4, to: 4 }] }], true)],
  [
    'queue.fail',
    (store) =>
      store.fail(
        { firstId: 9, count: 1, document: { bytes: Buffer.from('x'), count: 1 }, skip: 0, attempt: 0, enqueuedAt: 0 },
        'codec',
      ),
  ],
  ['queue.discard', (store) => store.discard()],
  ['queue.put', (store) => store.append(documents)],
  ['queue.delete', (store) => store.delete(1)],
  ['queue.clear', (store) => store.clear()],
]

/** Leases are synced a little later with 'disk', and so are acknowledgements that nobody waits for. */
const RELAXED = ['queue.lease']

async function asked(durability: Durability): Promise<{ op: string; within: number | undefined }[]> {
  const all: { op: string; within: number | undefined }[] = []
  const { call } = Database.prototype
  const store = await SqliteStore.open({ file: ':memory:', queue: 'q' }, { ...options, durability })
  Database.prototype.call = function (op, args, told) {
    all.push({ op, within: told?.within })
    return Reflect.apply(call, this, [op, args, told])
  }
  try {
    for (const [, one] of calls) await one(store)
  } finally {
    Database.prototype.call = call
    await store.close()
  }
  return all
}

describe('the queue in SQLite', () => {
  it("asks for a sync before each call resolves with 'disk', in time with an interval, and for none with 'os'", async () => {
    const expected = { disk: [0, 50], os: [Infinity, Infinity], interval: [30, 30] }
    for (const [word, [plain, relaxed]] of Object.entries(expected)) {
      const all = await asked(word === 'interval' ? { interval: 30 } : (word as 'disk' | 'os'))
      assert.deepEqual(
        all.map(({ op }) => op),
        calls.map(([op]) => op),
      )
      all.forEach(({ op, within }, i) => {
        const isRelaxed = RELAXED.includes(op) || i === 10
        assert.equal(within, isRelaxed ? relaxed : plain, `${word}: ${op}, call ${i}`)
      })
    }
  })

  it("asks for a sync before each change of a map resolves with 'disk', in time with an interval, and for none with 'os'", async () => {
    const changes: readonly ((map: PersistentMap<number>) => Promise<unknown>)[] = [
      (map) => map.set('a', 1),
      (map) => map.update('a', (value = 0) => value + 1),
      (map) => map.delete('a'),
      (map) => map.clear(),
    ]
    for (const [durability, within] of [
      ['disk', 0],
      ['os', Infinity],
      [{ interval: 30 }, 30],
    ] as const) {
      const map = await PersistentMap.open<number>(`sqlite:${newFile()}?map=m`, { durability })
      const asked: (number | undefined)[] = []
      const { call } = Database.prototype
      Database.prototype.call = function (op, args, told) {
        if (/set|replace|delete|clear/.test(op)) asked.push(told?.within)
        return Reflect.apply(call, this, [op, args, told])
      }
      try {
        for (const change of changes) await change(map)
      } finally {
        Database.prototype.call = call
        await map.close()
      }
      assert.deepEqual(asked, [within, within, within, within], JSON.stringify(durability))
    }
  })

  const hasStrace = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0
  it('has its WAL synced between the call and its answer', { skip: hasStrace ? false : 'no strace here' }, () => {
    for (const durability of ['disk', 'os']) {
      const words = `
        import { AsyncQueue } from ${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)}
        import { writeSync } from 'node:fs'
        const queue = await AsyncQueue.open('sqlite:${newFile()}', { durability: '${durability}', codec: 'json' })
        const step = async (work) => { writeSync(2, 'STEP'); await work() }
        await step(() => queue.put('a'))
        await step(() => queue.putMany(['b', 'c']))
        await step(() => queue.pop())
        let held
        await step(async () => { held = await queue.lease() })
        await step(() => held.fail('bad'))
        await step(() => queue.retry())
        writeSync(2, 'STEP')
        process.kill(process.pid, 'SIGKILL')`
      const args = [
        '-f',
        '-y',
        '-e',
        'trace=write,fsync,fdatasync',
        process.execPath,
        '--no-warnings',
        '--input-type=module',
        '-e',
        words,
      ]
      const { stderr } = spawnSync('strace', args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
      const steps = stderr.split(/write\(2<[^\n]*"STEP"/).slice(1, -1)
      assert.equal(steps.length, 6, stderr)
      const syncs = steps.map((step) => /f(data)?sync\(\d+<[^>]*-wal>\)/.test(step))
      const lease = 3
      syncs.forEach((isSynced, i) => {
        if (i !== lease) assert.equal(isSynced, durability === 'disk', `${durability}, step ${i}`)
      })
    }
  })
})
