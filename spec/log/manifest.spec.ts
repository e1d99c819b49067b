// manifest.spec.ts: queue.json is what the queue was made with, is made once, and is made anew from the segments.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../lib/errors.ts'
import { checkFolder, type Manifest, readOrCreate, sweepManifests } from '../../lib/log/manifest.ts'
import { writeHeader } from '../../lib/log/segment.ts'
import { StepLock } from '../../lib/log/step-lock.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { crashStates } from '../crash/states.ts'
import { bitsOf, flip } from './bits.ts'

const FOLDER = '/q'
const PATH = '/q/queue.json'
const WANTED: Manifest = { codec: 'json', segmentSize: 4096, id: 'q' }
const LOST: Manifest = { codec: 'msgpack', segmentSize: 99, id: 'another' }

interface Place {
  readonly disk: RecordingDisk
  open(wanted?: Manifest, disk?: FaultDisk | RecordingDisk): ReturnType<typeof readOrCreate>
}

let tags = 0

function placeOn(disk: RecordingDisk): Place {
  return {
    disk,
    open: (wanted = WANTED, on = disk) => {
      if (!disk.paths().includes('/q/append.lock')) disk.open('/q/append.lock', 'create').close()
      const lock = new StepLock(on.open('/q/append.lock', 'write'), () => 1)
      return readOrCreate(on, FOLDER, wanted, { lock, tag: `tag${++tags}` })
    },
  }
}

function newPlace(): Place {
  const disk = new RecordingDisk()
  disk.makeFolder(FOLDER)
  return placeOn(disk)
}

/** A segment that names the codec it was written with. */
function addSegment(disk: RecordingDisk, base: number, codec: string): void {
  const file = disk.open(`/q/${String(base).padStart(20, '0')}.0.log`, 'create')
  const sizes = { asideEnd: 0, asideCount: 0, items: 0, limit: 0 }
  file.write(writeHeader({ base, rewrite: 0, nonce: 1, made: 1, ...sizes, codec, voids: [], boot: 0 }), 0)
  file.close()
}

function put(disk: RecordingDisk, text: string, path = PATH): void {
  const file = disk.open(path, 'create')
  file.write(Buffer.from(text), 0)
  file.close()
}

async function isRefused(place: Place, message: RegExp): Promise<void> {
  const before = place.disk.log.length
  await assert.rejects(place.open(), (error) => error instanceof FormatError && message.test(error.message))
  const written = place.disk.log.slice(before).filter(({ kind }) => kind === 'write' || kind === 'rename')
  assert.deepEqual(written, [], 'nothing is written to it')
}

