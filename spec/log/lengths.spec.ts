// lengths.spec.ts: files that are longer than anything the queue wrote: holes of a terabyte, which take no block. What is
// read of them is counted.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { checksumOf } from '../../lib/checksum.ts'
import type { Disk } from '../../lib/disk/disk.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import { AsyncQueue } from '../../lib/index.ts'
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../lib/log/frame.ts'
import { FrameReader } from '../../lib/log/frame-reader.ts'
import { defaultLimits } from '../../lib/log/limits.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import { DATA_START, writeHeader } from '../../lib/log/segment.ts'
import { Segment } from '../../lib/log/segment-file.ts'
import { writeAgain } from '../../lib/log/written-again.ts'
import type { Corruption } from '../../lib/store.ts'
import { systemClock } from '../../lib/wait/clock.ts'
import { leased, numbered, popped, put, ready, segment } from './queue-rig.ts'

const TERABYTE = 2 ** 40

it('the queue opens beside files that are a terabyte long, and has lost nothing', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spoolq-lengths-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const name of ['cursor.0', 'cursor.1', 'queue.json', 'copy.json', 'append.lock', 'cursor.lock', 'owners/9']) {
    const queue = await AsyncQueue.open<string>(folder)
    await queue.putMany(['a', 'b', 'c'])
    assert.equal(await queue.pop(), 'a')
    await queue.close()
    const file = path.join(folder, name)
    fs.closeSync(fs.openSync(file, 'a'))
    try {
      fs.truncateSync(file, TERABYTE)
    } catch {
      return t.skip('NOT TRIED: this file system has no holes')
    }
    const again = await AsyncQueue.open<string>(folder)
    assert.deepEqual(await again.pop(9), ['b', 'c'], name)
    await again.close()
    fs.rmSync(path.join(folder, 'copy.json'), { force: true })
  }
})

/** More than any opening needs, and less than the hole. */
const MUCH_BYTES = 2 ** 29
/** More than what is read at once of a file that lacks the blocks for it. */
const LARGE_BYTES = 66 * 2 ** 20

/** The real disk, which refuses to read on and on. */
function countedDisk(): Disk {
  let bytes = 0
  const open: Disk['open'] = (path, mode) => {
    const file = nodeDisk.open(path, mode)
    const read = file.read.bind(file)
    file.read = (target, at, length, position) => {
      const got = read(target, at, length, position)
      bytes += got
      if (bytes > MUCH_BYTES) throw new Error('too much is read')
      return got
    }
    return file
  }
  // Without `enter`, so that all of its files are opened here.
  const { enter, ...disk } = nodeDisk
  return { ...disk, open }
}

interface Holed {
  readonly store: LogStore
  readonly told: Corruption[]
}

function newFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spoolq-lengths-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function opened(folder: string): Promise<Holed> {
  const told: Corruption[] = []
  const ignore = () => undefined
  const events = { recovered: ignore, corruption: (one: Corruption) => told.push(one), flushed: ignore, failed: ignore }
  const options = { durability: 'os', codec: 'json', order: 'fifo', segmentSize: 1 << 20, onDamage: 'skip' } as const
  const world = {
    disk: countedDisk(),
    clock: systemClock,
    random: () => Math.floor(Math.random() * 2 ** 32),
    limits: defaultLimits,
  }
  return { store: await LogStore.open(folder, { ...options, flushLimit: 1e9, autoResume: true, events }, world), told }
}

/** Nine items, of which one was set aside. */
async function filled(folder: string): Promise<LogStore> {
  const { store } = await opened(folder)
  for (let first = 1; first <= 9; first++) await put(store, numbered(1, first, 300))
  await leased(store, 1)
  await store.settle([{ outcome: 'fail', ids: [{ from: 1, to: 1 }], reason: 'no good' }])
  return store
}

async function closedQueue(folder: string): Promise<void> {
  const store = await filled(folder)
  await store.close()
}

