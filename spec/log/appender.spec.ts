// appender.spec.ts: puts share frames, in the order of their calls, and a bound holds whoever puts.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { QueueClosedError } from '../../lib/errors.ts'
import { runs } from '../codec/items.ts'
import { numbered, put, QueueRig, ready } from './queue-rig.ts'

const SMALL = { limits: { frameBytes: 500, readBytes: 256, arenaBytes: 1024 } }
const segment = (base: number, rewrite = 0) => `${String(base).padStart(20, '0')}.${rewrite}.log`
const turn = async () => {
  for (let count = 0; count < 3; count++) await new Promise(setImmediate)
}

/** How many frames were written from there on: writes to a segment that is there already. */
function framesSince(rig: QueueRig, from: number): number {
  const writes = rig.disk.log.slice(from).filter((op) => op.kind === 'write' && op.position >= 1056)
  return writes.length
}

describe('putting', () => {
  it('gives ids in the order of the calls, whatever their sizes', async () => {
    const anySizes = fc.array(fc.array(fc.nat(150), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 15 })
    await fc.assert(
      fc.asyncProperty(anySizes, fc.infiniteStream(fc.nat(2)), async (batches, chance) => {
        const rig = new QueueRig()
        const store = await rig.open({ ...SMALL, segmentSize: 1000 })
        let next = 1
        const expected: string[] = []
        const puts: Promise<void>[] = []
        for (const sizes of batches) {
          const first = next
          const items = sizes.map((size, index) => `${first + index}`.padEnd(size, '.'))
          next += items.length
          expected.push(...items)
          puts.push(put(store, items, 2).then((id) => assert.equal(id, first)))
          if (chance.next().value === 0) await turn()
        }
        await Promise.all(puts)
        const found = expected.map((item, index) => [index + 1, item])
        assert.deepEqual(await ready(store), found)
        assert.deepEqual(await ready(await rig.open()), found)
      }),
      runs(20),
    )
  })

  it('writes what is put in one turn as one frame, and syncs it once', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, ['0'])
    const from = rig.disk.log.length
    const ids = await Promise.all(numbered(50).map((item) => put(store, [item])))
    assert.deepEqual(ids, numbered(50, 2).map(Number))
    assert.equal(framesSince(rig, from), 1)
    assert.equal(rig.disk.log.slice(from).filter(({ kind }) => kind === 'sync').length, 1)
  })

  it('fills the next frame while one is synced', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, ['0'])
    await turn()
    const from = rig.disk.log.length
    rig.disk.holdSyncs = true
    const first = put(store, ['1'])
    await turn()
    const others = numbered(20, 2).map((item) => put(store, [item]))
    let resolved = 0
    for (const each of [first, ...others]) void each.then(() => resolved++)
    await turn()
    assert.equal(framesSince(rig, from), 1)
    assert.equal(resolved, 0, 'nobody is told before the sync is over')
    rig.disk.releaseSyncs()
    await turn()
    assert.deepEqual([framesSince(rig, from), resolved], [2, 1])
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await Promise.all(others)
  })

  it('keeps within the frame that is written at once, but for a batch that is larger alone', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    await put(store, ['0'])
    const from = rig.disk.log.length
    await Promise.all(numbered(10, 1, 200).map((item) => put(store, [item])))
    assert.equal(framesSince(rig, from), 5, 'two of 200 bytes share one of 500')
    assert.deepEqual(rig.segments, [segment(1)])
  })

  it('is refused once the queue is closed, and what was under way is finished first', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    const before = put(store, ['1'])
    const closing = store.close()
    await assert.rejects(put(store, ['2']), QueueClosedError)
    assert.equal(await before, 1)
    await closing
    assert.deepEqual(await ready(await rig.open()), [[1, '1']])
  })

  it('gives every id once to handles that put at once', async () => {
    const rig = new QueueRig()
    const stores = await Promise.all([rig.open(SMALL), rig.open({ ...SMALL, segmentSize: 1000 }), rig.open(SMALL)])
    const puts = stores.flatMap((store, handle) =>
      numbered(30).map((item, index) => put(store, [`${handle}.${item}`.padEnd(index % 5 === 0 ? 600 : 0, '.')])),
    )
    const ids = await Promise.all(puts)
    assert.deepEqual(
      ids.map(Number).sort((one, other) => one - other),
      numbered(90).map(Number),
    )
    const items = (await ready(stores[0])).map(([, item]) => item.replaceAll(/\.+$/g, ''))
    for (const handle of [0, 1, 2]) {
      const own = items.filter((item) => item.startsWith(`${handle}.`))
      assert.deepEqual(
        own,
        numbered(30).map((item) => `${handle}.${item}`),
      )
    }
  })
})

describe('a bound', () => {
  it('admits whole batches in the order of their calls, as long as they fit', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    const bound = { items: 10 }
    const ids = [4, 7, 3, 3, 1].map((count) =>
      store.append([{ bytes: Buffer.from(JSON.stringify(numbered(count))), count }], { bound }),
    )
    assert.deepEqual(await Promise.all(ids), [1, undefined, 5, 8, undefined])
    assert.equal((await store.counts()).ready, 10)
    await store.pop(1)
    assert.equal(await store.append([{ bytes: Buffer.from('["x"]'), count: 1 }], { bound }), 11)
  })

  it('counts what is in flight, and large batches', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    await put(store, numbered(6))
    await store.lease(3)
    const large = { bytes: Buffer.from(JSON.stringify(numbered(5, 1, 200))), count: 5 }
    assert.equal(await store.append([large], { bound: { items: 10 } }), undefined)
    assert.deepEqual(rig.names(/^aside/), [])
    assert.equal(await store.append([large], { bound: { items: 11 } }), 7)
  })

  it('holds, whoever puts at once', async () => {
    const rig = new QueueRig()
    const stores = await Promise.all([rig.open(SMALL), rig.open(SMALL), rig.open(SMALL)])
    const puts = stores.flatMap((store) =>
      numbered(10).map((item) =>
        store.append([{ bytes: Buffer.from(JSON.stringify([item, item])), count: 2 }], { bound: { items: 25 } }),
      ),
    )
    const ids = (await Promise.all(puts)).filter((id) => id !== undefined)
    assert.equal(ids.length, 12)
    assert.equal((await stores[0].counts()).ready, 24)
  })
})
