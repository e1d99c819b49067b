// moved.spec.ts: items that go to the back, or are retried, stand again in a new frame. That frame is durable before what
// it replaces is settled, whatever the durability: a power cut may deliver them twice, never zero times.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SettledError, StorageError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import type { Settlement } from '../../lib/store.ts'
import { SystemError } from '../crash/system-error.ts'
import { turns } from '../queue/place.ts'
import { ack, leased, numbered, popped, put, QueueRig, ready } from './queue-rig.ts'

function toBack(id: number): Settlement {
  return { outcome: 'toBack', ids: [{ from: id, to: id }] }
}

function failing(id: number): Settlement {
  return { outcome: 'fail', ids: [{ from: id, to: id }], reason: 'no' }
}

function back(id: number): Settlement {
  return { outcome: 'back', ids: [{ from: id, to: id }], counted: true }
}

function isUnder(store: LogStore, id: number): Promise<boolean> {
  return ready(store).then((all) => all.some(([each]) => each === id))
}

/** So many items in flight at a handle of durability 'os', and syncs that take long from now on. */
async function holding(count: number): Promise<{ rig: QueueRig; store: LogStore }> {
  const rig = new QueueRig()
  const store = await rig.open({ durability: 'os' })
  await put(store, numbered(count))
  await leased(store, count)
  await turns()
  rig.disk.holdSyncs = true
  return { rig, store }
}

/** One item on its way to the back, which another process has met; `own`: the sync that it waits for. */
async function metByAnother() {
  const { rig, store } = await holding(1)
  rig.disk.holdSyncs = false
  const other = await rig.open({ durability: 'os' })
  rig.disk.holdSyncs = true
  const going = store.settle([toBack(1)])
  await turns()
  const [own] = rig.disk.heldSyncs
  assert.ok(await isUnder(other, 2))
  return { rig, store, other, going, own }
}

/** Until the call has resolved: all syncs, one after the other. */
async function ended<R>(rig: QueueRig, call: Promise<R>): Promise<R> {
  let isOver = false
  const over = () => {
    isOver = true
  }
  call.then(over, over)
  while (!isOver) {
    rig.disk.releaseSyncs()
    await turns(1)
  }
  rig.disk.holdSyncs = false
  rig.disk.releaseSyncs()
  return call
}

