// crafted.spec.ts: files whose checksums hold and whose numbers lie: billions of items, ids without end, lengths that are
// not there. What an opening reads, writes and allocates for them is counted.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Disk, DiskFile } from '../../lib/disk/disk.ts'
import { END_OF_IDS } from '../../lib/ids.ts'
import { ByteWriter, checksumOf, putVarint } from '../../lib/log/bytes.ts'
import { type CursorHeader, readCursorFile, writeCursorHeader, writeSnapshot } from '../../lib/log/cursor-file.ts'
import { CursorState } from '../../lib/log/cursor-state.ts'
import { DUE, FRAME_HEADER_BYTES, REPLACES, RETRIES, SLICED, SPARSE, writeFrameHeader } from '../../lib/log/frame.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { writeMark } from '../../lib/log/marks.ts'
import { type CursorRecord, encodeRecord } from '../../lib/log/record.ts'
import { DATA_START, readHeader, SEAL_AT, writeHeader, writeSeal } from '../../lib/log/segment.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { leased, popped, put, QueueRig, segment } from './queue-rig.ts'

const FIRST = `/q/${segment(1)}`
const END = END_OF_IDS
/** What an opening may read, write and allocate, with all that is done afterwards. An honest one stays below a tenth. */
const MOST_BYTES = 8 << 20
const MOST_CALLS = 4000

interface Lie {
  readonly lie: (rig: QueueRig) => void
  /** What is told of it: corruption, or nothing, as it may be true. */
  readonly told: 'corruption' | 'nothing'
  /** The ids that the lie may have used up. */
  readonly gone?: number
}

function varints(...values: readonly (number | string)[]): Buffer {
  const bytes = Buffer.alloc(values.reduce<number>((sum, value) => sum + `${value}`.length + 10, 0))
  let at = 0
  for (const value of values) at = typeof value === 'string' ? at + bytes.write(value, at) : putVarint(bytes, at, value)
  return bytes.subarray(0, at)
}

interface Frame {
  readonly count: number
  readonly body?: Buffer
  readonly flags?: number
  readonly relativeId?: number
  readonly time?: number
}

/** One more frame behind those of the only segment. */
function frame(rig: QueueRig, { count, body = Buffer.alloc(0), flags = 0, relativeId = 3, time = 1 }: Frame): void {
  const { header } = readHeader(rig.disk.bytesOf(FIRST))
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), body])
  const sums = { bodyCrc: checksumOf(body), bodyBytes: body.length, nonce: header?.nonce ?? 0 }
  writeFrameHeader(bytes, 0, { ...sums, count, flags, relativeId, time, syncedTo: { segment: 0, offset: 0 } })
  edit(rig, FIRST, (file) => file.write(bytes, rig.usedBytes(segment(1))))
}

function edit(rig: QueueRig, path: string, change: (file: DiskFile) => void): void {
  const file = rig.disk.open(path, 'write')
  change(file)
  file.close()
}

/** One more record behind those of the ruling file. */
function record(rig: QueueRig, record: CursorRecord): void {
  cursor(rig, (file, { end, seed, header }) => {
    const writer = new ByteWriter()
    encodeRecord(record, writer, seed, header.salt)
    file.write(writer.bytes(), end)
  })
}

type Reading = ReturnType<typeof readCursorFile> & { readonly header: CursorHeader }

function cursor(rig: QueueRig, change: (file: DiskFile, reading: Reading) => void): void {
  for (const name of ['cursor.0', 'cursor.1']) {
    edit(rig, `/q/${name}`, (file) => {
      const { header, ...reading } = readCursorFile(file)
      if (header && reading.state) change(file, { ...reading, header })
    })
  }
}

/** Another snapshot, and nothing behind it. */
function snapshot(rig: QueueRig, change: (state: CursorState) => Uint8Array): void {
  cursor(rig, (file, { header, state, records }) => {
    for (const each of records) state?.apply(each)
    const bytes = Buffer.from(change(state ?? new CursorState()))
    writeSnapshot(file, bytes, file.size())
    const [generation, snapshotBytes] = [header.generation + 2, bytes.length]
    writeCursorHeader(file, { ...header, generation, snapshotBytes, snapshotCrc: checksumOf(bytes) })
  })
}

function reheaded(rig: QueueRig, path: string, changed: object): void {
  edit(rig, FIRST, (file) => {
    const head = Buffer.alloc(DATA_START)
    file.read(head, 0, DATA_START, 0)
    const { header } = readHeader(head)
    assert.ok(header)
    writeHeader({ ...header, ...changed }).copy(head, 0, 0, SEAL_AT)
    const bytes = Buffer.from(rig.disk.bytesOf(FIRST))
    head.copy(bytes)
    if (path === FIRST) file.write(bytes, 0)
    else writeNew(rig, path, bytes)
  })
}

function writeNew(rig: QueueRig, path: string, bytes: Uint8Array): void {
  const file = rig.disk.open(path, 'create')
  file.write(bytes, 0)
  file.close()
}

