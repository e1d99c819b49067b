// copied.spec.ts: a copy of a queue that nobody had closed, a restored backup: it is what a power cut might have left, in the
// same boot too, whatever the original had synced.

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { LogStore } from '../../lib/log/log-store.ts'
import type { Corruption } from '../../lib/store.ts'
import { numbered, popped, put, QueueRig, ready } from './queue-rig.ts'

const JUMP = 2 ** 32
const ITEMS = 40
const BOOT = 'boot 1'
const SAME = { device: 1, inode: 1 }

/** Killed when all was synced: each of its segments, and how far they are, is told to be durable. */
async function killed(): Promise<QueueRig> {
  const rig = new QueueRig()
  const process = rig.disk.process()
  const store = await rig.open({ segmentSize: 4000, disk: process })
  for (let first = 1; first <= ITEMS; first++) await put(store, numbered(1, first, 300))
  process.kill()
  return rig
}

/** As a copy has it that was begun before the last items of a segment were written. */
function shortened(rig: QueueRig, name: string): void {
  const file = rig.disk.open(`/q/${name}`, 'write')
  file.truncate(rig.usedBytes(name) - 900)
  file.close()
}

/** Syncs of segments that ended well. */
function synced(rig: QueueRig, from: number): number {
  const inodes = rig.segments.map((name) => rig.disk.content.names.get(`/q/${name}`))
  const ops = rig.disk.log.slice(from).filter((op) => op.kind === 'sync' && !op.failed && inodes.includes(op.ino))
  return new Set(ops.map((op) => ('ino' in op ? op.ino : 0))).size
}

interface Copied {
  readonly ids: readonly number[]
  readonly lost: number
  readonly told: readonly Corruption[]
  readonly next: number
  readonly synced: number
}

async function reopened(rig: QueueRig, onDamage: 'fail' | 'skip' = 'skip'): Promise<Copied> {
  const before = rig.disk.log.length
  const store = await rig.open({ segmentSize: 4000, onDamage })
  const count = synced(rig, before)
  const ids = (await popped(store, 1000)).map(([id]) => id)
  const next = (await put(store, ['next'])) ?? 0
  const { lost } = await store.stats()
  await store.close()
  return { ids, lost, told: rig.corruptions, next, synced: count }
}

describe('a queue that was copied while somebody had it open', () => {
  for (const [what, identity] of [
    ['another inode', { device: 1, inode: 2 }],
    ['another device', { device: 2, inode: 1 }],
  ] as const) {
    it(`(${what}) lacks some without a word, in the same boot and before what was synced`, async () => {
      for (const which of [0, 1, -1]) {
        const rig = await killed()
        const segments = rig.segments.length
        const short = rig.segments.at(which) ?? ''
        shortened(rig, short)
        rig.disk.identity = identity
        const { ids, lost, told, next, synced } = await reopened(rig, 'fail')
        assert.ok(ids.length < ITEMS && ids.length >= ITEMS - 3, `${ids.length}`)
        assert.deepEqual(
          ids,
          ids.toSorted((one, other) => one - other),
        )
        assert.deepEqual([lost, told], [0, []])
        assert.ok(next > JUMP, 'somebody may have seen ids that the copy does not hold')
        assert.equal(synced, segments, 'no sync of the original counts for the copy')
      }
    })
  }

  it('is no copy any more once it was opened', async () => {
    const rig = await killed()
    rig.disk.identity = { device: 3, inode: 7 }
    const process = rig.disk.process()
    const store = await rig.open({ segmentSize: 4000, disk: process })
    assert.equal((await ready(store)).length, ITEMS)
    for (let first = 1; first <= 5; first++) await put(store, numbered(1, first, 300))
    process.kill()
    shortened(rig, rig.segments[1] ?? '')
    const { told, next } = await reopened(rig)
    assert.equal(told.length, 1)
    assert.ok(next < 2 * JUMP)
  })
})

describe('a queue that is where it was', () => {
  it('misses what was synced, in the same boot and in another one', async () => {
    for (const boot of [BOOT, 'boot 2']) {
      const rig = await killed()
      shortened(rig, rig.segments[1] ?? '')
      rig.disk.boot = boot
      // Devices are numbered anew by each boot.
      rig.disk.identity = boot === BOOT ? SAME : { ...SAME, device: 2 }
      const { ids, lost, told } = await reopened(rig)
      assert.equal(ids.length + lost, ITEMS)
      assert.deepEqual(
        told.map((each) => each.unsynced ?? false),
        [false],
        boot,
      )
    }
  })

  it('is no copy to who sees its files under other numbers than an owner that lives', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(3))
    rig.disk.identity = { device: 9, inode: 9 }
    const other = await rig.open()
    assert.equal(await put(other, ['4']), 4)
    await other.close()
    await store.close()
  })
})

it('a copy of a folder on a real disk is one', async (t) => {
  const above = mkdtempSync(join(tmpdir(), 'spoolq-copied-'))
  t.after(() => rmSync(above, { recursive: true, force: true }))
  const told: Corruption[] = []
  const ignore = () => undefined
  const events = {
    recovered: ignore,
    corruption: (report: Corruption) => told.push(report),
    flushed: ignore,
    failed: ignore,
  }
  const options = { durability: 'disk', codec: 'json', order: 'fifo', segmentSize: 1 << 20, onDamage: 'fail' } as const
  const open = (name: string) =>
    LogStore.open(join(above, name), { ...options, flushLimit: 1e9, autoResume: true, events })
  const store = await open('original')
  for (let first = 1; first <= 9; first++) await put(store, numbered(1, first, 500))
  cpSync(join(above, 'original'), join(above, 'copy'), { recursive: true })
  truncateSync(join(above, 'copy', `${'1'.padStart(20, '0')}.0.log`), 1056 + 4 * 600)
  const copy = await open('copy')
  const ids = (await ready(copy)).map(([id]) => id)
  assert.deepEqual(ids, [1, 2, 3, 4])
  assert.ok(((await put(copy, ['next'])) ?? 0) > JUMP)
  assert.deepEqual([told, (await copy.stats()).lost], [[], 0])
  await copy.close()
  await store.close()
})
