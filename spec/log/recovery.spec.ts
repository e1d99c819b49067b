// recovery.spec.ts: what an opening makes of what its predecessors left: nothing is lost, and no id comes twice.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { journalStart } from '../../lib/log/cursor-file.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { readSeal, SEAL_AT, SEAL_BYTES, type Seal } from '../../lib/log/segment.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { crashStates } from '../crash/states.ts'
import { flip } from './bits.ts'
import { ack, leased, numbered, type Opening, popped, put, QueueRig, ready } from './queue-rig.ts'
import { itemsOf } from './small-queue.ts'

const JUMP = 2 ** 32
const segment = (base: number, rewrite = 0) => `${String(base).padStart(20, '0')}.${rewrite}.log`

const SMALL = { segmentSize: 1000 }

function sealOf(bytes: Uint8Array): Partial<Seal> {
  const seal = readSeal(bytes, SEAL_AT)
  return typeof seal === 'string' ? {} : seal
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

interface Consumer {
  readonly process: DiskProcess
  readonly store: LogStore
}

/** A consumer that can be killed. */
async function consumer(rig: QueueRig, opening: Opening = {}): Promise<Consumer> {
  const process = rig.disk.process()
  return { process, store: await rig.open({ ...opening, disk: process }) }
}

describe('after an unclean end', () => {
  it('under another boot, ids go on 2^32 further, and nothing is lost', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(5))
    await store.pop(2)
    process.kill()
    rig.disk.boot = 'boot 2'
    const again = await rig.open()
    assert.deepEqual(await ready(again), [
      [3, '3'],
      [4, '4'],
      [5, '5'],
    ])
    assert.equal(await put(again, ['next']), 6 + JUMP)
    const { nextId, lost, ...counts } = await again.stats()
    assert.deepEqual([nextId, lost, counts.ready], [7 + JUMP, 0, 4])
    assert.deepEqual(
      (await popped(await rig.open(), 9)).map(([id]) => id),
      [3, 4, 5, 6 + JUMP],
    )
    assert.deepEqual(rig.corruptions, [])
  })

  it('under another boot, a segment whose seal the power cut took gets one: the next opening knows where it ends', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig, { ...SMALL, durability: 'os' })
    for (let first = 1; first < 6; first++) await put(store, numbered(1, first, 500))
    const [cut = assert.fail(), ...others] = rig.segments
    assert.ok(others.length > 0)
    process.kill()
    rig.disk.boot = 'boot 2'
    const file = rig.disk.open(`/q/${cut}`, 'write')
    file.write(Buffer.alloc(SEAL_BYTES), SEAL_AT)
    file.close()
    const again = await rig.open(SMALL)
    assert.deepEqual(
      (await ready(again)).map(([id]) => id),
      [1, 2, 3, 4, 5],
    )
    const { end = 0, nextId = 0 } = sealOf(rig.disk.bytesOf(`/q/${cut}`))
    assert.equal(nextId, Number.parseInt(others[0] ?? '', 10))
    assert.equal(end, rig.usedBytes(cut))
    assert.deepEqual(rig.corruptions, [])
  })

  it('under another boot, a full cursor that was not durable makes no difference', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    const store = await rig.open({ disk: process, durability: 'os', limits: { cursorBytes: 1024 } })
    const last = 200
    await put(store, numbered(last))
    rig.disk.holdSyncs = true
    let taken = 0
    let isStuck = false
    for (; !isStuck; taken++) {
      const popping = store.pop(1).then(
        () => false,
        () => true,
      )
      isStuck = await Promise.race([popping, turns(5).then(() => true)])
      assert.ok(taken < last, 'it never had to wait')
    }
    process.kill()
    rig.disk.holdSyncs = false
    rig.disk.boot = 'boot 2'
    const again = await rig.open({ limits: { cursorBytes: 1024 } })
    const { nextId, lost, ready: waiting } = await again.stats()
    assert.deepEqual([nextId, lost, waiting], [last + 1 + JUMP, 0, last - taken + 1])
    assert.deepEqual(
      (await ready(again)).map(([id]) => id),
      numbered(last - taken + 1, taken).map(Number),
    )
  })

  it('under another boot time and again, ids go on', async () => {
    const rig = new QueueRig()
    const ids: (number | undefined)[] = []
    for (let boot = 1; boot <= 4; boot++) {
      rig.disk.boot = `boot ${boot}`
      const { process, store } = await consumer(rig)
      ids.push(await put(store, [`${boot}`]))
      process.kill()
    }
    rig.disk.boot = 'boot 5'
    const last = await rig.open()
    assert.deepEqual(ids, [1, 2 + JUMP, 3 + 2 * JUMP, 4 + 3 * JUMP])
    assert.deepEqual(
      (await popped(last, 9)).map(([id]) => id),
      ids,
    )
    await last.flush()
    assert.equal((await last.counts()).ready, 0)
    assert.ok(rig.segments.length <= 1)
  })

  it('under the same boot, ids go on where they were', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(5))
    process.kill()
    assert.equal(await put(await rig.open(), ['next']), 6)
  })

  it('of nobody, another boot changes nothing', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(5))
    await store.close()
    rig.disk.boot = 'boot 2'
    assert.equal(await put(await rig.open(), ['next']), 6)
    assert.deepEqual(rig.recovered, [])
  })

  it('a cursor that is ahead of the log settles what the log has lost, as no loss', async () => {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(3))
    const used = rig.usedBytes(segment(1))
    await put(store, numbered(7, 4))
    await store.pop(1)
    const held = await leased(store, 6)
    await store.settle([ack(...held.slice(3, 5))])
    process.kill()
    // What 'os' would have left: the cursor's file was synced, the log's not.
    rig.disk.open(`/q/${segment(1)}`, 'write').truncate(used)
    rig.disk.boot = 'boot 2'
    const again = await rig.open()
    assert.deepEqual(
      (await ready(again)).map(([id]) => id),
      [2, 3],
    )
    const { ready: waiting, inFlight, lost } = await again.stats()
    assert.deepEqual([waiting, inFlight, lost], [2, 0, 0])
    assert.ok(Number(await put(again, ['next'])) > 10, 'no id is used twice')
    assert.deepEqual(rig.corruptions, [])
    await again.close()
    assert.deepEqual((await popped(await rig.open(), 9)).length, 3)
  })

  it('torn bytes are sealed off and told once, and the log goes on elsewhere', async () => {
    for (const torn of [1, 55, 56, 70]) {
      const rig = new QueueRig()
      const { process, store } = await consumer(rig)
      await put(store, numbered(3))
      const used = rig.usedBytes(segment(1))
      process.dieAt(1, torn)
      await assert.rejects(put(store, ['a rather long item']))
      const tornBytes = rig.usedBytes(segment(1)) - used
      assert.ok(tornBytes > torn / 2 && tornBytes <= torn, 'but for zeros at its end')
      const again = await rig.open()
      assert.deepEqual(rig.recovered, [{ tornBytes, reclaimed: 0 }])
      assert.equal(await put(again, ['next']), 4)
      assert.deepEqual(rig.segments, [segment(1), segment(4)])
      await again.close()
      assert.equal((await ready(await rig.open())).length, 4)
      assert.equal(rig.recovered.length, 1)
      assert.deepEqual(rig.corruptions, [])
    }
  })

  it('torn bytes are stepped over by those who are running', async () => {
    const rig = new QueueRig()
    const [{ process, store }, other] = [await consumer(rig), await rig.open()]
    await put(store, numbered(3))
    process.dieAt(1, 60)
    await assert.rejects(put(store, ['a rather long item']))
    assert.equal(await put(other, ['next']), 4)
    assert.deepEqual(rig.segments, [segment(1), segment(4)])
    assert.equal((await ready(other)).length, 4)
  })
})

