// synced.spec.ts: what is known to be durable is told while the queue lives, so that what rots is told however the queue
// ended; and nobody tells more than he knows.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { crashStates } from '../crash/states.ts'
import { flip } from './bits.ts'
import { FOLDER, numbered, popped, put, QueueRig, ready, segment } from './queue-rig.ts'

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
}

/** The idle spell behind the last put. */
async function rest(rig: QueueRig): Promise<void> {
  rig.clock.pass(100)
  await turns()
}

/** Writes to the cursor's files, from a point of the log on. */
function cursorWrites(rig: QueueRig, from: number): number {
  const inodes = ['cursor.0', 'cursor.1'].map((name) => rig.disk.content.names.get(`${FOLDER}/${name}`))
  return rig.disk.log.slice(from).filter((op) => op.kind === 'write' && inodes.includes(op.ino)).length
}

function syncsOf(rig: QueueRig, name: string): number {
  const ino = rig.disk.content.names.get(`${FOLDER}/${name}`)
  return rig.disk.log.filter((op) => op.kind === 'sync' && op.ino === ino && !op.failed).length
}

/** A queue of three segments and more, whose process died as soon as its last put had resolved. */
async function killed(options: Parameters<QueueRig['open']>[0] = {}): Promise<QueueRig> {
  const rig = new QueueRig()
  const process = rig.disk.process()
  const store = await rig.open({ segmentSize: 4000, disk: process, ...options })
  for (let first = 1; first <= 40; first++) await put(store, numbered(1, first, 300))
  process.kill()
  return rig
}

async function left(rig: QueueRig): Promise<{ ids: number[]; lost: number; store: LogStore }> {
  const store = await rig.open()
  const ids: number[] = []
  for (let some = await popped(store, 1000); some.length > 0; some = await popped(store, 1000)) {
    ids.push(...some.map(([id]) => id))
  }
  return { ids, lost: (await store.stats()).lost, store }
}

describe('the queue, killed after puts that were synced,', () => {
  it('tells of what rots afterwards, in any of its segments, at the next opening or when it is met', async () => {
    for (const id of [1, 2, 15, 30, 39]) {
      const rig = await killed()
      const base = rig.segments.map((name) => Number(name.slice(0, 20))).findLast((from) => from <= id) ?? 0
      flip(rig.disk, `${FOLDER}/${segment(base)}`, (1056 + (id - base) * 370 + 200) * 8)
      const { ids, lost, store } = await left(rig)
      assert.equal(ids.length, 39, `${id}`)
      assert.equal(lost, 1)
      assert.deepEqual(
        rig.corruptions.map((report) => [report.lost, report.unsynced ?? false]),
        [[1, false]],
      )
      await store.close()
    }
  })

  it('tells of its last item, too, as never synced, where all of it is there and does not hold', async () => {
    const rig = await killed({ durability: 'os' })
    const tail = rig.segments.at(-1) ?? ''
    flip(rig.disk, `${FOLDER}/${tail}`, (rig.usedBytes(tail) - 20) * 8)
    const { ids, lost, store } = await left(rig)
    assert.deepEqual([ids.length, lost], [39, 1])
    assert.deepEqual(
      rig.corruptions.map((report) => report.unsynced),
      [true],
    )
    assert.equal(await put(store, ['another']), 41)
    await store.close()
  })

  it('has told the journal of each segment that was done', async () => {
    const rig = await killed()
    assert.ok(rig.segments.length > 3)
    for (const name of rig.segments.slice(-2)) rig.disk.unlink(`${FOLDER}/${name}`)
    const { ids, lost, store } = await left(rig)
    assert.ok(lost > 0, 'the segment before the last one was done')
    assert.ok(ids.length + lost < 40, 'what was in the last one is told by its frames alone')
    await store.close()
  })
})

describe('an idle spell', () => {
  it('records once how far the log is durable, and nothing when it is over', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    for (let first = 1; first <= 20; first++) await put(store, numbered(1, first, 300))
    const before = rig.disk.log.length
    await rest(rig)
    await rest(rig)
    assert.equal(cursorWrites(rig, before), 1)
    for (let spell = 0; spell < 5; spell++) await rest(rig)
    assert.equal(cursorWrites(rig, before), 1)
    await put(store, ['little'])
    await rest(rig)
    assert.equal(cursorWrites(rig, before), 1, 'for less than 4 KiB there is none')
    await store.close()
  })

  it('records nothing through a handle that was only told', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    const [store, other] = [await rig.open({ disk: process }), await rig.open()]
    for (let first = 1; first <= 20; first++) await put(store, numbered(1, first, 300))
    process.kill()
    await ready(other)
    const before = rig.disk.log.length
    for (let spell = 0; spell < 3; spell++) await rest(rig)
    assert.equal(cursorWrites(rig, before), 0)
    await other.close()
  })
})