describe('a segment that is a terabyte long', () => {
  it('is read as far as something may stand there, and no more', async (t) => {
    const folder = newFolder(t)
    await closedQueue(folder)
    fs.truncateSync(path.join(folder, segment(1)), TERABYTE)
    const { store, told } = await opened(folder)
    assert.equal(await put(store, ['ten']), 10)
    assert.equal((await ready(store)).length, 9)
    assert.deepEqual(told, [])
    await store.close()
    const again = await opened(folder)
    assert.equal((await popped(again.store, 20)).length, 9)
    assert.deepEqual(again.told, [])
    await again.store.close()
  })

  it('costs what rotted in it, and no more', async (t) => {
    const folder = newFolder(t)
    const other = await filled(folder)
    const file = path.join(folder, segment(1))
    const bytes = fs.readFileSync(file)
    const at = bytes.indexOf('9..')
    fs.writeFileSync(file, bytes.fill('x', at, at + 3))
    fs.truncateSync(file, TERABYTE)
    const { store, told } = await opened(folder)
    assert.deepEqual(
      told.map(({ lost, unsynced }) => [lost, unsynced]),
      [[1, true]],
    )
    assert.deepEqual(
      (await ready(store)).map(([id]) => id),
      [2, 3, 4, 5, 6, 7, 8],
    )
    await store.close()
    await other.close()
  })

  it('ends where its last bytes are', async (t) => {
    const folder = newFolder(t)
    await closedQueue(folder)
    const file = path.join(folder, segment(1))
    fs.truncateSync(file, TERABYTE - 9)
    fs.appendFileSync(file, 'something')
    const { store, told } = await opened(folder)
    assert.equal(await put(store, ['ten']), 10)
    assert.ok(fs.existsSync(path.join(folder, segment(10))), 'nothing is written before bytes that are no frame')
    assert.equal((await ready(store)).length, 9)
    assert.deepEqual(told, [])
    await store.close()
  })

  it('of failed items has them still', async (t) => {
    const folder = newFolder(t)
    await closedQueue(folder)
    fs.truncateSync(path.join(folder, 'failed', segment(1)), TERABYTE)
    const { store } = await opened(folder)
    const failed = await store.list({ status: 'failed', after: 0, limit: 9 })
    assert.deepEqual(
      failed.map(({ piece }) => piece.firstId),
      [1],
    )
    await store.retry([1])
    assert.equal((await ready(store)).length, 9)
    await store.close()
  })
})

describe('a frame that says that it is long, in a file that lacks the blocks for it', () => {
  /** Its body is a hole. */
  function holed(t: TestContext, bodyCrc: number): Segment {
    const folder = newFolder(t)
    const name = { base: 1, rewrite: 0 }
    const sizes = { asideEnd: 0, asideCount: 0, items: 0, limit: 0 }
    const header = { ...name, nonce: 5, made: 1, ...sizes, codec: 'json', voids: [], boot: 0 }
    const of = new Segment(nodeDisk, folder, name, 64)
    const file = nodeDisk.open(of.path, 'create')
    const bytes = Buffer.alloc(FRAME_HEADER_BYTES)
    const frame = { bodyCrc, bodyBytes: LARGE_BYTES, count: 1, flags: 0, relativeId: 0, nonce: 5, time: 1 }
    writeFrameHeader(bytes, 0, { ...frame, syncedTo: { segment: 0, offset: 0 } })
    file.write(writeHeader(header), 0)
    file.write(bytes, DATA_START)
    file.truncate(DATA_START + FRAME_HEADER_BYTES + LARGE_BYTES)
    of.adopt(file, header)
    t.after(() => of.close())
    return of
  }

  it('takes no memory where it lies', (t) => {
    const of = holed(t, 1)
    const { mock } = t.mock.method(Buffer, 'allocUnsafeSlow')
    assert.equal(new FrameReader(1 << 16).read(of, DATA_START, of.size()), undefined)
    assert.deepEqual(
      mock.calls.map(({ arguments: [length] }) => length),
      [1 << 16],
    )
  })

  it('is read where it holds', (t) => {
    const of = holed(t, checksumOf(Buffer.alloc(LARGE_BYTES)))
    assert.equal(new FrameReader(1 << 16).read(of, DATA_START, of.size())?.body.length, LARGE_BYTES)
  })

  it('is written again for its sync where it holds, and else it takes no memory', async (t) => {
    const of = holed(t, checksumOf(Buffer.alloc(LARGE_BYTES)))
    const end = of.size()
    await writeAgain(of.file, 5, DATA_START, end)
    assert.ok(of.file.allocated() > LARGE_BYTES)
    of.file.truncate(DATA_START)
    of.file.truncate(end)
    const { mock } = t.mock.method(Buffer, 'allocUnsafe')
    await assert.rejects(writeAgain(of.file, 5, DATA_START, end), /is gone/)
    await assert.rejects(writeAgain(holed(t, 1).file, 5, DATA_START, end), /is gone/)
    for (const call of mock.calls) assert.ok(Number(call.arguments[0]) <= 1 << 20)
  })
})