describe('queue.json', () => {
  it('is made once, and says from then on what it was made with', async () => {
    const place = newPlace()
    assert.deepEqual(await place.open(), { ...WANTED, format: 2, repaired: false })
    assert.deepEqual(await place.open(LOST), { ...WANTED, format: 2, repaired: false })
    assert.deepEqual(place.disk.list(FOLDER).sort(), ['append.lock', 'queue.json'])
    const text = Buffer.from(place.disk.bytesOf(PATH)).toString()
    assert.deepEqual(Object.keys(JSON.parse(text)), ['format', 'codec', 'order', 'segmentSize', 'id', 'crc'])
    assert.match(text, /\n$/)
  })

  it('is one for two creators at once', async () => {
    for (const turns of [0, 1, 2, 3]) {
      const place = newPlace()
      const first = place.open({ codec: 'one', segmentSize: 1, id: 'q' })
      for (let turn = 0; turn < turns; turn++) await undefined
      const both = await Promise.all([first, place.open({ codec: 'two', segmentSize: 2, id: 'q' })])
      assert.deepEqual(both[0], both[1])
      assert.deepEqual(place.disk.list(FOLDER).sort(), ['append.lock', 'queue.json'])
    }
  })

  it('keeps any codec name', async () => {
    for (const codec of ['msgpack', 'a "quoted", one', 'ключ', ',"crc":"', 'x'.repeat(100)]) {
      const place = newPlace()
      await place.open({ codec, segmentSize: 1, id: 'q' })
      assert.equal((await place.open(LOST)).codec, codec)
    }
  })

  it('is made anew from the newest whole segment with any bit turned round', async () => {
    const place = newPlace()
    await place.open()
    addSegment(place.disk, 1, 'older')
    addSegment(place.disk, 9, 'json')
    const before = Buffer.from(place.disk.bytesOf(PATH))
    for (const bit of bitsOf(0, before.length)) {
      flip(place.disk, PATH, bit)
      const read = await place.open({ ...LOST, segmentSize: 4096, id: 'q' })
      assert.deepEqual(read, { ...WANTED, format: 2, repaired: true }, `bit ${bit}`)
      assert.ok(Buffer.from(place.disk.bytesOf(PATH)).equals(before), `bit ${bit}: it is whole again`)
    }
  })

  it('is made anew where it is missing, empty or cut off with segments there', async () => {
    const place = newPlace()
    await place.open()
    addSegment(place.disk, 1, 'json')
    const { length } = place.disk.bytesOf(PATH)
    for (let size = 0; size < length; size++) {
      place.disk.open(PATH, 'write').truncate(size)
      const read = await place.open({ ...LOST, segmentSize: 4096, id: 'q' })
      assert.deepEqual(read, { ...WANTED, format: 2, repaired: true }, `${size} bytes`)
    }
    place.disk.unlink(PATH)
    assert.deepEqual(await place.open(LOST), {
      codec: 'json',
      segmentSize: 99,
      id: 'another',
      format: 2,
      repaired: true,
    })
  })

  it('is made anew with a codec whose name is longer than a segment can hold', async () => {
    const place = newPlace()
    const codec = 'a codec of my own with a very long name'
    await place.open({ codec, segmentSize: 1, id: 'q' })
    addSegment(place.disk, 1, codec)
    place.disk.unlink(PATH)
    assert.equal((await place.open({ codec, segmentSize: 1, id: 'q' })).codec, codec)
  })

  it('that is damaged, with no segment to say what it said, is refused', async () => {
    const place = newPlace()
    await place.open()
    flip(place.disk, PATH, 100)
    await isRefused(place, /damaged.*restore/)
  })

  it('of a newer format is refused', async () => {
    const place = newPlace()
    put(place.disk, '{"format":3,"codec":"json"}')
    addSegment(place.disk, 1, 'json')
    await isRefused(place, /newer/)
  })

  it('of somebody else is refused', async () => {
    const foreign = ['{"jobs":[]}', '{"format":1,"name":"readings"}', '{}', '{"codec":"h264"}', '{"format":"mp4"}']
    for (const text of foreign) {
      const place = newPlace()
      put(place.disk, text)
      await isRefused(place, /not written by spoolq|damaged/)
    }
  })

  it('that can not be written leaves the folder as it was, and can be written later', async () => {
    const faults = [
      ['open', 1],
      ['open', 2],
      ['open', 3],
      ['open', 4],
      ['write', 1],
      ['sync', 1],
      ['rename', 1],
      ['syncFolder', 1],
    ] as const
    for (const [call, at] of faults) {
      const place = newPlace()
      await place.disk.syncFolder(FOLDER)
      // The lock's own file is opened first.
      const disk = new FaultDisk(place.disk, { at: call === 'open' ? at + 1 : at, call, code: 'ENOSPC' })
      await assert.rejects(place.open(WANTED, disk), { code: 'ENOSPC' }, `${call} ${at}`)
      const isMade = call === 'syncFolder' || (call === 'open' && at === 4)
      assert.deepEqual(
        await place.open(LOST),
        { ...(isMade ? WANTED : LOST), format: 2, repaired: false },
        `${call} ${at}`,
      )
      sweepManifests(place.disk, FOLDER)
      assert.deepEqual(place.disk.list(FOLDER).sort(), ['append.lock', 'queue.json'])
    }
  })

  it('is whole or not there, whenever its making is cut short', async () => {
    const place = newPlace()
    await place.open()
    for (const state of crashStates(place.disk.log, { limit: 20 })) {
      if (!state.disk.paths().includes(FOLDER)) continue
      const { repaired } = await placeOn(state.disk).open()
      assert.equal(repaired, false, state.name)
    }
  })
})

describe('a folder', () => {
  const made = (...names: string[]) => {
    const { disk } = newPlace()
    for (const name of names) disk.open(`/q/${name}`, 'create').close()
    return disk
  }

  it('is absent, empty, or a queue', () => {
    assert.equal(checkFolder(new RecordingDisk(), FOLDER), 'absent')
    assert.equal(checkFolder(made(), FOLDER), 'empty')
    assert.equal(checkFolder(made('append.lock', 'queue.json.1a'), FOLDER), 'empty')
    assert.equal(checkFolder(made('cursor.0'), FOLDER), 'queue')
    assert.equal(checkFolder(made('00000000000000000001.0.log'), FOLDER), 'queue')
    assert.equal(checkFolder(made('queue.json', 'notes.txt'), FOLDER), 'queue')
  })

  it('that holds other things, or is a file, is refused', () => {
    for (const names of [['notes.txt'], ['cursor.0', 'package.json'], ['1.0.log']]) {
      assert.throws(() => checkFolder(made(...names), FOLDER), FormatError, names.join())
    }
    const disk = new RecordingDisk()
    disk.open(FOLDER, 'create').close()
    assert.throws(() => checkFolder(disk, FOLDER), FormatError)
  })
})
