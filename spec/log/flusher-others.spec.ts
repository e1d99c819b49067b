// flusher-others.spec.ts: flushing beside others who read, take, put and flush, where something fails, and killed.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageError } from '../../lib/errors.ts'
import { randomOf } from '../crash/digest.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { crashStates } from '../crash/states.ts'
import { ack, filled, leased, numbered, popped, put, QueueRig, ready, SMALL, segment } from './queue-rig.ts'

const MOST_SYNCS = 20

/** Ends so many syncs of one process, one by one; false where it makes no more of them. */
async function released(rig: QueueRig, process: DiskProcess, count: number): Promise<boolean> {
  for (let left = count; ; left--) {
    for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
    const held = [...rig.disk.heldSyncs].find((each) => each.process === process)
    if (!held) return false
    if (left === 0) return true
    held.release()
  }
}

/** Ends the syncs of one process as they come, until the call has resolved. */
async function driven<R>(rig: QueueRig, process: DiskProcess, call: Promise<R>): Promise<R> {
  let isOver = false
  const result = call.finally(() => (isOver = true))
  while (!isOver) {
    for (const held of [...rig.disk.heldSyncs]) if (held.process === process) held.release()
    await new Promise(setImmediate)
  }
  return result
}

describe('flush, beside others', () => {
  it('does not disturb a second process that reads, takes and puts meanwhile', async () => {
    for (let seed = 1; seed <= (process.env.SPOOLQ_CHECK ? 30 : 5); seed++) {
      const rig = new QueueRig()
      const random = randomOf(seed)
      const stores = [await filled(rig), await rig.open(SMALL)] as const
      const taken: number[] = []
      let last = 35
      const act = async (): Promise<void> => {
        const store = stores[random(2)] ?? stores[0]
        const what = random(10)
        if (what < 2) await store.flush()
        else if (what < 4) {
          last += 2
          await put(store, numbered(2, last - 1, 100), 2)
        } else if (what < 7) taken.push(...(await popped(store, 1 + random(4))).map(([id]) => id))
        else if (what < 8) await ready(store)
        else {
          const ids = await leased(store, 1 + random(3))
          for (let turn = random(3); turn > 0; turn--) await new Promise(setImmediate)
          await store.settle([ack(...ids)])
          taken.push(...ids)
        }
      }
      for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 1 + random(4) }, act))
      taken.push(...(await popped(stores[0], 1000)).map(([id]) => id))
      assert.deepEqual(
        taken.toSorted((one, other) => one - other),
        numbered(last).map(Number),
        `seed ${seed}`,
      )
      await Promise.all(stores.map((store) => store.flush()))
      assert.deepEqual([rig.corruptions, rig.failures], [[], []])
      assert.deepEqual(rig.names(/^aside/), [])
      for (const store of stores) await store.close()
    }
  })

  it('is made by two at once without harm', async () => {
    const rig = new QueueRig()
    const stores = [await filled(rig), await rig.open(SMALL), await rig.open(SMALL)]
    const [store] = stores
    if (!store) return assert.fail()
    const ids = await leased(store, 35)
    await store.settle([ack(...ids.filter((id) => id % 3 !== 0))])
    await Promise.all(stores.flatMap((each) => [each.flush(), each.flush()]))
    assert.deepEqual(rig.names(/^aside/), [])
    assert.equal(new Set(rig.segments.map((name) => name.slice(0, 20))).size, rig.segments.length)
    await store.close()
    const left = ids.filter((id) => id % 3 === 0)
    for (const each of stores.slice(1))
      assert.deepEqual(
        (await ready(each)).map(([id]) => id),
        left,
      )
    assert.deepEqual([rig.corruptions, rig.failures], [[], []])
  })

  it('gives up what another process took whole and removed meanwhile, at each of its syncs', async () => {
    let points = 0
    for (let until = 0; until < MOST_SYNCS; until++) {
      const rig = new QueueRig()
      const [mine, others] = [rig.disk.process(), rig.disk.process()]
      const [store, other] = [await rig.open({ ...SMALL, disk: mine }), await rig.open({ ...SMALL, disk: others })]
      for (let first = 1; first <= 31; first += 10) await put(store, numbered(first > 30 ? 5 : 10, first, 100))
      await store.pop(4)
      rig.disk.holdSyncs = true
      const flushing = store.flush()
      const isThere = await released(rig, mine, until)
      await driven(rig, others, other.pop(1000))
      await driven(rig, others, other.flush())
      // It learns that the log goes on in another segment, and which ones are gone.
      assert.deepEqual(await ready(store), [])
      rig.disk.holdSyncs = false
      rig.disk.releaseSyncs()
      await flushing
      assert.deepEqual(
        rig.names(/^aside|\.log$/).filter((name) => name.startsWith('aside') || name < segment(31)),
        [],
        `after ${until} syncs`,
      )
      await Promise.all([store.close(), other.close()])
      assert.deepEqual([rig.corruptions, rig.failures], [[], []])
      if (!isThere) break
      points++
    }
    assert.ok(points >= 4, `only ${points} syncs`)
  })

  it('lets an opened handle read on in what it unlinked', async () => {
    const rig = new QueueRig()
    const store = await filled(rig)
    const other = await rig.open(SMALL)
    await ready(other)
    const pieces = await other.lease(12)
    await store.pop(8)
    await other.settle([ack(...pieces.map(({ firstId }) => firstId))])
    await store.flush()
    assert.deepEqual(
      (await ready(other)).map(([id]) => id),
      numbered(15, 21).map(Number),
    )
  })
})

