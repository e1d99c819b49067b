// syncs.spec.ts: what a sync covers, what may be told of it, and what one leaves behind that failed. What it let go is
// gone, however well the next one ends: a file is never synced once more as if nothing had happened, and what comes
// later works.
//
//      write ─▶ sync ✗ ─▶ sync         a second one that counts for nothing: forbidden
//      write ─▶ sync ✗ ─▶ another file, or (the cursor) a new generation from the first byte on ─▶ sync

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageError } from '../../lib/errors.ts'
import { FRAME_HEADER_BYTES, parseFrameHeader } from '../../lib/log/frame.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { logSubject, SMALL_LIMITS } from '../crash/log-subject.ts'
import type { Op } from '../crash/operations.ts'
import { Program } from '../crash/program.ts'
import type { SyncLoss } from '../crash/recorded-file.ts'
import { crashStates } from '../crash/states.ts'
import { tryState } from '../crash/trial.ts'
import { words } from '../crash/workloads.ts'
import { long } from '../process/parts.ts'
import { Rig } from './journal-rig.ts'
import { numbered, popped, put, QueueRig, ready, segment } from './queue-rig.ts'

const SHORT = ['1', 'A', '1p', 'BBpf', '1x']
const WORDS = long([...SHORT, ...words(2, '13BApLrfx'), ...words(3, '1Bpf')], SHORT)
const LOSSES: readonly SyncLoss[] = ['kept', 'lost', 'half']
const MOST_SYNCS = 60
const SMALL = { segmentSize: 2048, flushLimit: 1024, limits: SMALL_LIMITS }

/** Files that were synced well after a sync of them had failed, without having been begun anew in between. */
function syncedAgain(log: readonly Op[]): string[] {
  const paths = new Map<number, string>()
  const failed = new Set<number>()
  const found: string[] = []
  for (const op of log) {
    if (op.kind === 'link' || op.kind === 'rename') paths.set(op.ino, op.path)
    // A generation of the cursor begins with its header.
    if (op.kind === 'write' && op.position === 0) failed.delete(op.ino)
    if (op.kind !== 'sync') continue
    if (op.failed) failed.add(op.ino)
    else if (failed.has(op.ino)) found.push(paths.get(op.ino) ?? String(op.ino))
  }
  return found
}

/** Runs the word; the n-th sync after the opening fails. False where there is no such sync. */
async function outlives(word: string, at: number, loss: SyncLoss): Promise<boolean> {
  const rig = new QueueRig()
  const disk = new FaultDisk(rig.disk.process())
  const program = new Program(rig.disk, () => rig.open({ ...SMALL, disk }))
  await program.open()
  disk.setFault({ at, call: 'sync', code: 'EIO', loss })
  for (const letter of word) await program.step(letter).catch(assertTold)
  await turns()
  if (disk.failures === 0) return false
  for (const letter of '1p') await program.step(letter)
  await program.store.close()
  assert.deepEqual(syncedAgain(rig.disk.log), [], 'a second sync counts for nothing')
  assert.deepEqual(rig.corruptions, [])
  for (const state of crashStates(rig.disk.log, { from: rig.disk.log.length, limit: 4 }))
    assert.deepEqual(await tryState(state, logSubject('disk')), [], state.name)
  return true
}

function assertTold(error: unknown): void {
  assert.ok(error instanceof StorageError, String(error))
}

/** The segments up to which the writers of the frames of this one knew the log to be durable. */
function syncedToIn(bytes: Uint8Array): number[] {
  const found: number[] = []
  for (let at = DATA_START; bytes[at]; ) {
    const { syncedTo, bodyBytes } = parseFrameHeader(Buffer.from(bytes), at)
    found.push(syncedTo.segment)
    at += FRAME_HEADER_BYTES + bodyBytes
  }
  return found
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
}

describe('the queue, when a sync fails', () => {
  it('never counts on a second one of that file, works on, and keeps what had resolved', async (t) => {
    let failed = 0
    for (const word of WORDS) {
      for (const loss of LOSSES) {
        for (let at = 1; at < MOST_SYNCS; at++) {
          const was = await outlives(word, at, loss).catch((error: unknown) => {
            throw new Error(`word '${word}', sync ${at}, ${loss}`, { cause: error })
          })
          if (!was) break
          failed++
        }
      }
    }
    t.diagnostic(`${WORDS.length} words, ${failed} syncs failed`)
    assert.ok(failed >= WORDS.length * LOSSES.length * 2, `only ${failed} syncs failed`)
  })

  it('takes all the same, in a new generation of its cursor', async () => {
    for (const loss of LOSSES) {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk.process())
      const store = await rig.open({ disk })
      await put(store, ['1', '2', '3'])
      disk.setFault({ at: 1, call: 'sync', code: 'EIO', loss })
      assert.deepEqual(await popped(store, 1), [[1, '1']])
      assert.equal(disk.failures, 1)
      for (const state of crashStates(rig.disk.log, { from: rig.disk.log.length, limit: 8 }))
        assert.deepEqual(
          await ready(await new QueueRig(state.disk, 5).open()),
          [
            [2, '2'],
            [3, '3'],
          ].map(entry),
        )
      await store.close()
    }
  })

  it('hands out nothing that it could not record, and gives it to the next who asks', async () => {
    const rig = new QueueRig()
    const disk = new FaultDisk(rig.disk.process())
    const store = await rig.open({ disk })
    await put(store, ['1', '2'])
    disk.setFault({ at: 1, call: 'sync', code: 'EIO', times: 'forever' })
    await assert.rejects(store.pop(1), StorageError)
    disk.setFault(undefined)
    assert.deepEqual(
      await popped(store, 2),
      [
        [1, '1'],
        [2, '2'],
      ].map(entry),
    )
    await store.close()
  })
})

