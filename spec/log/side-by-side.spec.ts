// side-by-side.spec.ts: what races (races.spec.ts) found, one by one, and in the order that it takes: calls of one handle
// that are under way together, and handles that learn late of what others did.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageError } from '../../lib/errors.ts'
import { Aside } from '../../lib/log/aside.ts'
import { IntervalSync } from '../../lib/log/interval-sync.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { SpecClock } from '../crash/spec-clock.ts'
import { documentOf, LogRig } from './log-rig.ts'
import { numbered, popped, put, QueueRig, ready } from './queue-rig.ts'

const SMALL = { segmentSize: 1000, limits: { frameBytes: 1024 } }

async function turns(count = 4): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

function idsOf(items: readonly (readonly [number, string])[]): number[] {
  return items.map(([id]) => id)
}

function ignore(): void {}

/**
 * Two handles, both of which know that items up to 10 stand in a rewritten segment and the last one is empty. The second
 * is in the middle of a flush, at whose end, when the function is called, it reads the folder anew.
 */
async function flushingAside(rig: QueueRig): Promise<[LogStore, LogStore, () => Promise<unknown>]> {
  const process = rig.disk.process()
  const [one, other] = [await rig.open(SMALL), await rig.open({ ...SMALL, disk: process })]
  await put(one, numbered(10, 1, 90))
  await one.pop(2)
  await one.flush()
  await other.pop(3)
  rig.disk.holdSyncs = true
  const flushing = other.flush()
  while (rig.names(/^aside/).length === 0) {
    rig.disk.releaseSyncs()
    await turns(1)
  }
  await turns()
  const held = [...rig.disk.heldSyncs]
  assert.ok(held.length === 1 && held[0]?.process === process, 'the rewritten segment is being synced')
  rig.disk.holdSyncs = false
  const end = () => {
    rig.disk.releaseSyncs()
    return flushing
  }
  return [one, other, end]
}

describe('the queue, side by side,', () => {
  it('takes a large batch while it rewrites a segment', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    for (let first = 1; first <= 21; first += 10) await put(store, numbered(10, first, 90))
    await store.pop(4)
    rig.disk.holdSyncs = true
    const flushing = store.flush()
    while (rig.names(/^aside/).length === 0) {
      rig.disk.releaseSyncs()
      await turns(1)
    }
    const putting = put(store, numbered(20, 31, 90))
    await turns()
    assert.equal(rig.names(/^aside/).length, 2, 'both are in the making')
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    assert.equal(await putting, 31)
    await flushing
    assert.deepEqual(idsOf(await ready(store)), numbered(46, 5).map(Number))
    await store.close()
  })

  it('loses nothing of a large batch that took the place of an empty segment which somebody else knew', async () => {
    const rig = new QueueRig()
    const [one, other, flushing] = await flushingAside(rig)
    // The last segment is empty, both know it, and a large batch gets its name.
    assert.equal(await put(one, numbered(20, 11, 90)), 11)
    for (let first = 31; first < 51; first += 5) await put(one, numbered(5, first, 250))
    await flushing()
    assert.deepEqual(idsOf(await popped(other, 100)), numbered(45, 6).map(Number))
    assert.deepEqual(rig.corruptions, [])
    await Promise.all([one.close(), other.close()])
  })

  it('goes on where a segment that it had listed, and never opened, was filled, passed and removed by others', async () => {
    const rig = new QueueRig()
    const [one, other, flushing] = await flushingAside(rig)
    for (let first = 11; first < 31; first += 5) await put(one, numbered(5, first, 250))
    await flushing()
    for (let first = 31; first < 51; first += 5) await put(one, numbered(5, first, 250))
    await one.pop(40)
    await one.flush()
    assert.deepEqual(idsOf(await popped(other, 100)), numbered(5, 46).map(Number))
    await Promise.all([one.close(), other.close()])
    assert.deepEqual([rig.corruptions, rig.failures], [[], []])
  })

  it('tells of no removed file where a large batch gets the name of an empty segment while that is synced', async () => {
    const rig = new LogRig()
    const [log, other] = [rig.log(), rig.log()]
    rig.put(log, [3])
    const empty = log.roll()
    log.isSettled = () => false
    const aside = new Aside(other, 1, other.newAside())
    await aside.write([documentOf(['item 4', 'item 5'])])
    rig.disk.holdSyncs = true
    const syncing = log.makeDurable(empty)
    await turns()
    assert.equal(aside.join().base, empty.base)
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await syncing
    log.refresh()
    assert.equal(log.nextId, 6)
  })

  it('has nothing to sync of a segment that others took whole and removed meanwhile', async () => {
    const rig = new LogRig()
    const log = rig.log()
    rig.put(log, [3])
    const taken = log.tail ?? assert.fail()
    log.roll()
    rig.disk.unlink(taken.path)
    log.list()
    assert.equal(taken.isOpen, false)
    await log.makeDurable(taken)
  })
})

describe('a popped item that can not be set aside', () => {
  it('is not lost, and holds nobody up: it is in flight until its handle closes', async () => {
    for (const call of ['makeFolder', 'open', 'write', 'sync'] as const) {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk.process())
      const store = await rig.open({ disk })
      await put(store, ['1', '2', '3'])
      const [piece] = await store.pop(1)
      disk.setFault({ at: 1, call, code: 'ENOSPC' })
      await assert.rejects(store.fail(piece ?? assert.fail(), 'codec'), StorageError, call)
      assert.equal(disk.failures, 1)
      assert.deepEqual(idsOf(await popped(store, 1)), [2])
      const { ready: waiting, inFlight, failed } = await store.counts()
      assert.deepEqual({ waiting, inFlight, failed }, { waiting: 1, inFlight: 1, failed: 0 }, call)
      await store.close()
      const again = await rig.open()
      assert.deepEqual(await popped(again, 5), [
        [1, '1'],
        [3, '3'],
      ])
      await again.close()
      assert.deepEqual([rig.corruptions, rig.failures], [[], []])
    }
  })
})

describe('the sync of an interval', () => {
  it('is waited for by whoever stops it', async () => {
    const clock = new SpecClock()
    let end = () => {}
    const syncing = [new Promise<void>((resolve) => (end = resolve)), Promise.resolve()]
    const events = { recovered: ignore, corruption: ignore, flushed: ignore, failed: assert.ifError }
    const interval = new IntervalSync({ interval: 5 }, clock, () => syncing.shift() ?? assert.fail(), events)
    for (let times = 2; times > 0; times--) {
      interval.start()
      clock.pass(10)
    }
    let isOver = false
    const stopping = interval.stop().then(() => (isOver = true))
    await turns()
    assert.equal(isOver, false)
    end()
    await stopping
  })
})