describe('flush, where something fails', () => {
  it('rejects, changes nothing, leaves nothing behind, and works the next time', async () => {
    const faults = ['open', 'write', 'writeAside', 'sync', 'syncFolder', 'rename', 'unlink', 'list', 'read'] as const
    for (const call of faults) {
      for (let at = 1; at <= 4; at++) {
        const rig = new QueueRig()
        const disk = new FaultDisk(rig.disk)
        const store = await rig.open({ ...SMALL, disk })
        for (let first = 1; first <= 21; first += 10) await put(store, numbered(10, first, 100))
        await store.pop(14)
        disk.setFault({ at, call, code: 'EIO' })
        const result = await store.flush().catch((error: unknown) => error)
        disk.setFault(undefined)
        if (disk.failures > 0 && result instanceof Error)
          assert.ok(result instanceof StorageError, `${call} ${at}: ${result}`)
        assert.deepEqual(
          (await ready(store)).map(([id]) => id),
          numbered(16, 15).map(Number),
          `${call} ${at}`,
        )
        await store.flush()
        assert.deepEqual(rig.names(/^aside/), [], `${call} ${at}`)
        assert.deepEqual(
          (await ready(await rig.open(SMALL))).map(([id]) => id),
          numbered(16, 15).map(Number),
        )
        assert.deepEqual(rig.corruptions, [], `${call} ${at}`)
      }
    }
  })

  for (const [code, told] of [
    ['ENOSPC', false],
    ['EIO', true],
  ] as const) {
    it(`goes on by itself later: ${code} harms no take, and is told on its channel alone`, async () => {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk)
      const store = await rig.open({ ...SMALL, flushLimit: 500, disk })
      for (let first = 1; first <= 31; first += 10) await put(store, numbered(10, first, 100))
      disk.setFault({ at: 1, call: 'open', code, times: 'forever', onlyCreates: true })
      for (let id = 1; id <= 40; id++) {
        const [one] = await popped(store, 1)
        assert.equal(one?.[0], id)
        for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
      }
      assert.ok(disk.failures > 0)
      assert.equal(rig.failures.length > 0, told)
      // What takes no space has gone already.
      if (code === 'ENOSPC') assert.deepEqual(rig.segments, [])
      disk.setFault(undefined)
      rig.clock.pass(30_000)
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      assert.deepEqual(await popped(store, 1), [])
      assert.ok(rig.bytes() < 1100, `${rig.bytes()} bytes`)
      await store.close()
    })
  }

  it('by hand frees on a full disk what takes no space to free', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk)
    const store = await rig.open({ ...SMALL, disk })
    for (let first = 1; first <= 31; first += 10) await put(store, numbered(10, first, 100))
    await store.pop(32)
    disk.setFault({ at: 1, call: 'open', code: 'ENOSPC', times: 'forever', onlyCreates: true })
    await store.flush().catch((error: unknown) => assert.ok(error instanceof StorageError))
    assert.deepEqual(rig.segments, [segment(31)])
    disk.setFault(undefined)
    await store.close()
  })

  it('leaves a segment alone in which a frame is damaged: the ones behind it are not lost with it', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    for (let id = 1; id <= 12; id++) await put(store, numbered(1, id, 100))
    const ids = await leased(store, 12)
    await store.settle([ack(...ids.filter((id) => id % 2 === 0))])
    await store.close()
    const path = `/q/${segment(1)}`
    const at = Buffer.from(rig.disk.bytesOf(path)).indexOf('3....')
    rig.disk.open(path, 'write').write(Buffer.from('#'), at)
    const opened = await rig.open(SMALL)
    await opened.flush()
    assert.deepEqual(
      (await popped(opened, 12)).map(([id]) => id),
      [1, 5, 7, 9, 11],
    )
    assert.equal((await opened.stats()).lost, 1)
    await opened.close()
  })

  it('leaves nothing behind where its process is killed: the next opening sweeps it', async () => {
    const rig = new QueueRig()
    const store = await filled(rig)
    const ids = await leased(store, 35)
    await store.settle([ack(...ids.filter((id) => id % 3 !== 0))])
    const from = rig.disk.log.length
    await store.flush()
    let tried = 0
    for (const state of crashStates(rig.disk.log, { from, kinds: ['kill'], limit: 3 })) {
      const after = new QueueRig(state.disk, 5)
      const opened = await after.open(SMALL)
      assert.deepEqual(after.names(/^aside/), [], state.name)
      assert.equal(new Set(after.segments.map((name) => name.slice(0, 20))).size, after.segments.length, state.name)
      assert.deepEqual(
        (await ready(opened)).map(([id]) => id),
        ids.filter((id) => id % 3 === 0),
        state.name,
      )
      assert.deepEqual(after.corruptions, [], state.name)
      tried++
    }
    assert.ok(tried > 20)
  })

  it('keeps its hands off what a living process has in the making', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    rig.disk.open('/q/aside.1.99', 'create').close()
    rig.disk.open('/q/aside.77.1', 'create').close()
    const other = await rig.open(SMALL)
    assert.deepEqual(rig.names(/^aside/), ['aside.1.99'])
    await store.close()
    await other.close()
    await rig.open(SMALL)
    assert.deepEqual(rig.names(/^aside/), [])
  })
})
