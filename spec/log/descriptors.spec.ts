// descriptors.spec.ts: how many files a handle has open, whatever the length of its queue.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultLimits } from '../../lib/log/limits.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import type { Durability } from '../../lib/store.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { ack, numbered, put, QueueRig } from './queue-rig.ts'

/** Both locks, both files of the cursor, the owner's. */
const OTHERS = 5
const { openSegments, unsyncedSegments } = defaultLimits
const SEGMENTS = 60

async function opened(rig: QueueRig, durability: Durability): Promise<{ store: LogStore; process: DiskProcess }> {
  const process = rig.disk.process()
  // Nobody lets the time of an interval pass.
  return { process, store: await rig.open({ disk: process, durability, segmentSize: 1000 }) }
}

async function mostOpen(process: DiskProcess, steps: number, step: (n: number) => Promise<unknown>): Promise<number> {
  let most = 0
  for (let n = 0; n < steps; n++) {
    await step(n)
    most = Math.max(most, process.openFiles)
  }
  return most
}

const durabilities: readonly Durability[] = ['disk', 'os', { interval: 1e9 }]

describe('the queue', () => {
  for (const durability of durabilities) {
    it(`keeps a handful of files open while it grows, with ${JSON.stringify(durability)}`, async () => {
      const rig = new QueueRig()
      const { store, process } = await opened(rig, durability)
      const most = await mostOpen(process, SEGMENTS, (n) => put(store, numbered(10, n * 10, 100)))
      assert.ok(rig.segments.length >= SEGMENTS - 1)
      const dirty = durability === 'disk' ? 0 : unsyncedSegments
      assert.ok(most <= OTHERS + openSegments + dirty + 1, `${most} files`)
      const other = await opened(rig, durability)
      assert.ok(other.process.openFiles <= OTHERS + openSegments + 1, `${other.process.openFiles} files`)
      // One of each segment, then the rest: every other segment is opened again and again.
      const popping = await mostOpen(other.process, SEGMENTS, async () => {
        const [piece] = await other.store.lease(10)
        await other.store.settle([ack(piece?.firstId ?? 0)])
      })
      await other.store.flush()
      await other.store.stats()
      assert.ok(Math.max(popping, other.process.openFiles) <= OTHERS + openSegments + 2, `${popping} files`)
      await store.close()
      await other.store.close()
      assert.deepEqual([process.openFiles, other.process.openFiles], [0, 0])
    })
  }

  it('has no more than some segments that wait for the sync of an interval: puts wait for it', async () => {
    const rig = new QueueRig()
    const { store } = await opened(rig, { interval: 1e9 })
    for (let n = 0; n < 20; n++) await put(store, numbered(10, n * 10, 100))
    const synced = rig.disk.log.filter((op) => op.kind === 'sync' && /\.log$/.test(pathOf(rig, op.ino))).length
    assert.ok(synced >= rig.segments.length - unsyncedSegments - 2, `${synced} of ${rig.segments.length} synced`)
    await store.close()
  })
})

function pathOf(rig: QueueRig, ino: number): string {
  for (const [path, found] of rig.disk.content.names) if (found === ino) return path
  return ''
}
