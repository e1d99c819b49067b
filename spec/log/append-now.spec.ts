// append-now.spec.ts: what is put without waiting for others of its turn.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { QueueClosedError, StorageError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { FOLDER, numbered, put, QueueRig, ready } from './queue-rig.ts'
import { documentsOf } from './small-queue.ts'

const now = (store: LogStore, items: readonly string[]): number | Promise<number | undefined> =>
  store.appendNow(documentsOf(items, 1))

/** Somebody who holds append.lock. */
function holder(rig: QueueRig): { release: () => void } {
  const file = rig.disk.process().open(`${FOLDER}/append.lock`, 'write')
  assert.ok(file.tryLock())
  return { release: () => file.unlock() }
}

describe('a put that waits for nobody', () => {
  it('is in the queue when the call returns, where no sync is waited for', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: 'os' })
    assert.equal(now(store, ['1', '2']), 1)
    assert.equal(now(store, ['3']), 3)
    const left = [
      [1, '1'],
      [2, '2'],
      [3, '3'],
    ]
    for (const each of [store, await rig.open()]) assert.deepEqual(await ready(each), left)
  })

  it('is synced before it is told, where the durability says so', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: 'disk' })
    await put(store, ['1'])
    const from = rig.disk.log.length
    assert.equal(await now(store, ['2']), 2)
    assert.ok(rig.disk.log.slice(from).some(({ kind }) => kind === 'sync'))
  })

  it('keeps its place among those that share frames', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: 'os' })
    const ids = [put(store, ['1']), now(store, ['2']), put(store, ['3', '4']), now(store, ['5'])]
    assert.deepEqual(await Promise.all(ids), [1, 2, 3, 5])
    assert.deepEqual(
      (await ready(store)).map(([, item]) => item),
      numbered(5),
    )
  })

  it('waits its turn while another process is at it, and those behind it do too', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: 'os' })
    const { release } = holder(rig)
    const ids = [now(store, ['1']), now(store, ['2']), put(store, ['3'])]
    for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
    release()
    assert.deepEqual(await Promise.all(ids), [1, 2, 3])
    assert.deepEqual(
      (await ready(store)).map(([, item]) => item),
      numbered(3),
    )
  })

  it('goes on in the next segment, and aside where it is large', async () => {
    const rig = new QueueRig()
    const limits = { frameBytes: 500, readBytes: 256, arenaBytes: 1024 }
    const store = await rig.open({ durability: 'os', limits, segmentSize: 600 })
    for (const [i, size] of [100, 700, 100, 300, 300, 300].entries()) {
      assert.equal(await now(store, numbered(1, i + 1, size)), i + 1)
    }
    assert.ok(rig.segments.length > 3, `${rig.segments.length} segments`)
    for (const each of [store, await rig.open()]) {
      assert.deepEqual(
        (await ready(each)).map(([, item]) => item.replaceAll('.', '')),
        numbered(6),
      )
    }
  })

  it('leaves nothing behind where it can not be written, and tells so', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk)
    const store = await rig.open({ durability: 'os', disk })
    now(store, ['1'])
    disk.setFault({ at: 1, call: 'write', code: 'EIO', short: 40 })
    const refused = now(store, ['refused'])
    const behind = now(store, ['2'])
    await assert.rejects(Promise.resolve(refused), StorageError)
    assert.equal(await behind, 2)
    for (const each of [store, await rig.open()])
      assert.deepEqual(await ready(each), [
        [1, '1'],
        [2, '2'],
      ])
  })

  it('is tried once more on a full disk, behind the removal of what is settled', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk)
    const store = await rig.open({ durability: 'os', disk, segmentSize: 500 })
    for (let first = 1; first <= 21; first += 10) now(store, numbered(10, first, 100))
    await store.pop(20)
    const before = rig.segments.length
    disk.setFault({ at: 1, call: 'write', code: 'ENOSPC', short: 10 })
    assert.equal(await now(store, ['31']), 31)
    assert.ok(rig.segments.length < before)
    assert.equal((await ready(await rig.open())).length, 11)
  })

  it('is refused once the queue is closed, and finished first where it was under way', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: 'os' })
    const { release } = holder(rig)
    const under = now(store, ['1'])
    const closing = store.close()
    await assert.rejects(Promise.resolve(now(store, ['2'])), QueueClosedError)
    release()
    assert.equal(await under, 1)
    await closing
    assert.deepEqual(await ready(await rig.open()), [[1, '1']])
  })
})
