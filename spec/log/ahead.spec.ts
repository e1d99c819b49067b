// ahead.spec.ts: zeros written ahead of the frames: most syncs find the file as long as it was, a small queue stays small,
// and neither those who go on in them nor those who can't have them lose anything.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk } from '../../lib/disk/disk.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import { SystemError } from '../crash/system-error.ts'
import { numbered, put, QueueRig, ready, segment } from './queue-rig.ts'

const KIB = 1024
const SMALL = { aheadBytes: 64 * KIB }
const FIRST = segment(1)
const PATH = `/q/${FIRST}`

/** How long the first segment is at each of its syncs. */
function syncSizes(disk: Disk): number[] {
  const sizes: number[] = []
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => {
    const file = open(path, mode)
    const sync = file.sync.bind(file)
    file.sync = () => {
      if (path === PATH) sizes.push(file.size())
      return sync()
    }
    return file
  }
  return sizes
}

const isZeros = (bytes: Uint8Array) => bytes.every((byte) => byte === 0)

/** Writes of zeros fail in the middle, and are counted. */
function withoutRoom(disk: Disk): { tries: number } {
  const counted = { tries: 0 }
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => {
    const file = open(path, mode)
    const write = file.write.bind(file)
    file.write = (bytes, at) => {
      if (!path.endsWith('.log') || !isZeros(bytes)) return write(bytes, at)
      counted.tries++
      write(bytes.subarray(0, 100), at)
      throw new SystemError('ENOSPC', 'write', path)
    }
    return file
  }
  return counted
}

describe('what is written ahead', () => {
  it('lets most syncs find the file as long as it was', async () => {
    const rig = new QueueRig()
    const disk = rig.disk.process()
    const sizes = syncSizes(disk)
    const store = await rig.open({ disk })
    for (let i = 1; i <= 1500; i++) await put(store, [`${i}`], 1)
    assert.ok(sizes.length >= 1500)
    // 4 KiB, doubled a few times.
    assert.ok(new Set(sizes).size <= 7, `${new Set(sizes).size} sizes`)
    assert.equal((await ready(store)).length, 1500)
  })

  it('is never more than what is there, nor more than a limit', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ limits: SMALL })
    const looked = new Set<number>()
    for (let i = 1; i <= 250; i++) {
      await put(store, [`${i}`.padEnd(700)], 1)
      const [size, used] = [rig.disk.bytesOf(PATH).length, rig.usedBytes(FIRST)]
      looked.add(size)
      assert.ok(size <= Math.min(2 * used, used + SMALL.aheadBytes) + KIB / 4, `${size} bytes where ${used} are used`)
    }
    assert.ok(looked.size > 5)
  })

  it("is nothing behind a large frame, nor where the next segment begins, nor with durability 'os'", async () => {
    const [large, full, os] = [new QueueRig(), new QueueRig(), new QueueRig()]
    const largeStore = await large.open({ limits: SMALL })
    for (let i = 1; i <= 20; i++) await put(largeStore, [`${i}`.padEnd(9 * KIB, '.')], 1)
    assert.equal(large.disk.bytesOf(PATH).length, large.usedBytes(FIRST))
    const fullStore = await full.open({ segmentSize: 10_000 })
    while (full.segments.length < 3) await put(fullStore, ['an item'], 1)
    for (const name of full.segments) {
      const { length } = full.disk.bytesOf(`/q/${name}`)
      assert.ok(length <= Math.max(full.usedBytes(name), DATA_START + 10_000), `${name} has ${length} bytes`)
    }
    const osStore = await os.open({ durability: 'os' })
    for (let i = 1; i <= 20; i++) {
      await put(osStore, ['an item'], 1)
      assert.equal(os.disk.bytesOf(PATH).length, os.usedBytes(FIRST))
    }
  })

  it('is where whoever comes behind a crash goes on, and nothing is told', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    await put(await rig.open({ disk: process }), numbered(3))
    process.kill()
    const again = await rig.open()
    assert.equal(await put(again, ['next']), 4)
    assert.deepEqual([rig.recovered, rig.corruptions, rig.segments], [[], [], [FIRST]])
    assert.equal((await ready(again)).length, 4)
  })

  it('is where others go on, whether they write ahead or not', async () => {
    const rig = new QueueRig()
    const stores = [await rig.open(), await rig.open({ durability: 'os' }), await rig.open()]
    const items = numbered(600)
    for (const [i, item] of items.entries()) await put(stores[i % 3] ?? assert.fail(), [item])
    for (const store of [...stores, await rig.open()]) {
      assert.deepEqual(
        (await ready(store)).map(([, item]) => item),
        items,
      )
    }
    assert.deepEqual([rig.segments, rig.corruptions], [[FIRST], []])
  })

  it('is left alone where something else stands in it', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    await put(await rig.open({ disk: process }), numbered(3))
    process.kill()
    const used = rig.usedBytes(FIRST)
    const at = rig.disk.bytesOf(PATH).length - 5
    rig.disk.open(PATH, 'write').write(Uint8Array.of(7), at)
    const again = await rig.open()
    assert.equal(await put(again, ['next']), 4)
    assert.deepEqual(rig.segments, [FIRST, segment(4)])
    assert.deepEqual(rig.recovered, [{ tornBytes: at + 1 - used, reclaimed: 0 }])
    assert.equal((await ready(again)).length, 4)
    await again.close()
    assert.equal((await ready(await rig.open())).length, 4)
    assert.deepEqual([rig.recovered.length, rig.corruptions], [1, []])
  })

  it('is done without where the disk has no room for it, and not asked for again in that segment', async () => {
    const rig = new QueueRig()
    const disk = rig.disk.process()
    const zeros = withoutRoom(disk)
    const store = await rig.open({ disk, segmentSize: 2000 })
    for (const item of numbered(60)) await put(store, [item])
    assert.ok(rig.segments.length > 1)
    assert.equal(zeros.tries, rig.segments.length)
    const again = await rig.open()
    for (const each of [store, again]) assert.equal((await ready(each)).length, 60)
    assert.deepEqual([rig.failures, rig.recovered, rig.corruptions], [[], [], []])
  })
})
