// failed-items.spec.ts: what is set aside takes space as long as it is failed, and no longer.

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import type { Cut, Settlement } from '../../lib/store.ts'
import { crashStates } from '../crash/states.ts'
import { turns } from '../queue/place.ts'
import { newFolder } from '../real/workers.ts'
import { leased, numbered, put, QueueRig, SMALL } from './queue-rig.ts'
import { itemsOf } from './small-queue.ts'

function failing(...ids: readonly number[]): Settlement {
  return { outcome: 'fail', ids: ids.map((id) => ({ from: id, to: id })), reason: 'spoilt' }
}

async function failed(store: LogStore): Promise<(readonly [number, string])[]> {
  const listed = await store.list({ status: 'failed', after: 0, limit: 99 })
  return itemsOf(listed.map(({ piece }) => piece))
}

function failedBytes(rig: QueueRig): number {
  const names = rig.disk.list('/q/failed')
  return names.reduce((sum, name) => sum + rig.disk.bytesOf(`/q/failed/${name}`).length, 0)
}

/** Of documents as the specs make them. */
const cut: Cut = ({ bytes }, skip, count) => {
  const items: string[] = JSON.parse(Buffer.from(bytes).toString())
  return items.slice(skip, skip + count).map((item) => ({ bytes: Buffer.from(JSON.stringify([item])), count: 1 }))
}

/** Thirty failed items, of which all but two are discarded, in a queue that is durable but for that. */
async function fewLeft(rig: QueueRig, options: Parameters<QueueRig['open']>[0] = {}): Promise<LogStore> {
  const first = await rig.open({ cut })
  await put(first, numbered(30, 1, 100), 30)
  await first.settle([failing(...(await leased(first, 30)))])
  await first.close()
  const store = await rig.open({ cut, durability: 'os', ...options })
  await store.discard(Array.from({ length: 30 }, (_, i) => 1 + i).filter((id) => id % 15 !== 0))
  return store
}

const LEFT = [15, 30].map((id) => [id, `${id}`.padEnd(100, '.')])