describe('a sync', () => {
  it('counts for nothing that was written before its descriptor was there', async () => {
    for (const loss of ['kept', 'half', 'lost'] as const) {
      const rig = new QueueRig()
      const process = rig.disk.process()
      const failing = new FaultDisk(process)
      const [dying, other] = [await rig.open({ disk: failing }), await rig.open()]
      failing.setFault({ at: 1, call: 'sync', code: 'EIO', loss })
      rig.disk.holdSyncs = true
      const refused = assert.rejects(put(dying, numbered(3, 1, 300)))
      await turns()
      assert.equal((await ready(other)).length, 3)
      // It hears of the failure, and dies before it can say so.
      process.dieAt(1)
      rig.disk.holdSyncs = false
      rig.disk.releaseSyncs()
      await refused
      await turns()
      // Where the pages went that it was to go on behind, it says so, and goes on elsewhere.
      const first = await put(other, ['durable']).catch(() => undefined)
      assert.equal(first === undefined, loss !== 'kept', loss)
      const resolved = [first, await put(other, ['durable']), await put(other, ['told'])]
      for (const state of crashStates(rig.disk.log, { from: rig.disk.log.length, limit: 12, kinds: ['cut'] })) {
        const after = new QueueRig(state.disk, 5)
        const { ids, lost, store } = await left(after)
        assert.deepEqual(after.corruptions, [], `${loss} ${state.name}`)
        assert.equal(lost, 0)
        assert.ok(
          resolved.every((id) => id === undefined || ids.includes(id)),
          `${loss} ${state.name}: ${ids}`,
        )
        await store.close()
      }
      await other.close()
    }
  })

  it('that failed holds nothing up that comes behind the void', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    const disk = new FaultDisk(process)
    const store = await rig.open({ disk })
    await put(store, numbered(3, 1, 300))
    disk.setFault({ at: 1, call: 'sync', code: 'EIO' })
    await assert.rejects(put(store, ['refused']))
    for (let first = 5; first <= 30; first++) await put(store, numbered(1, first, 300))
    await rest(rig)
    process.kill()
    const tail = rig.segments.at(-1) ?? ''
    flip(rig.disk, `${FOLDER}/${tail}`, (1056 + 200) * 8)
    const { lost, store: after } = await left(rig)
    assert.equal(lost, 1)
    assert.deepEqual(
      rig.corruptions.map((report) => report.unsynced ?? false),
      [false],
    )
    await after.close()
  })
})

describe("the queue on 'os'", () => {
  const filled = async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: 'os', segmentSize: 4000 })
    for (let first = 1; first <= 30; first++) await put(store, numbered(1, first, 300))
    return { rig, store }
  }

  it('syncs a sealed segment once it is five seconds old, and no put waits for it', async () => {
    const { rig, store } = await filled()
    const [first = '', second = '', tail = ''] = rig.segments
    assert.deepEqual(
      [first, second, tail].map((name) => syncsOf(rig, name)),
      [0, 0, 0],
    )
    rig.clock.pass(4900)
    await turns()
    assert.equal(syncsOf(rig, first), 0)
    rig.disk.holdSyncs = true
    rig.clock.pass(200)
    await turns()
    await put(store, ['meanwhile'])
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await turns()
    await turns()
    assert.deepEqual(
      [first, second, tail].map((name) => syncsOf(rig, name)),
      [1, 1, 0],
    )
    await store.close()
  })

  it('syncs none that holds nothing that is still wanted', async () => {
    const { rig, store } = await filled()
    const [first = '', second = ''] = rig.segments
    assert.equal((await popped(store, 25)).length, 25)
    rig.clock.pass(5100)
    await turns()
    await turns()
    assert.deepEqual(
      [first, second].map((name) => syncsOf(rig, name)),
      [0, 0],
    )
    await store.close()
  })
})

describe('the queue, beside a handle that lives and names another boot,', () => {
  it('goes by the same boot where their locks show one kernel, so that nothing is lost or told', async () => {
    const rig = new QueueRig()
    const one = await rig.open({ durability: 'os', segmentSize: 1000 })
    for (let first = 1; first <= 9; first++) await put(one, numbered(1, first, 300))
    rig.disk.boot = 'another boot'
    const two = await rig.open({ durability: 'os', segmentSize: 1000 })
    const id = await put(two, ['ten'])
    assert.equal(id, 10, 'no jump')
    assert.deepEqual(rig.recovered, [])
    assert.equal((await popped(one, 100)).length + (await popped(one, 100)).length, 10)
    await two.close()
    await one.close()
    assert.deepEqual(rig.corruptions, [])
  })

  it('is refused where two machines may see the same locks, and opens once the other is gone', async () => {
    const rig = new QueueRig()
    rig.disk.shared = true
    const one = await rig.open()
    await put(one, ['1'])
    rig.disk.boot = 'another boot'
    await assert.rejects(rig.open(), (error) => error instanceof StorageError && /only one machine/.test(error.message))
    await one.close()
    const two = await rig.open()
    assert.equal((await popped(two, 10)).length, 1)
    await two.close()
  })
})
