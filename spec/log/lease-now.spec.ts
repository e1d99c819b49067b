// lease-now.spec.ts: a lease that waits for nothing, or changes nothing.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SettledError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { ack, FOLDER, numbered, put, QueueRig, ready } from './queue-rig.ts'
import { itemsOf } from './small-queue.ts'

async function filled(count: number): Promise<{ rig: QueueRig; disk: FaultDisk; store: LogStore }> {
  const rig = new QueueRig()
  const disk = new FaultDisk(rig.disk)
  const store = await rig.open({ durability: 'os', disk })
  await put(store, numbered(count))
  return { rig, disk, store }
}

const ids = (store: LogStore, n: number, ...acked: readonly number[]): number[] | undefined => {
  const pieces = store.leaseNow(n, acked.length > 0 ? [ack(...acked)] : [], {})
  return pieces && itemsOf(pieces).map(([id]) => id)
}

const inFlight = async (store: LogStore): Promise<number> => (await store.counts()).inFlight

describe('a lease at once', () => {
  it('takes what is there, and settles what comes with it, in one step', async () => {
    const { rig, store } = await filled(10)
    assert.deepEqual(ids(store, 3), [1, 2, 3])
    assert.deepEqual(ids(store, 4, 1, 3), [4, 5, 6, 7])
    assert.deepEqual(ids(store, 9, 2, 4), [8, 9, 10])
    assert.deepEqual(ids(store, 1, 5), [])
    const other = await rig.open()
    assert.equal(await inFlight(other), 5)
    assert.deepEqual(await ready(other), [])
  })

  it('is none where the lock is taken, and changes nothing', async () => {
    const { rig, store } = await filled(3)
    const file = rig.disk.process().open(`${FOLDER}/cursor.lock`, 'write')
    assert.ok(file.tryLock())
    assert.equal(ids(store, 1), undefined)
    file.unlock()
    assert.equal(await inFlight(store), 0)
    assert.deepEqual(ids(store, 1), [1])
  })

  it('is none where what comes with it is not held any more: the other way of leasing tells', async () => {
    const { store } = await filled(5)
    assert.deepEqual(ids(store, 2), [1, 2])
    assert.equal(ids(store, 1, 1, 3), undefined)
    assert.equal(await inFlight(store), 2)
    await assert.rejects(store.lease(1, [ack(1, 3)]), SettledError)
    assert.deepEqual(ids(store, 1, 1, 2), [3])
    assert.equal(await inFlight(store), 1)
  })

  it('is none where it can not be written, and changes nothing', async () => {
    const { disk, rig, store } = await filled(5)
    assert.deepEqual(ids(store, 2), [1, 2])
    disk.setFault({ at: 1, call: 'write', code: 'EIO', short: 7 })
    assert.equal(ids(store, 2, 1), undefined)
    assert.equal(await inFlight(store), 2)
    assert.deepEqual(ids(store, 2, 1), [3, 4])
    assert.equal(await inFlight(await rig.open()), 3)
  })

  it('is none once the queue closes', async () => {
    const { store } = await filled(1)
    const closing = store.close()
    assert.equal(ids(store, 1), undefined)
    await closing
  })

  it('goes on from one file of the cursor to the other, as often as it has to', async () => {
    const { rig, store } = await filled(6000)
    let last = 0
    for (let taken = 0; taken < 6000; ) {
      const now = ids(store, 1, ...(last > 0 ? [last] : []))
      const [id = 0] = now ?? itemsOf(await store.lease(1, last > 0 ? [ack(last)] : [])).map(([each]) => each)
      assert.equal(id, last + 1)
      last = id
      taken += 1
    }
    assert.equal(await inFlight(await rig.open()), 1)
  })
})