describe('the queue, where items get new ids,', () => {
  it('settles what goes to the back once it is durable there, and not before', async () => {
    const { rig, store } = await holding(1)
    const going = store.settle([toBack(1)])
    await turns()
    assert.deepEqual(await ready(store), [[2, '1']])
    assert.equal((await store.counts()).inFlight, 1, 'the old one is held as long as the new one may be lost')
    await ended(rig, going)
    assert.equal((await store.counts()).inFlight, 0)
    await store.close()
  })

  it('lets many share a sync, and puts go on beside them', async () => {
    const { rig, store } = await holding(50)
    const syncs = () => rig.disk.log.filter(({ kind }) => kind === 'sync').length
    const before = syncs()
    const going = Promise.all(numbered(50).map((id) => store.settle([toBack(Number(id))])))
    await turns()
    assert.equal(await put(store, ['beside']), 101)
    await ended(rig, going)
    assert.ok(syncs() - before < 10, `${syncs() - before} syncs`)
    assert.deepEqual(await store.counts(), { ready: 51, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    await store.close()
  })

  it('settles nothing twice meanwhile', async () => {
    const { rig, store } = await holding(1)
    const going = store.settle([toBack(1)])
    await turns()
    await assert.rejects(store.settle([{ outcome: 'ack', ids: [{ from: 1, to: 1 }] }]), SettledError)
    await assert.rejects(store.settle([toBack(1)]), SettledError)
    await ended(rig, going)
    assert.deepEqual(await ready(store), [[2, '1']])
    await store.close()
  })

  it('retries what failed once, though it is asked twice', async () => {
    const { rig, store } = await holding(2)
    rig.disk.holdSyncs = false
    for (const id of [1, 2])
      await store.settle([{ outcome: 'fail', ids: [{ from: id, to: id }], reason: 'for the spec' }])
    rig.disk.holdSyncs = true
    const counts = await ended(rig, Promise.all([store.retry(), store.retry([2])]))
    assert.deepEqual(counts, [2, 0])
    assert.deepEqual(await ready(store), [
      [3, '1'],
      [4, '2'],
    ])
    await store.close()
  })

  /** The lease of the one item ends in a second; it is on its way to the back, and its sync is held. */
  async function lapsing() {
    const rig = new QueueRig()
    const [store, other] = [await rig.open(), await rig.open({ durability: 'os' })]
    await put(store, numbered(1))
    await store.lease(1, [], { deadline: rig.clock.now() + 1000 })
    await turns()
    rig.disk.holdSyncs = true
    const going = store.settle([toBack(1)])
    going.catch(() => {})
    await turns()
    const end = () => {
      rig.disk.holdSyncs = false
      rig.disk.releaseSyncs()
    }
    return { rig, store, other, going, end }
  }

  it('comes too late where its lease ends first, and another one gets it: that one alone settles it', async () => {
    const { rig, store, other, going, end } = await lapsing()
    rig.clock.pass(1000)
    assert.deepEqual(await leased(other, 9), [1])
    await other.settle([ack(1)])
    end()
    await assert.rejects(going, SettledError)
    assert.deepEqual(await popped(other, 9), [])
    for (const each of [store, other]) await each.close()
    assert.deepEqual(await ready(await rig.open()), [])
  })

  it('comes too late where its lease has ended and nobody has it yet', async () => {
    const { rig, store, other, going, end } = await lapsing()
    rig.clock.pass(1000)
    assert.deepEqual(await ready(other), [[1, '1']])
    end()
    await assert.rejects(going, SettledError)
    assert.deepEqual(await popped(store, 9), [[1, '1']])
    assert.deepEqual(await popped(other, 9), [])
  })

  it('counts where somebody has taken it from the back before its lease ended', async () => {
    const { rig, store, other, going, end } = await lapsing()
    assert.deepEqual(await popped(other, 9), [[2, '1']])
    rig.clock.pass(1000)
    assert.deepEqual(await ready(other), [])
    end()
    await going.catch((error: unknown) => assert.ok(error instanceof SettledError))
    for (const each of [store, other]) assert.deepEqual(await popped(each, 9), [])
    assert.equal((await store.counts()).inFlight, 0)
  })

  it('counts where somebody has it in hand from the back when its lease ends', async () => {
    const { rig, store, other, going, end } = await lapsing()
    assert.deepEqual(await leased(other, 9), [2])
    rig.clock.pass(1000)
    assert.deepEqual(await ready(other), [])
    await other.settle([ack(2)])
    assert.deepEqual(await ready(other), [])
    end()
    await going.catch((error: unknown) => assert.ok(error instanceof SettledError))
    for (const each of [store, other]) assert.deepEqual(await popped(each, 9), [])
    assert.equal((await store.counts()).inFlight, 0)
  })

  it('that another one has recorded before its lease ended is there once', async () => {
    const { rig, store, other, going, end } = await lapsing()
    assert.ok(await isUnder(other, 2))
    end()
    await going
    rig.clock.pass(1000)
    assert.deepEqual(await popped(other, 9), [[2, '1']])
    assert.deepEqual(await popped(store, 9), [])
  })

  it('is refused once its lease has ended, as is any other settling', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(1))
    await store.lease(1, [], { deadline: rig.clock.now() + 1000 })
    rig.clock.pass(1000)
    for (const settlement of [toBack(1), ack(1), failing(1), back(1)]) {
      await assert.rejects(store.settle([settlement]), SettledError)
    }
    assert.deepEqual(await popped(store, 9), [[1, '1']])
  })

  it('is not discarded by another one where it is a retry whose sync is waited for', async () => {
    const rig = new QueueRig()
    const [store, other] = [await rig.open(), await rig.open({ durability: 'os' })]
    await put(store, numbered(1))
    await leased(store, 1)
    await store.settle([failing(1)])
    rig.disk.holdSyncs = true
    const retrying = store.retry()
    await turns()
    const discarded = other.discard()
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    assert.deepEqual(await Promise.all([retrying, discarded]), [1, 0])
    assert.deepEqual(await ready(other), [[2, '1']])
    assert.equal((await store.counts()).failed, 0)
  })

  it('keeps what it held where the sync fails, also for another process that met it', async () => {
    const { rig, store, other, going, own } = await metByAnother()
    await turns()
    own?.fail(new SystemError('EIO', 'fdatasync', own.path))
    await assert.rejects(going, StorageError)
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await turns()
    // The sync of the other one ended well, but it was taken back by then.
    assert.deepEqual(await ready(other), [])
    assert.equal((await other.counts()).inFlight, 1)
    await store.close()
    assert.deepEqual(await ready(other), [[1, '1']])
    await other.close()
  })

  it('refuses nothing that another process has made durable and settled', async () => {
    const { rig, store, other, going, own } = await metByAnother()
    while ((await other.counts()).inFlight > 0) {
      for (const held of rig.disk.heldSyncs) if (held !== own) held.release()
      await turns(1)
    }
    own?.fail(new SystemError('EIO', 'fdatasync', own.path))
    await assert.rejects(going, StorageError)
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    assert.deepEqual(await ready(other), [[2, '1']])
    await store.close()
    await other.close()
  })

  it('finds what was on its way when its process died, once it is opened again', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    const store = await rig.open({ durability: 'os', disk: process })
    await put(store, numbered(1))
    await leased(store, 1)
    await turns()
    rig.disk.holdSyncs = true
    store.settle([toBack(1)]).catch(() => undefined)
    await turns()
    process.kill()
    rig.disk.holdSyncs = false
    const again = await rig.open()
    assert.deepEqual(await ready(again), [[2, '1']])
    await again.close()
  })
})