describe('what is set aside', () => {
  for (const [name, end] of [
    ['discarded', (store: LogStore) => store.discard()],
    ['retried', (store: LogStore) => store.retry().then(() => store.clear())],
  ] as const) {
    it(`leaves nothing behind where it was ${name} and flushed`, async () => {
      const rig = new QueueRig()
      const store = await rig.open(SMALL)
      const other = await rig.open(SMALL)
      const sizes = new Set<number>()
      for (let round = 0; round < 5; round++) {
        const [by, beside] = round % 2 ? [other, store] : [store, other]
        await put(by, numbered(20, 1, 100))
        const ids = await leased(by, 20)
        await by.settle([failing(...ids)])
        assert.equal((await failed(beside)).length, 20)
        await end(beside)
        await beside.flush()
        sizes.add(failedBytes(rig))
        assert.ok(rig.bytes() < 1500, `${rig.bytes()} bytes`)
      }
      assert.equal(sizes.size, 1, `${[...sizes]}`)
      for (const each of [store, other]) await each.close()
      assert.deepEqual(await failed(await rig.open()), [])
    })
  }

  it('stays where others of its segment go', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    await put(store, numbered(30, 1, 100))
    await store.settle([failing(...(await leased(store, 30)))])
    const full = failedBytes(rig)
    await store.discard(Array.from({ length: 29 }, (_, i) => 2 + i))
    await store.flush()
    assert.ok(failedBytes(rig) < full / 2)
    await store.close()
    assert.deepEqual(await failed(await rig.open()), [[1, '1'.padEnd(100, '.')]])
  })

  it('is written once more where its segment was flushed away before it was recorded', async () => {
    const rig = new QueueRig()
    const [process, beside] = [rig.disk.process(), rig.disk.process()]
    const store = await rig.open({ disk: process, durability: 'os' })
    const other = await rig.open({ disk: beside, durability: 'os' })
    await put(store, numbered(3))
    await store.settle([failing(...(await leased(store, 1)))])
    await store.discard()
    await leased(store, 2)
    await turns()
    rig.disk.holdSyncs = true
    const setting = store.settle([failing(2)])
    await turns()
    const [own] = [...rig.disk.heldSyncs].filter((held) => held.process === process && held.path.includes('failed'))
    assert.ok(own, 'the copy waits for its sync')
    let isOver = false
    const flushed = other.flush().finally(() => {
      isOver = true
    })
    for (let turn = 0; !isOver && turn < 1000; turn++) {
      for (const held of [...rig.disk.heldSyncs]) if (held !== own) held.release()
      await turns(1)
    }
    await flushed
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await setting
    for (const each of [store, other]) assert.deepEqual(await failed(each), [[2, '2']])
    for (const each of [store, other]) await each.close()
    assert.deepEqual(await failed(await rig.open()), [[2, '2']])
  })

  it('takes the room of its items alone, and not that of their documents', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ cut })
    await put(store, numbered(256, 1, 100), 256)
    const ids = await leased(store, 256)
    await store.settle([failing(77)])
    const one = failedBytes(rig)
    assert.ok(one < DATA_START + 300, `${one} bytes`)
    await store.settle([{ outcome: 'fail', ids: [{ from: 100, to: 102 }], reason: 'spoilt' }])
    assert.ok(failedBytes(rig) < one + 600)
    const expected = [77, 100, 101, 102].map((id) => [id, `${id}`.padEnd(100, '.')])
    assert.deepEqual(await failed(store), expected)
    await store.settle([{ outcome: 'ack', ids: ids.filter((id) => id < 77).map((id) => ({ from: id, to: id })) }])
    await store.close()
    const again = await rig.open()
    assert.deepEqual(await failed(again), expected)
    assert.equal(await again.retry([101]), 1)
    const waiting = itemsOf(await again.peek(999)).map(([, item]) => item)
    assert.equal(waiting.at(-1), '101'.padEnd(100, '.'))
  })

  it('is copied to where there is room, where few of its segment are still failed', async () => {
    const rig = new QueueRig()
    const store = await fewLeft(rig)
    const other = await rig.open({ cut })
    const full = failedBytes(rig)
    const { reclaimed } = await store.flush()
    const left = failedBytes(rig)
    assert.ok(left < full / 3, `${left} of ${full} bytes`)
    assert.ok(reclaimed >= full - left, `${reclaimed} bytes`)
    for (const each of [store, other]) assert.deepEqual(await failed(each), LEFT)
    await other.flush()
    assert.equal(failedBytes(rig), left, 'nothing more to be won')
    for (const each of [store, other]) await each.close()
    const again = await rig.open()
    assert.deepEqual(await failed(again), LEFT)
    assert.equal(await again.retry(), 2)
  })

  it('comes through a crash while it is copied', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    const store = await fewLeft(rig, { disk: process })
    const from = rig.disk.log.length
    await store.flush()
    process.kill()
    let tried = 0
    for (const state of crashStates(rig.disk.log, { from, limit: 3, coarse: true })) {
      const after = new QueueRig(state.disk, 5)
      const opened = await after.open()
      const found = await failed(opened)
      const wanted = found.filter(([id]) => id % 15 === 0)
      assert.deepEqual(wanted, LEFT, state.name)
      assert.equal((await opened.counts()).failed, found.length, state.name)
      assert.deepEqual(after.corruptions, [], state.name)
      tried++
    }
    assert.ok(tried > 20, `${tried} states`)
  })

  it('does not come back where it is discarded while it is copied', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    const store = await fewLeft(rig, { disk: process })
    const other = await rig.open({ cut, durability: 'os' })
    rig.disk.holdSyncs = true
    const flushed = store.flush()
    await turns()
    assert.ok(
      [...rig.disk.heldSyncs].some(({ path }) => path.includes('failed')),
      'the copies wait for their sync',
    )
    assert.equal(await other.discard([15]), 1)
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await flushed
    for (const each of [store, other]) assert.deepEqual(await failed(each), LEFT.slice(1))
  })

  for (let before = 0; before < 8; before++) {
    it(`is there where its segment is flushed meanwhile, ${before} syncs before its own has ended`, async () => {
      const rig = new QueueRig()
      const [process, beside] = [rig.disk.process(), rig.disk.process()]
      const store = await rig.open({ disk: process, durability: 'os' })
      const other = await rig.open({ disk: beside, durability: 'os' })
      await put(store, numbered(2))
      await store.settle([failing(...(await leased(store, 1)))])
      await store.discard()
      await leased(store, 1)
      rig.disk.holdSyncs = true
      const over: string[] = []
      const setting = store.settle([failing(2)]).then(() => over.push('set aside'))
      await turns()
      const isOwn = (held: { readonly process: unknown }) => held.process === process
      const flushing = other.flush().then(() => over.push('flushed'))
      let released = 0
      for (let turn = 0; over.length < 2 && turn < 1000; turn++) {
        const [held] = [...rig.disk.heldSyncs].filter((each) => isOwn(each) === released >= before)
        const [any] = rig.disk.heldSyncs
        ;(held ?? any)?.release()
        released++
        await turns()
      }
      rig.disk.holdSyncs = false
      rig.disk.releaseSyncs()
      await Promise.all([setting, flushing])
      for (const each of [store, other]) assert.deepEqual(await failed(each), [[2, '2']])
    })
  }

  it('takes the room of its items alone whatever the codec, the recorded one too', async (t) => {
    for (const codec of ['msgpack', 'json'] as const) {
      const folder = newFolder(t, 'failed')
      await (await AsyncQueue.open(folder, { codec })).close()
      await using queue = await AsyncQueue.open<{ n: number; pad: string }>(folder)
      await queue.putMany(Array.from({ length: 200 }, (_, n) => ({ n, pad: 'x'.repeat(200) })))
      const [delivery] = await queue.lease(1)
      await delivery?.fail('spoilt')
      const [name] = readdirSync(join(folder, 'failed'))
      const { size } = statSync(join(folder, 'failed', name ?? ''))
      assert.ok(size < DATA_START + 500, `${size} bytes with ${codec}`)
      const [listed] = await queue.list({ status: 'failed' })
      assert.deepEqual(listed?.item, { n: 0, pad: 'x'.repeat(200) })
    }
  })
})
