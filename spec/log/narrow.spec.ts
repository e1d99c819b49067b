// narrow.spec.ts: what goes wrong only where two things meet: a name that is made while the folder's sync runs, an item
// that comes back while its segment is removed, a rewrite of what only the old segment said.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checksumOf } from '../../lib/checksum.ts'
import { CursorState } from '../../lib/log/cursor-state.ts'
import { encodePreamble, FRAME_HEADER_BYTES, REPLACES, SLICED } from '../../lib/log/frame.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import { readHeader } from '../../lib/log/segment.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { SpecClock } from '../crash/spec-clock.ts'
import { crashStates } from '../crash/states.ts'
import { SystemError } from '../crash/system-error.ts'
import { LogRig } from './log-rig.ts'
import { ack, FOLDER, filled, leased, numbered, popped, put, QueueRig, ready, SMALL, segment } from './queue-rig.ts'
import { documentsOf } from './small-queue.ts'

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
}

it('a name that is made while the sync of its folder runs is not durable by it', async () => {
  const rig = new LogRig()
  const log = rig.log()
  rig.put(log, [1])
  rig.disk.holdSyncs = true
  const syncing = log.folderGate.pass()
  const later = log.roll()
  rig.disk.holdSyncs = false
  rig.disk.releaseSyncs()
  await syncing
  assert.deepEqual(
    log.segments.map(({ named }) => named),
    [true, false],
  )
  await log.folderGate.pass()
  assert.equal(later.named, true)
})

it('a queue in new folders within new folders is there after a power cut, once it was put to', async () => {
  const disk = new RecordingDisk()
  const ignore = () => undefined
  const events = { recovered: ignore, corruption: ignore, flushed: ignore, failed: ignore }
  const options = { durability: 'disk', codec: 'json', order: 'fifo', segmentSize: 4096, onDamage: 'skip' } as const
  const world = { disk: disk.process(), clock: new SpecClock(), random: () => 7 }
  const store = await LogStore.open('/a/b/q', { ...options, flushLimit: 1, autoResume: true, events }, world)
  await store.append(documentsOf(['1']))
  for (const state of crashStates(disk.log, { from: disk.log.length, kinds: ['cut'], limit: 40 })) {
    assert.ok(state.disk.paths().includes('/a/b/q/queue.json'), state.name)
  }
  await store.close()
})

it('a segment whose items a failed take gave back while it was about to be removed stays', async () => {
  const rig = new QueueRig()
  const store = await filled(rig)
  const failing = new FaultDisk(rig.disk.process())
  const other = await rig.open({ disk: failing, segmentSize: 1000 })
  failing.setFault({ at: 1, call: 'sync', code: 'EIO', times: 'forever' })
  rig.disk.holdSyncs = true
  const taking = assert.rejects(other.pop(10))
  await turns()
  const own = [...rig.disk.heldSyncs]
  const flushing = store.flush()
  await turns()
  const flush = [...rig.disk.heldSyncs].filter((held) => !own.includes(held))
  assert.equal(flush.length, 1, 'the flush waits for the cursor')
  for (let left = own; left.length > 0; left = [...rig.disk.heldSyncs].filter((held) => !flush.includes(held))) {
    for (const held of left) held.release()
    await turns()
  }
  await taking
  rig.disk.holdSyncs = false
  rig.disk.releaseSyncs()
  await flushing
  assert.equal((await ready(store)).length, 35)
  assert.ok(rig.segments.includes(segment(1)))
  failing.setFault(undefined)
  await other.close()
  await store.close()
})

/** A handle whose disk has no room for a new segment until it is told so. */
async function withoutRoom(rig: QueueRig): Promise<{ store: LogStore; makeRoom: () => void }> {
  const process = rig.disk.process()
  const open = process.open.bind(process)
  let isFull = true
  process.open = (path, mode) => {
    if (isFull && mode === 'create' && path.endsWith('.log')) throw new SystemError('ENOSPC', 'open', path)
    return open(path, mode)
  }
  const store = await rig.open({ disk: process, ...SMALL, durability: 'os' })
  return { store, makeRoom: () => (isFull = false) }
}

