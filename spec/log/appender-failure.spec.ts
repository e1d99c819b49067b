// appender-failure.spec.ts: what was refused is not there, and what comes behind a failure works.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk } from '../../lib/disk/disk.ts'
import { StorageError } from '../../lib/errors.ts'
import { readHeader } from '../../lib/log/segment.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { SystemError } from '../crash/system-error.ts'
import { numbered, popped, put, QueueRig, ready } from './queue-rig.ts'

const segment = (base: number, rewrite = 0) => `${String(base).padStart(20, '0')}.${rewrite}.log`

/** What is to fail from now on, by the name of its call. */
type Broken = Set<'create' | 'write' | 'truncate' | 'sync'>

/** A process whose calls fail while they are named. */
function breaking(rig: QueueRig, broken: Broken): Disk {
  const disk = rig.disk.process()
  const open = disk.open.bind(disk)
  const fail = (call: string, path: string) => {
    throw new SystemError('EIO', call, path)
  }
  disk.open = (path, mode) => {
    if (mode === 'create' && broken.has('create')) fail('open', path)
    const file = open(path, mode)
    const { write, truncate, sync } = file
    file.write = (bytes, at) => {
      write.call(file, broken.has('write') ? bytes.subarray(0, 20) : bytes, at)
      if (broken.has('write')) fail('write', path)
    }
    file.truncate = (size) => (broken.has('truncate') ? fail('ftruncate', path) : truncate.call(file, size))
    file.sync = async () => (broken.has('sync') ? fail('fdatasync', path) : sync.call(file))
    return file
  }
  return disk
}

describe('a put that fails', () => {
  it('leaves no byte behind where its frame was written in part', async () => {
    for (const short of [0, 1, 40, 70]) {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk)
      const store = await rig.open({ disk })
      await put(store, ['1'])
      const used = rig.usedBytes(segment(1))
      disk.setFault({ at: 1, call: 'write', code: 'EIO', short })
      await assert.rejects(put(store, ['refused'.repeat(5)]), StorageError)
      assert.equal(rig.disk.bytesOf(`/q/${segment(1)}`).length, used)
      assert.equal(await put(store, ['2']), 2)
      assert.deepEqual(rig.segments, [segment(1)], 'it goes on where it was')
      for (const each of [store, await rig.open()])
        assert.deepEqual(await ready(each), [
          [1, '1'],
          [2, '2'],
        ])
    }
  })

  it('goes on in another segment where what it left could not be cut off', async () => {
    const rig = new QueueRig()
    const broken: Broken = new Set()
    const store = await rig.open({ disk: breaking(rig, broken) })
    await put(store, ['1'])
    broken.add('write').add('truncate')
    await assert.rejects(put(store, ['refused']), StorageError)
    broken.clear()
    assert.equal(await put(store, ['2']), 2)
    assert.deepEqual(rig.segments, [segment(1), segment(2)])
    const left = [
      [1, '1'],
      [2, '2'],
    ]
    for (const each of [store, await rig.open()]) assert.deepEqual(await ready(each), left)
    assert.deepEqual(rig.corruptions, [])
  })

  it('is void where its sync failed: all that shared the frame is refused, and the next segment says so', async () => {
    for (const loss of ['kept', 'lost', 'half'] as const) {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk)
      const store = await rig.open({ disk })
      await put(store, ['1'])
      disk.setFault({ at: 1, call: 'sync', code: 'EIO', loss })
      const refused = [put(store, ['no']), put(store, ['no', 'no'])]
      for (const each of refused)
        await assert.rejects(each, (error) => error instanceof StorageError && /EIO/.test(error.message))
      assert.equal(await put(store, ['5']), 5, 'no id is given twice')
      assert.deepEqual(rig.segments, [segment(1), segment(5)])
      const [failed] = readHeader(rig.disk.bytesOf(`/q/${segment(5)}`)).header?.voids ?? []
      assert.equal(failed?.segment, 1)
      const left = [
        [1, '1'],
        [5, '5'],
      ]
      for (const each of [store, await rig.open()]) assert.deepEqual(await ready(each), left, loss)
      await store.close()
      assert.deepEqual(await ready(await rig.open()), left, loss)
      assert.deepEqual([rig.corruptions, rig.failures], [[], []])
      assert.equal((await (await rig.open()).stats()).lost, 0)
    }
  })

  it('lets nothing be put before the segment that says so is there', async () => {
    const rig = new QueueRig()
    const broken: Broken = new Set()
    const store = await rig.open({ disk: breaking(rig, broken) })
    await put(store, ['1'])
    broken.add('sync').add('create')
    await assert.rejects(put(store, ['no']), StorageError)
    broken.delete('sync')
    await assert.rejects(put(store, ['no']), StorageError)
    broken.clear()
    const id = await put(store, ['last'])
    assert.deepEqual(
      (await ready(store)).filter(([, item]) => item !== 'no'),
      [
        [1, '1'],
        [id, 'last'],
      ],
    )
    assert.equal(readHeader(rig.disk.bytesOf(`/q/${rig.segments.at(-1)}`)).header?.voids.length, 1)
    await store.close()
    assert.deepEqual(rig.corruptions, [])
    assert.equal((await (await rig.open()).stats()).lost, 0)
  })

  it('is tried once more on a full disk, behind the removal of what is settled', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk)
    const store = await rig.open({ disk, segmentSize: 500 })
    for (let first = 1; first <= 21; first += 10) await put(store, numbered(10, first, 100))
    await store.pop(20)
    disk.setFault({ at: 1, call: 'write', code: 'ENOSPC', short: 10 })
    assert.equal(await put(store, ['31']), 31)
    assert.deepEqual(
      rig.segments.filter((name) => name < segment(21)),
      [],
    )
    for (const each of [store, await rig.open()])
      assert.deepEqual(
        (await ready(each)).map(([id]) => id),
        numbered(11, 21).map(Number),
      )
  })

  it('is tried once more on a full disk though nothing is left of the log', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk)
    const store = await rig.open({ disk })
    await put(store, numbered(10, 1, 100))
    await store.pop(10)
    disk.setFault({ at: 1, call: 'write', code: 'ENOSPC' })
    assert.equal(await put(store, ['11']), 11, 'the cursor knows the next id')
    assert.deepEqual(rig.segments, [segment(11)])
    assert.deepEqual(await ready(await rig.open()), [[11, '11']])
  })

  it('on a full disk without anything settled rejects, and works once there is room', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk)
    const store = await rig.open({ disk })
    await put(store, ['1'])
    disk.setFault({ at: 1, call: 'write', code: 'ENOSPC', times: 'forever', short: 3 })
    await assert.rejects(put(store, ['no']), (error) => error instanceof StorageError && /full/.test(error.message))
    disk.setFault(undefined)
    assert.equal(await put(store, ['2']), 2)
    assert.deepEqual(await popped(await rig.open(), 5), [
      [1, '1'],
      [2, '2'],
    ])
  })
})
