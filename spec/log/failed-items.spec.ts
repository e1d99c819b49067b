// failed-items.spec.ts: what is set aside takes space as long as it is failed, and no longer.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogStore } from '../../lib/log/log-store.ts'
import type { Settlement } from '../../lib/store.ts'
import { turns } from '../queue/place.ts'
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
})
