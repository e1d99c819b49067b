// reclaimer.spec.ts: what the dead held comes back, and what the living hold does not.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { ack, leased, numbered, popped, put, QueueRig } from './queue-rig.ts'
import { itemsOf } from './small-queue.ts'

interface Consumer {
  readonly process: DiskProcess
  readonly store: LogStore
}

/** A consumer that can be killed. */
async function consumer(rig: QueueRig): Promise<Consumer> {
  const process = rig.disk.process()
  return { process, store: await rig.open({ disk: process }) }
}

async function attempts(store: LogStore, n: number): Promise<(readonly [number, number])[]> {
  const pieces = await store.lease(n)
  return pieces.flatMap((piece) => itemsOf([piece]).map(([id]) => [id, piece.attempt] as const))
}

describe('what the dead held', () => {
  it('comes back when somebody opens, with one attempt more, and is told', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(6))
    assert.deepEqual(await attempts(store, 3), [
      [1, 1],
      [2, 1],
      [3, 1],
    ])
    await store.settle([ack(2)])
    process.kill()
    const again = await consumer(rig)
    assert.deepEqual(rig.recovered, [{ tornBytes: 0, reclaimed: 2 }])
    assert.deepEqual(await attempts(again.store, 4), [
      [1, 2],
      [3, 2],
      [4, 1],
      [5, 1],
    ])
    again.process.kill()
    assert.deepEqual(await attempts(await rig.open(), 9), [
      [1, 3],
      [3, 3],
      [4, 2],
      [5, 2],
      [6, 1],
    ])
  })

  it('comes back to those who are running, soon', async () => {
    const rig = new QueueRig()
    const [{ process, store }, other] = [await consumer(rig), await rig.open({ limits: { probeMs: 0 } })]
    await put(store, numbered(4))
    await leased(store, 3)
    assert.deepEqual(await leased(other, 9), [4])
    process.kill()
    assert.deepEqual(await attempts(other, 9), [
      [1, 2],
      [2, 2],
      [3, 2],
    ])
    assert.deepEqual(rig.names(/owners/), ['owners'])
    assert.equal(rig.disk.list('/q/owners').length, 1)
  })

  it('stays with the living, however long they take', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(2))
    await leased(store, 2)
    const other = await rig.open({ limits: { probeMs: 0 } })
    for (let count = 0; count < 5; count++) assert.deepEqual(await leased(other, 2), [])
    await store.settle([ack(1, 2)])
    assert.deepEqual(rig.recovered, [])
  })

  it('is given back by a close, counted as delivered', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(2))
    await leased(store, 1)
    await store.close()
    assert.deepEqual(await attempts(await rig.open(), 2), [
      [1, 2],
      [2, 1],
    ])
    assert.deepEqual(rig.recovered, [])
  })

  it('waits without autoResume until somebody asks for it', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(2))
    await leased(store, 1)
    process.kill()
    const again = await rig.open({ autoResume: false, limits: { probeMs: 0 } })
    assert.deepEqual(await leased(again, 9), [2])
    assert.equal(await again.reclaim(), 1)
    assert.deepEqual(await attempts(again, 9), [[1, 2]])
  })

  it('is charged where it was in hand, also when the first try to record it fails', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(3))
    await store.lease(3, [], { uncharged: true })
    store.mark(0, { from: 2, to: 2 })
    const disk = new FaultDisk(rig.disk)
    const other = await rig.open({ disk, limits: { probeMs: 0 } })
    process.kill()
    disk.setFault({ at: 1, call: 'write', code: 'EIO' })
    await assert.rejects(other.lease(3), StorageError)
    disk.setFault(undefined)
    const found = [...(await attempts(other, 3)), ...(await attempts(other, 3)), ...(await attempts(other, 3))]
    assert.deepEqual(found, [
      [1, 1],
      [2, 2],
      [3, 1],
    ])
    assert.equal(rig.disk.list('/q/owners').length, 1)
  })

  it('is left for later by everybody who has no descriptor to look with', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(6))
    await store.lease(2, [], { uncharged: true })
    await store.lease(1, [], { uncharged: true, deadline: rig.clock.now() + 1000 })
    store.mark(0, { from: 2, to: 3 })
    const disk = new FaultDisk(rig.disk)
    const other = await rig.open({ disk, limits: { probeMs: 0 } })
    process.kill()
    disk.setFault({ at: 1, call: 'open', code: 'EMFILE', times: 'forever' })
    for (const id of [4, 5, 6]) assert.deepEqual(await popped(other, 1), [[id, `${id}`]])
    rig.clock.pass(1001)
    assert.deepEqual(await popped(other, 1), [], 'what was held too long cannot be judged now')
    disk.setFault(undefined)
    const found = [...(await attempts(other, 3)), ...(await attempts(other, 3)), ...(await attempts(other, 3))]
    assert.deepEqual(found, [
      [1, 1],
      [2, 2],
      [3, 2],
    ])
  })

  it('leaves no owner behind', async () => {
    const rig = new QueueRig()
    for (let count = 0; count < 5; count++) {
      const { process, store } = await consumer(rig)
      await put(store, ['x'])
      await leased(store, 2)
      process.kill()
    }
    const store = await rig.open()
    assert.equal(rig.disk.list('/q/owners').length, 1)
    assert.equal((await store.counts()).inFlight, 0)
    await store.close()
    assert.deepEqual(rig.disk.list('/q/owners'), [])
  })
})