describe('records of the cursor that do not hold, with others behind them', () => {
  async function withGap(boot: string): Promise<QueueRig> {
    const rig = new QueueRig()
    const { process, store } = await consumer(rig)
    await put(store, numbered(9))
    for (let count = 0; count < 6; count++) await store.pop(1)
    process.kill()
    rig.disk.boot = boot
    // Behind the first opening's records: one of the pops.
    const start = journalStart(Buffer.from(rig.disk.bytesOf('/q/cursor.0')).readUInt32LE(28))
    flip(rig.disk, '/q/cursor.0', (start + 4 * 32 + 3) * 8)
    return rig
  }

  it('are told as damage once, and cost no more than what they said', async () => {
    const rig = await withGap('boot 1')
    const store = await rig.open()
    const left = (await ready(store)).map(([id]) => id)
    assert.equal(left.length, 4)
    assert.deepEqual(left.slice(-3), [7, 8, 9])
    assert.deepEqual(
      rig.corruptions.map(({ file, bytes, lost }) => [file, bytes, lost]),
      [['/q/cursor.0', 32, 0]],
    )
    await store.close()
    await rig.open()
    assert.equal(rig.corruptions.length, 1)
  })

  it('are no damage after a power cut', async () => {
    const rig = await withGap('boot 2')
    const store = await rig.open()
    assert.equal((await ready(store)).length, 4)
    await store.close()
    await rig.open()
    assert.deepEqual(rig.corruptions, [])
    assert.deepEqual(rig.names(/damaged/), [])
  })
})

describe('an item set aside', () => {
  it('is never lost by a crash: it is ready, or in failed/', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(2))
    const from = rig.disk.log.length
    await leased(store, 1)
    await store.settle([{ outcome: 'fail', ids: [{ from: 1, to: 1 }], reason: 'no good' }])
    await store.settle([{ outcome: 'ack', ids: [] }])
    let tried = 0
    for (const state of crashStates(rig.disk.log, { from, limit: 12 })) {
      const after = new QueueRig(state.disk, 5)
      const opened = await after.open()
      const failed = await opened.list({ status: 'failed', after: 0, limit: 9 })
      const waiting = (await ready(opened)).map(([id]) => id)
      const { failed: counted } = await opened.counts()
      assert.deepEqual([...itemsOf(failed.map(({ piece }) => piece)).map(([id]) => id), ...waiting], [1, 2], state.name)
      assert.equal(counted, failed.length, state.name)
      assert.deepEqual(after.corruptions, [], state.name)
      tried++
    }
    assert.ok(tried > 20, `${tried} states`)
  })
})