it('a segment that got the name of an empty one while a flush was under way is not removed for it', async () => {
  const rig = new QueueRig()
  const store = await filled(rig)
  // A flush has something to remove in failed/ then, and waits for the sync of that folder.
  await leased(store, 1)
  await store.settle([{ outcome: 'fail', ids: [{ from: 1, to: 1 }], reason: 'no good' }])
  await store.retry([1])
  await put(store, numbered(4, 37, 100))
  const dying = rig.disk.process()
  const first = await rig.open({ disk: dying, ...SMALL })
  // In its first frame of a new segment: behind the lock's name, a seal, the new file and its header.
  dying.dieAt(5, 20)
  await assert.rejects(put(first, ['never']))
  const empty = segment(41)
  assert.equal(rig.segments.at(-1), empty)
  const { store: other, makeRoom } = await withoutRoom(rig)
  await assert.rejects(put(other, ['no room, but for a seal']))
  rig.disk.holdSyncs = true
  const flushing = store.flush()
  await turns()
  assert.deepEqual(
    [...rig.disk.heldSyncs].map(({ path }) => path),
    [`${FOLDER}/failed`],
  )
  makeRoom()
  assert.equal(await put(other, ['41', '42', '43']), 41)
  assert.equal(rig.segments.at(-1), empty)
  assert.equal((await popped(other, 40)).at(-1)?.[0], 41)
  rig.disk.holdSyncs = false
  rig.disk.releaseSyncs()
  await flushing
  assert.deepEqual(rig.segments, [empty])
  assert.deepEqual(
    (await ready(other)).map(([id]) => id),
    [42, 43],
  )
  await other.close()
  await store.close()
})

describe('a rewrite', () => {
  const headerOf = (rig: QueueRig, name: string) => readHeader(rig.disk.bytesOf(`${FOLDER}/${name}`)).header

  it('says how many items it holds', async () => {
    const rig = new QueueRig()
    const store = await filled(rig)
    await leased(store, 20)
    await store.settle([ack(2, 3, 5, 6, 7, 8, 9)])
    await store.flush()
    assert.equal(headerOf(rig, segment(1, 1))?.items, 3)
    await store.close()
  })

  it('keeps the voids that its segment names', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk.process())
    const store = await rig.open({ disk, segmentSize: 1000 })
    await put(store, ['1'])
    disk.setFault({ at: 1, call: 'sync', code: 'EIO' })
    await assert.rejects(put(store, ['refused']))
    for (let first = 3; first <= 22; first += 5) await put(store, numbered(5, first, 100))
    const name = rig.segments[1] ?? ''
    const voids = headerOf(rig, name)?.voids
    assert.equal(voids?.length, 1)
    await leased(store, 6)
    await store.settle([ack(3, 5, 6, 7)])
    await store.flush()
    assert.deepEqual(headerOf(rig, name.replace('.0.log', '.1.log'))?.voids, voids)
    assert.equal((await popped(store, 1))[0]?.[0], 8)
    await store.close()
  })

  it('leaves a segment whose frame replaces what the journal does not know of yet', async () => {
    const rig = new LogRig()
    const log = rig.log()
    rig.put(log, [1, 1], 100)
    rig.put(log, [1], 100)
    const preamble = encodePreamble({ due: 0, attempt: 0, replaced: [{ from: 1, to: 1 }], retried: false })
    const document = Buffer.concat([Buffer.from([0, 1, 1, 1]), Buffer.from('x')])
    const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), preamble, document])
    const flags = REPLACES | SLICED
    log.write(log.prepare(), { bytes, bodyCrc: checksumOf(bytes, FRAME_HEADER_BYTES), count: 1, flags })
    log.roll()
    const state = new CursorState()
    state.apply({ kind: 'settled', ids: [{ from: 2, to: 3 }] })
    assert.equal(await rig.rewrite(log, 1, state), false, 'item 1 still is ready')
    state.apply({ kind: 'settled', ids: [{ from: 1, to: 1 }] })
    assert.equal(await rig.rewrite(log, 1, state), true)
  })
})
