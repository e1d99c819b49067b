// appender.spec.ts: puts share frames and fates, in the order of their calls; what was refused is not there, and what
// comes behind a failure works.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Disk } from '../../lib/disk/disk.ts'
import { QueueClosedError, StorageError } from '../../lib/errors.ts'
import { readHeader } from '../../lib/log/segment.ts'
import { runs } from '../codec/items.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { SystemError } from '../crash/system-error.ts'
import { numbered, popped, put, QueueRig, ready } from './queue-rig.ts'

const SMALL = { limits: { frameBytes: 500, readBytes: 256, arenaBytes: 1024 } }
const segment = (base: number, rewrite = 0) => `${String(base).padStart(20, '0')}.${rewrite}.log`
const turn = async () => {
  for (let count = 0; count < 3; count++) await new Promise(setImmediate)
}

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

describe('a large batch', () => {
  it('becomes a segment of its own, whole, and others are put behind it', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    await put(store, ['1'])
    const large = put(store, numbered(20, 2, 100))
    const small = put(store, ['22'])
    assert.deepEqual(await Promise.all([large, small]), [2, 22])
    assert.deepEqual(rig.segments, [segment(1), segment(2)])
    assert.deepEqual(rig.names(/^aside/), [])
    const found = [[1, '1'], ...numbered(20, 2, 100).map((item, index) => [index + 2, item]), [22, '22']]
    for (const each of [store, await rig.open()]) assert.deepEqual(await ready(each), found)
  })

  it('is not there at all where it could not be written, synced or named', async () => {
    for (const [call, at] of [
      ['open', 1],
      ['writeAside', 1],
      ['writeAside', 3],
      ['sync', 1],
      ['write', 1],
      ['write', 2],
      ['rename', 1],
    ] as const) {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk)
      const store = await rig.open({ ...SMALL, disk })
      await put(store, ['1'])
      disk.setFault({ at, call, code: 'EIO' })
      await assert.rejects(put(store, numbered(20, 2, 100)), StorageError, `${call} ${at}`)
      assert.deepEqual(rig.names(/^aside/), [], `${call} ${at}`)
      assert.equal(await put(store, ['2']), 2, `${call} ${at}`)
      for (const each of [store, await rig.open()])
        assert.deepEqual(await ready(each), [
          [1, '1'],
          [2, '2'],
        ])
    }
  })

  it('does not hold up others while it is written', async () => {
    const rig = new QueueRig()
    const [store, other] = await Promise.all([rig.open(SMALL), rig.open(SMALL)])
    rig.disk.holdSyncs = true
    const large = put(store, numbered(20, 1, 100))
    await turn()
    const small = put(other, ['small'])
    await turn()
    const [aside] = [...rig.disk.heldSyncs].filter(({ path }) => path.includes('aside'))
    for (const held of [...rig.disk.heldSyncs]) if (held !== aside) held.release()
    await turn()
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    assert.equal(await small, 1)
    assert.equal(await large, 2)
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

describe('a put that fails', () => {
  it('leaves no byte behind where its frame was written in part', async () => {
    for (const short of [0, 1, 40, 70]) {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk)
      const store = await rig.open({ disk })
      await put(store, ['1'])
      const { length } = rig.disk.bytesOf(`/q/${segment(1)}`)
      disk.setFault({ at: 1, call: 'write', code: 'EIO', short })
      await assert.rejects(put(store, ['refused'.repeat(5)]), StorageError)
      assert.equal(rig.disk.bytesOf(`/q/${segment(1)}`).length, length)
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
