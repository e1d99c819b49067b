// copy-crash.spec.ts: a copy that is cut short at any point, and begun again, leaves nothing out and nothing in twice.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../../lib/codec/json.ts'
import { Copying } from '../../lib/consume/copying.ts'
import { Core } from '../../lib/consume/core.ts'
import { MemoryStore } from '../../lib/memory/memory-store.ts'
import type { Store, StoreOptions } from '../../lib/store.ts'
import { crashStates } from '../crash/states.ts'
import { ManualClock } from '../wait/manual-clock.ts'
import { put, QueueRig } from './queue-rig.ts'

const ignore = () => undefined
const STORE: StoreOptions = {
  durability: 'disk',
  codec: 'json',
  order: 'fifo',
  flushLimit: Infinity,
  segmentSize: 4096,
  onDamage: 'skip',
  autoResume: true,
  events: { recovered: ignore, corruption: ignore, flushed: ignore, failed: ignore },
}

function coreOf(store: Store): Core<unknown> {
  const bounds = { maxSize: Infinity, maxBytes: Infinity, whenFull: 'wait' } as const
  const limits = { maxAttempts: Infinity, leaseTimeout: Infinity, unique: false } as const
  const parts = { store, codec: json, clock: new ManualClock(), location: 'here', ...bounds, ...limits }
  return new Core<unknown>(parts, new WeakRef({}))
}

/** Three batches: what was handed out twice, once and never. */
async function source(): Promise<Core<unknown>> {
  const store = await MemoryStore.open('', STORE, new ManualClock())
  const core = coreOf(store)
  await store.append(core.writer.many([1, 2, 3, 4, 5, 6], true))
  for (const count of [4, 2]) {
    const pieces = await store.lease(count)
    for (const { firstId, count } of pieces) {
      await store.settle([{ outcome: 'back', ids: [{ from: firstId, to: firstId + count - 1 }], counted: true }])
    }
  }
  return core
}

async function itemsIn(core: Core<unknown>): Promise<unknown[]> {
  const reader = core.reader()
  const listed = await core.store.list({ status: 'ready', after: 0, limit: 99 })
  return listed.flatMap(({ piece }) => reader.take(piece).items.map((item) => [item, piece.attempt]))
}

const WHOLE = [
  [1, 2],
  [2, 2],
  [3, 1],
  [4, 1],
  [5, 0],
  [6, 0],
]

describe('a copy that was cut short', () => {
  it('is whole once it has been begun again, whatever the crash left of it', async () => {
    const from = await source()
    const rig = new QueueRig()
    const store = await rig.open({ codec: 'json' })
    const target = coreOf(store)
    const begun = rig.disk.log.length
    await new Copying(from, target, {}).run()
    assert.deepEqual(await itemsIn(target), WHOLE)
    let states = 0
    for (const state of crashStates(rig.disk.log, { limit: 5, from: begun })) {
      states++
      const again = new QueueRig(state.disk, states)
      const reopened = coreOf(await again.open({ codec: undefined }))
      await new Copying(from, reopened, {}).run()
      assert.deepEqual(await itemsIn(reopened), WHOLE, state.name)
      assert.deepEqual(again.corruptions, [], state.name)
      await reopened.store.close()
    }
    assert.ok(states > 100, `${states} states`)
  })

  it('brings nothing again that its target has lost to its own consumers', async () => {
    const from = await source()
    const rig = new QueueRig()
    const target = coreOf(await rig.open({ codec: 'json' }))
    await new Copying(from, target, {}).run()
    await target.store.pop(9)
    await new Copying(from, target, {}).run()
    assert.deepEqual(await itemsIn(target), [])
    await put(await rig.open(), ['mine'])
  })
})
