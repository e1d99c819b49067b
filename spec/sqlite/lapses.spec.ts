// What becomes ready again without anybody settling it: which attempts it is charged, and what is counted.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SqliteStore } from '../../lib/sqlite/sqlite-store.ts'
import type { Piece, StoreOptions } from '../../lib/store.ts'
import { ManualClock } from '../wait/manual-clock.ts'
import { foreign, newFile } from './rig.ts'

const events = { recovered() {}, corruption() {}, flushed() {}, failed: assert.ifError }
const options: StoreOptions = {
  ...{ durability: 'os', codec: 'raw', order: undefined, flushLimit: Infinity, segmentSize: 2 ** 20 },
  ...{ onDamage: 'skip', autoResume: true, events },
}

interface Opened {
  readonly store: SqliteStore
  readonly clock: ManualClock
  readonly file: string
}

async function withItems(count: number): Promise<Opened> {
  const clock = new ManualClock()
  const file = newFile()
  const store = await SqliteStore.open({ file, queue: 'q' }, options, { clock })
  const documents = Array.from({ length: count }, (_, i) => ({ bytes: Buffer.from(`${i}`), count: 1 }))
  await store.append(documents)
  return { store, clock, file }
}

const attempts = (pieces: readonly Piece[]) => pieces.map(({ firstId, attempt }) => [firstId, attempt])

function timedOf(file: string): unknown {
  const driver = foreign(file)
  const row = driver.prepare('SELECT timed, (SELECT count(due) FROM spoolq_1_flying) FROM spoolq_queues').get()
  driver.close()
  return row
}

describe('the queue in SQLite', () => {
  it('charges an item whose lease ended in hand, and none that was only taken ahead', async () => {
    const { store, clock } = await withItems(5)
    await store.lease(4, [], { deadline: clock.now() + 10, uncharged: true })
    store.mark(0, { from: 1, to: 1 })
    store.mark(1, { from: 3, to: 3 })
    clock.pass(11)
    const again = await store.lease(5, [], { deadline: clock.now() + 10, uncharged: true })
    assert.deepEqual(
      attempts(again),
      [1, 2, 3, 4, 5].map((id) => [id, id === 1 || id === 3 ? 2 : 1]),
    )
    store.mark(0, undefined)
    store.mark(1, undefined)
    clock.pass(11)
    assert.deepEqual(
      attempts(await store.lease(5)),
      [1, 2, 3, 4, 5].map((id) => [id, id === 1 || id === 3 ? 2 : 1]),
    )
    await store.close()
  })

  it('charges those whose lease ended that were handed out', async () => {
    const { store, clock } = await withItems(3)
    for (const attempt of [1, 2, 3]) {
      const held = await store.lease(3, [], { deadline: clock.now() + 10 })
      assert.deepEqual(
        attempts(held),
        [1, 2, 3].map((id) => [id, attempt]),
      )
      clock.pass(11)
    }
    await store.close()
  })

  it('counts each deadline once, however often it is moved', async () => {
    const { store, clock, file } = await withItems(4)
    await store.lease(3, [], { deadline: clock.now() + 10 })
    await store.lease(1)
    assert.deepEqual(timedOf(file), [3, 3])
    for (const [ids, deadline, timed] of [
      [{ from: 1, to: 2 }, 20, 3],
      [{ from: 1, to: 2 }, 30, 3],
      [{ from: 4, to: 4 }, 30, 4],
      [{ from: 2, to: 3 }, 0, 2],
    ] as const) {
      await store.extend([ids], deadline === 0 ? 0 : clock.now() + deadline)
      assert.deepEqual(timedOf(file), [timed, timed])
    }
    await store.settle([{ outcome: 'ack', ids: [{ from: 1, to: 4 }] }])
    assert.deepEqual(timedOf(file), [0, 0])
    await store.close()
  })

  it('has the key of each item that waits or is in flight, and no other', async () => {
    const { store, file } = await withItems(0)
    const one = [{ bytes: Buffer.from('a'), count: 1 }] as const
    const keys = () => {
      const driver = foreign(file)
      const rows = driver.prepare('SELECT key, id FROM spoolq_1_keys ORDER BY key').all()
      driver.close()
      return rows.map(([key, id]) => `${key} ${id}`)
    }
    for (const key of ['a', 'b', 'c']) await store.appendUnique(one, [key])
    assert.equal(await store.update(1, one[0], 'b'), false)
    assert.equal(await store.update(1, one[0], 'd'), true)
    assert.deepEqual(keys(), ['b 2', 'c 3', 'd 1'])
    assert.equal(await store.update(1, one[0]), true)
    assert.deepEqual(keys(), ['b 2', 'c 3'])
    await store.lease(2)
    assert.equal(await store.update(2, one[0], 'e'), true)
    await store.settle([{ outcome: 'toBack', ids: [{ from: 2, to: 2 }] }])
    assert.deepEqual(keys(), ['c 3', 'e 4'])
    await store.pop(1)
    assert.deepEqual(keys(), ['e 4'])
    await store.lease(1)
    await store.settle([{ outcome: 'fail', ids: [{ from: 4, to: 4 }], reason: 'bad' }])
    assert.deepEqual(keys(), [])
    await store.retry()
    assert.deepEqual(keys(), ['e 5'])
    await store.clear()
    assert.deepEqual(keys(), [])
    await store.close()
  })
})