const MANY = 2 ** 32 - 1
const ids = (to: number, from = 1) => [{ from, to }]
const frames: Record<string, Lie> = {
  'a document of 4 billion items': {
    lie: (rig) => frame(rig, { count: MANY, body: varints(MANY, 2, '[]') }),
    told: 'corruption',
  },
  'a document of 2^53 items': {
    lie: (rig) => frame(rig, { count: 255, body: varints(END - 1, 250, 'x'.repeat(250)) }),
    told: 'corruption',
    gone: 255,
  },
  'a frame of 4 billion ids without documents': { lie: (rig) => frame(rig, { count: MANY }), told: 'corruption' },
  'a frame without ids': { lie: (rig) => frame(rig, { count: 0 }), told: 'corruption' },
  'a frame that leaves 4 billion ids out': {
    lie: (rig) => frame(rig, { count: 1, relativeId: MANY, body: varints(1, 1, '5') }),
    told: 'corruption',
  },
  'a frame that says that 4 billion ids were left out': {
    lie: (rig) => frame(rig, { count: MANY, flags: SPARSE, body: varints(MANY - 1, 1, 1, '5') }),
    told: 'corruption',
  },
  'a frame that replaces 2^52 ids': {
    lie: (rig) => frame(rig, { count: 1, flags: REPLACES | SLICED, body: varints(1, 1, 2 ** 52, 0, 1, 1, 1, '5') }),
    told: 'corruption',
  },
  'a frame that retries 2^52 ids': {
    lie: (rig) => frame(rig, { count: 1, flags: RETRIES | SLICED, body: varints(1, 1, 2 ** 52, 0, 1, 1, 1, '5') }),
    told: 'corruption',
  },
  'a frame that replaces more ranges than it has bytes': {
    lie: (rig) => frame(rig, { count: 1, flags: REPLACES | SLICED, body: varints(MANY, 1, 0, 0, 1, 1, 1, '5') }),
    told: 'corruption',
  },
  'an item that is due, and was tried, 2^53 times': {
    lie: (rig) => frame(rig, { count: 1, flags: DUE, body: varints(END, END, 1, 1, '5') }),
    told: 'nothing',
    gone: 1,
  },
}

const segments: Record<string, Lie> = {
  'a seal that ends at 2^53': {
    lie: (rig) => edit(rig, FIRST, (file) => file.write(writeSeal({ end: END - 1, nextId: END - 1 }), SEAL_AT)),
    told: 'nothing',
  },
  'a header that says 2^52 ids were written': {
    lie: (rig) => reheaded(rig, FIRST, { asideEnd: 2 ** 50, asideCount: 2 ** 52 }),
    told: 'nothing',
  },
  'a segment named by one of the last ids': {
    lie: (rig) => reheaded(rig, `/q/${segment(END - 2)}`, { base: END - 2 }),
    told: 'corruption',
  },
  'a segment named by 0': { lie: (rig) => reheaded(rig, `/q/${segment(0)}`, { base: 0 }), told: 'nothing' },
}

const synced = { kind: 'synced', segment: 1, offset: 2 ** 50 } as const
const records: Record<string, Lie> = {
  'settled 2^52 ids': { lie: (rig) => record(rig, { kind: 'settled', ids: ids(2 ** 52) }), told: 'corruption' },
  'took all ids': {
    lie: (rig) => record(rig, { kind: 'took', owner: 2 ** 52, deadline: END, mode: 0, ids: ids(END - 1) }),
    told: 'corruption',
  },
  'failed 2^40 ids': {
    lie: (rig) => record(rig, { kind: 'failed', segment: 1, offset: 0, attempt: 1, ids: ids(2 ** 40) }),
    told: 'corruption',
  },
  'retried 2^50 ids': { lie: (rig) => record(rig, { kind: 'unfailed', ids: ids(2 ** 50) }), told: 'nothing' },
  'an id that is 0': { lie: (rig) => record(rig, { kind: 'settled', ids: ids(2, 0) }), told: 'corruption' },
  'synced up to the last id': { lie: (rig) => record(rig, { ...synced, nextId: END - 1 }), told: 'corruption' },
  'synced 2^34 ids of one segment': {
    lie: (rig) => record(rig, { ...synced, nextId: 2 ** 34 }),
    told: 'corruption',
  },
  'a snapshot whose head is the last id': {
    lie: (rig) => snapshot(rig, () => new CursorState(END - 1).encode()),
    told: 'corruption',
  },
  'a snapshot that ends within its numbers': {
    lie: (rig) => snapshot(rig, (state) => Buffer.concat([state.encode().subarray(0, -1), Buffer.from([255])])),
    told: 'corruption',
  },
  'a snapshot with 2^40 owners': {
    lie: (rig) => snapshot(rig, () => varints(1, 1, 0, 0, 0, 1, 2 ** 40)),
    told: 'corruption',
  },
  'a cursor that says that it is 2^45 bytes long': {
    lie: (rig) => cursor(rig, (file, { header }) => writeCursorHeader(file, { ...header, fileBytes: 2 ** 45 })),
    told: 'corruption',
  },
}

