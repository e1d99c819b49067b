// upgrade.spec.ts: a queue of format 1 is brought to format 2 by whoever opens it alone, whenever that is cut short.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { FormatError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { crashStates } from '../crash/states.ts'
import { FOLDER, put, QueueRig } from './queue-rig.ts'

/** What version 1 wrote: 300 items, of which 179 are ready (fixtures/make.ts). */
const FIXTURE = join(import.meta.dirname, '../../../spec/fixtures/v1')
/** Only one of the cursor's files was needed. */
const OLDER = [1, 1, 0]
const READY = Array.from({ length: 179 }, (_, index) => 122 + index)

function olderQueue(): RecordingDisk {
  const disk = new RecordingDisk()
  disk.makeFolder(`${FOLDER}/failed`)
  for (const name of readdirSync(FIXTURE, { recursive: true, encoding: 'utf8' })) {
    if (name === 'failed') continue
    const file = disk.open(`${FOLDER}/${name}`, 'create')
    file.write(readFileSync(join(FIXTURE, name)), 0)
    file.close()
  }
  return disk
}

async function onMedium(disk: RecordingDisk): Promise<RecordingDisk> {
  for (const path of disk.paths().filter((path) => /\.log$|json$|cursor\.\d$/.test(path))) {
    const file = disk.open(path, 'write')
    await file.sync()
    file.close()
  }
  for (const folder of ['/', FOLDER, `${FOLDER}/failed`]) await disk.syncFolder(folder)
  return disk
}

/** The numbers that an older version looks at before it does anything: it takes the queue where each is 1. */
function versionsOf(disk: RecordingDisk): number[] {
  const manifest: unknown = JSON.parse(Buffer.from(disk.bytesOf(`${FOLDER}/queue.json`)).toString())
  assert.ok(typeof manifest === 'object' && manifest !== null && 'format' in manifest)
  const cursors = ['cursor.0', 'cursor.1'].map((name) => Buffer.from(disk.bytesOf(`${FOLDER}/${name}`)).readUInt32LE(4))
  return [Number(manifest.format), ...cursors]
}

/** Ids alone: a batch of format 1's is one document here. */
async function readyIn(store: LogStore): Promise<number[]> {
  const pieces = await store.peek(1000)
  return pieces.flatMap(({ firstId, count }) => Array.from({ length: count }, (_, index) => firstId + index))
}

async function idsIn(rig: QueueRig): Promise<number[]> {
  const store = await rig.open()
  const ids = await readyIn(store)
  assert.equal((await store.stats()).lost, 0)
  await store.close()
  return ids
}

describe('a queue of format 1', () => {
  it('is one of format 2 once it was opened, with all that it holds', async () => {
    const disk = olderQueue()
    assert.deepEqual(versionsOf(disk), OLDER)
    const rig = new QueueRig(disk)
    assert.deepEqual(await idsIn(rig), READY)
    const [manifest, ...cursors] = versionsOf(disk)
    assert.equal(manifest, 2)
    assert.ok(cursors.includes(2), 'the ruling cursor file')
    assert.deepEqual(await idsIn(rig), READY)
    assert.deepEqual(rig.names(/^queue\.json/), ['queue.json'])
    assert.deepEqual(rig.corruptions, [])
    const store = await rig.open()
    assert.equal(await put(store, ['another']), 301)
    await store.close()
  })

  it('opens, with all that it holds, wherever the opening that brings it to format 2 was cut short', async () => {
    const disk = await onMedium(olderQueue())
    const before = disk.log.length
    await idsIn(new QueueRig(disk))
    let tried = 0
    for (const state of crashStates(disk.log, { limit: 6, from: before })) {
      const rig = new QueueRig(state.disk, 12)
      const versions = versionsOf(state.disk)
      assert.ok(
        versions.every((version) => version <= 2),
        state.name,
      )
      assert.deepEqual(await idsIn(rig), READY, state.name)
      assert.deepEqual(rig.corruptions, [], state.name)
      assert.equal(versionsOf(state.disk)[0], 2, state.name)
      tried++
    }
    assert.ok(tried > 50, `${tried}`)
  })

  it('is refused while a process of an older version has it open, and nothing is changed', async () => {
    const disk = olderQueue()
    const older = disk.process()
    older.makeFolder(`${FOLDER}/owners`)
    const owner = older.open(`${FOLDER}/owners/2`, 'create')
    assert.equal(owner.tryLock(), true)
    const rig = new QueueRig(disk)
    await assert.rejects(
      rig.open(),
      (error) => error instanceof FormatError && /older version.*close the queue there/.test(error.message),
    )
    assert.deepEqual(versionsOf(disk), OLDER)
    assert.deepEqual(rig.names(/^queue\.json/), ['queue.json'])
    older.kill()
    assert.deepEqual(await idsIn(rig), READY)
  })

  it('that another one brings to format 2 meanwhile is opened all the same', async () => {
    const rig = new QueueRig(olderQueue())
    const stores = await Promise.all([rig.open(), rig.open(), rig.open()])
    for (const store of stores) assert.deepEqual(await readyIn(store), READY)
    for (const store of stores) await store.close()
    assert.deepEqual(rig.names(/^queue\.json/), ['queue.json'])
  })
})