function entry([id, item]: readonly (number | string)[]): readonly [number, string] {
  return [Number(id), String(item)]
}

/** On every disk that a power cut leaves now. */
async function afterCuts(rig: QueueRig, limit: number, judge: (after: QueueRig, store: LogStore) => Promise<void>) {
  for (const state of crashStates(rig.disk.log, { from: rig.disk.log.length, limit, kinds: ['cut'] })) {
    const after = new QueueRig(state.disk, 5)
    const store = await after.open()
    await judge(after, store)
    assert.deepEqual(after.corruptions, [], state.name)
    assert.equal((await store.stats()).lost, 0, state.name)
  }
}

describe('the queue, while a sync is under way,', () => {
  it('takes nothing for durable that came meanwhile', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: { interval: 5 } })
    await put(store, ['1'])
    rig.disk.holdSyncs = true
    rig.clock.pass(10)
    await turns()
    assert.equal(rig.disk.heldSyncs.size, 1, 'a sync is under way')
    await put(store, ['2'])
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await turns()
    await store.close()
    await afterCuts(rig, 20, async (_, after) =>
      assert.deepEqual(
        (await ready(after)).map(([id]) => id),
        [1, 2],
      ),
    )
  })

  it('lets a take that came meanwhile wait for the next one', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, ['1', '2', '3'])
    rig.disk.holdSyncs = true
    const taken: number[] = []
    const take = () => popped(store, 1).then(([item]) => taken.push(item?.[0] ?? 0))
    const both = [take(), take()]
    await turns()
    for (const held of rig.disk.heldSyncs) held.release()
    await turns()
    assert.deepEqual(taken, [1])
    await afterCuts(rig, 20, async (_, after) => assert.ok((await ready(after)).every(([id]) => id > 1)))
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await Promise.all(both)
    await afterCuts(rig, 20, async (_, after) => assert.deepEqual(await ready(after), [[3, '3']]))
    await store.close()
  })

  it('tells of no frame that it is durable before its name is', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ durability: { interval: 5 }, segmentSize: 700 })
    let last = 0
    const fill = async (segments: number) => {
      while (rig.segments.length < segments) await put(store, numbered(1, ++last, 300))
    }
    await fill(1)
    rig.clock.pass(10)
    await turns()
    await fill(2)
    rig.disk.holdSyncs = true
    rig.clock.pass(10)
    await turns()
    const held = () => [...rig.disk.heldSyncs]
    for (let found = held(); found[0]?.path.endsWith('.log'); found = held()) {
      for (const each of found) each.release()
      await turns()
    }
    assert.deepEqual(
      held().map(({ path }) => path),
      ['/q'],
      'the name of the second segment is being synced',
    )
    await put(store, [`${++last}`])
    rig.clock.pass(10)
    await turns()
    await fill(3)
    await afterCuts(rig, 200, async () => undefined)
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    await store.close()
  })

  it('does not record as durable a generation of the cursor that came meanwhile', async () => {
    const rig = new Rig()
    const [one, other] = [rig.open(), rig.open()]
    await rig.rollOver(one)
    const { generation } = one
    await one.sync()
    other.refresh()
    await rig.rollOver(other)
    one.refresh()
    one.markDurable(generation)
    other.refresh()
    assert.deepEqual([one.durable, other.durable], [false, false])
  })

  it('tells of no seal before bytes that are no frame that it is durable before it is', async () => {
    const rig = new QueueRig()
    const process = rig.disk.process()
    const [dying, store] = [await rig.open({ disk: process }), await rig.open({ durability: { interval: 5 } })]
    const putAndSync = async (item: string) => {
      await put(store, [item])
      rig.clock.pass(10)
      await turns()
    }
    await put(dying, ['1'])
    await putAndSync('2')
    // Behind the name in the lock's file, which tells the other that it was here.
    process.dieAt(2, 60)
    await assert.rejects(put(dying, ['3']))
    const before = rig.disk.log.length
    for (const item of ['3', '4', '5']) await putAndSync(item)
    assert.deepEqual(rig.segments, [segment(1), segment(3)])
    assert.equal(syncedToIn(rig.disk.bytesOf(`/q/${segment(3)}`)).at(-1), 3)
    const { log } = rig.disk
    const ino = rig.disk.content.names.get(`/q/${segment(1)}`)
    const sealed = log.findIndex((op, i) => i >= before && op.kind === 'write' && op.ino === ino)
    const synced = log.slice(sealed).flatMap((op) => (op.kind === 'sync' ? [op.ino] : []))
    assert.equal(synced[0], ino, 'the seal is synced before whatever comes behind it')
    await store.close()
  })

  it('tells of no segment that it is durable before all of the one before is, whoever wrote it', async () => {
    const rig = new QueueRig()
    const relaxed = await rig.open({ durability: 'os', segmentSize: 1000 })
    const strict = await rig.open({ segmentSize: 1000 })
    await put(strict, ['1'])
    for (let first = 2; first < 6; first++) await put(relaxed, numbered(1, first, 300))
    assert.ok(rig.segments.length > 1)
    await put(strict, ['6'])
    await strict.close()
    await afterCuts(rig, 60, async (_, after) => {
      const ids = (await ready(after)).map(([id]) => id)
      assert.ok(ids.includes(1) && ids.includes(6), `${ids}`)
    })
    await relaxed.close()
  })
})