/** Counts what is read, written, opened and allocated. */
function counted(t: TestContext, disk: DiskProcess): { readonly disk: Disk; check(): void } {
  let [bytes, calls] = [0, 0]
  const count = (more: number) => {
    bytes += more
    calls += 1
    assert.ok(bytes <= MOST_BYTES && calls <= MOST_CALLS, `${bytes} bytes in ${calls} calls`)
  }
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => {
    const file = open(path, mode)
    const [read, write] = [file.read.bind(file), file.write.bind(file)]
    file.read = (target, at, length, position) => {
      const got = read(target, at, length, position)
      count(got)
      return got
    }
    file.write = (source, position) => {
      count(source.length)
      write(source, position)
    }
    count(0)
    return file
  }
  const mocks = [t.mock.method(Buffer, 'alloc'), t.mock.method(Buffer, 'allocUnsafeSlow')]
  const check = (): void => {
    for (const { mock } of mocks) {
      const total = mock.calls.reduce((sum, call) => sum + Number(call.arguments[0]), 0)
      assert.ok(total <= MOST_BYTES, `${total} bytes were allocated`)
    }
  }
  return { disk, check }
}

async function isContained(t: TestContext, { lie, told, gone = 0 }: Lie): Promise<void> {
  const rig = new QueueRig()
  const first = await rig.open()
  for (const item of ['"a"', '"b"', '"c"']) await put(first, [item])
  await first.close()
  lie(rig)
  const { disk, check } = counted(t, rig.disk.process())
  const store = await rig.open({ disk })
  const id = (await put(store, ['"new"'])) ?? 0
  assert.ok(id >= 4 && id <= 4 + gone, `id ${id}`)
  assert.deepEqual(await itemsOf(store), ['"a"', '"b"', '"c"', '"new"'])
  await store.stats()
  await store.flush()
  check()
  await store.close()
  assert.equal(rig.corruptions.length > 0, told === 'corruption', JSON.stringify(rig.corruptions))
  const { lost } = await lostIn(rig)
  assert.ok(lost <= gone, `${lost} are lost`)
}

async function itemsOf(store: LogStore): Promise<string[]> {
  const items: string[] = []
  for (let got = await popped(store, 2); got.length > 0; got = await popped(store, 2)) {
    items.push(...got.map(([, item]) => item))
  }
  return items
}

/** All of it was told once: another opening has nothing to tell. */
async function lostIn(rig: QueueRig): Promise<{ readonly lost: number }> {
  rig.corruptions.length = 0
  const store = await rig.open()
  const { lost } = await store.stats()
  assert.deepEqual(rig.corruptions, [])
  await store.close()
  return { lost }
}

for (const [what, lies] of Object.entries({ frames, segments, records })) {
  describe(`the queue opens and goes on beside ${what} that lie:`, () => {
    for (const [name, one] of Object.entries(lies)) it(name, (t) => isContained(t, one))
  })
}

describe('the queue refuses', () => {
  it('frames of a newer version, by name', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    for (const item of ['1', '2', '3']) await put(store, [item])
    await store.close()
    frame(rig, { count: 1, flags: 2 ** 30, body: varints(1, 1, '5') })
    await assert.rejects(rig.open(), { code: 'ERR_QUEUE_FORMAT', message: /newer version.*flags/ })
  })

  for (const [name, change] of Object.entries({
    generation: (header: CursorHeader) => ({ ...header, generation: END - 1 }),
    owners: (header: CursorHeader) => header,
  })) {
    it(`a cursor whose ${name} would end`, async () => {
      const rig = new QueueRig()
      await (await rig.open()).close()
      if (name === 'owners') record(rig, { kind: 'joined', owner: END - 1, place: { boot: 1, device: 0, inode: 0 } })
      cursor(rig, (file, { header }) => writeCursorHeader(file, change(header)))
      await assert.rejects(rig.open(), { code: 'ERR_QUEUE_FORMAT', message: /cursor/ })
    })
  }
})

describe('what a dead consumer marked', () => {
  it('gives nothing back that it did not hold', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, ['1', '2', '3'])
    const dying = rig.disk.process()
    const other = await rig.open({ disk: dying })
    assert.deepEqual(await leased(other, 2), [1, 2])
    const owner = rig.disk.paths().findLast((path) => path.startsWith('/q/owners/')) ?? ''
    edit(rig, owner, (file) => writeMark(file, 0, { from: 1, to: END + 2 ** 50 }))
    edit(rig, owner, (file) => writeMark(file, 1, { from: 2, to: END - 1 }))
    dying.kill()
    assert.equal(await store.reclaim(), 2)
    await store.close()
    const again = await rig.open()
    assert.equal(await put(again, ['4']), 4)
    assert.deepEqual(
      (await popped(again, 9)).map(([id]) => id),
      [1, 2, 3, 4],
    )
    assert.deepEqual(rig.corruptions, [])
    await again.close()
  })
})
