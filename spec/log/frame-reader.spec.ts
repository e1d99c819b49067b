// frame-reader.spec.ts: frames of a segment come back whole or not at all, and their lengths are never trusted before
// they are checked.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { bodyBytesOf, FRAME_HEADER_BYTES, writeDocuments, writeFrameHeader } from '../../lib/log/frame.ts'
import { FrameReader } from '../../lib/log/frame-reader.ts'
import { DATA_START, writeHeader } from '../../lib/log/segment.ts'
import { Segment } from '../../lib/log/segment-file.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { anyHeader, headerBytes } from './any-header.ts'
import { bitsOf, flipped } from './bits.ts'

const BASE = 1000
const NONCE = 0x1234abcd
/** Steps over every frame: its header is all that is read. */
const ALL_IDS = Number.POSITIVE_INFINITY

/** Documents of one item each, as a frame. */
function frameOf(texts: readonly string[], relativeId: number): Buffer {
  const documents = texts.map((text) => ({ bytes: Buffer.from(text), count: 1 }))
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + bodyBytesOf(documents))
  writeDocuments(bytes, FRAME_HEADER_BYTES, documents)
  const body = bytes.subarray(FRAME_HEADER_BYTES)
  const syncedTo = { segment: 0, offset: 0 }
  const sizes = { bodyCrc: crc32(body), bodyBytes: body.length, count: texts.length }
  writeFrameHeader(bytes, 0, { ...sizes, flags: 0, relativeId, nonce: NONCE, time: 1, syncedTo })
  return bytes
}

const FRAMES = [frameOf(['one', 'two'], 0), frameOf(['three', '4'], 2), frameOf(['five'], 4)] as const
const OFFSETS = [DATA_START, DATA_START + FRAMES[0].length, DATA_START + FRAMES[0].length + FRAMES[1].length] as const
const HEADER = { base: BASE, rewrite: 0, nonce: NONCE, made: 1, asideEnd: 0, asideCount: 0, items: 0, limit: 0 }

/** A segment with these bytes as its data. */
function segmentOf(data: Uint8Array): Segment {
  const disk = new RecordingDisk()
  const segment = new Segment(disk, '', { base: BASE, rewrite: 0 }, 64)
  const file = disk.open(segment.path, 'create')
  const header = { ...HEADER, codec: 'json', voids: [], boot: 0 }
  file.write(writeHeader(header), 0)
  file.write(data, DATA_START)
  segment.adopt(file, header)
  return segment
}

function bodiesFrom(segment: Segment, offset: number, readBytes: number): string[] {
  const reader = new FrameReader(readBytes)
  const bodies: string[] = []
  let at = offset
  for (let frame = reader.read(segment, at, segment.size()); frame; frame = reader.read(segment, at, segment.size())) {
    bodies.push(frame.body.toString('latin1'))
    at = frame.next
  }
  return bodies
}

/** The largest buffer that is asked for from now on. */
function watchBuffers(t: TestContext): () => number {
  const spies = (['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const).map((name) => t.mock.method(Buffer, name))
  return () => Math.max(0, ...spies.flatMap(({ mock }) => mock.calls.map((call) => Number(call.arguments[0]))))
}

describe('frames of a segment', () => {
  const data = Buffer.concat(FRAMES)
  const bodies = FRAMES.map((frame) => frame.toString('latin1', FRAME_HEADER_BYTES))

  it('are read one behind the other, in chunks of any size', () => {
    for (const readBytes of [56, 57, 60, 100, 1000]) {
      assert.deepEqual(bodiesFrom(segmentOf(data), DATA_START, readBytes), bodies)
    }
  })

  it('are refused with any bit turned round, and the ones behind are found', () => {
    const middle = FRAMES[0].length
    for (const bit of bitsOf(middle, middle + FRAMES[1].length)) {
      const segment = segmentOf(flipped(data, bit))
      const reader = new FrameReader(64)
      const end = segment.size()
      assert.ok(reader.read(segment, OFFSETS[0], end))
      assert.equal(reader.read(segment, OFFSETS[1], end), undefined, `bit ${bit}`)
      assert.equal(reader.resync(segment, OFFSETS[1] + 1, end, BASE + 2)?.offset, OFFSETS[2], `bit ${bit}`)
    }
  })

  it('are refused where the file, or what is known of it, ends within them', () => {
    for (let length = 0; length < data.length; length++) {
      const whole = OFFSETS.filter(
        (_, index) => (OFFSETS[index + 1] ?? DATA_START + data.length) <= DATA_START + length,
      )
      assert.equal(bodiesFrom(segmentOf(data.subarray(0, length)), DATA_START, 64).length, whole.length)
      const reader = new FrameReader(64)
      const ends = DATA_START + length
      const segment = segmentOf(data)
      const read = OFFSETS.filter((offset) => reader.read(segment, offset, ends))
      assert.deepEqual(read, whole)
      assert.deepEqual(
        OFFSETS.filter((offset) => reader.readFor(segment, offset, ends, ALL_IDS)),
        whole,
      )
    }
  })

  it('are found behind any garbage, and none is found in it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300, size: 'max' }),
        fc.constantFrom(56, 64, 100, 1000),
        (garbage, readBytes) => {
          const magics = Buffer.from('spqf').reverse()
          const behind = segmentOf(Buffer.concat([garbage, magics, FRAMES[2]]))
          const found = new FrameReader(readBytes).resync(behind, DATA_START, behind.size(), BASE)
          assert.equal(found?.offset, DATA_START + garbage.length + 4)
          const alone = segmentOf(Buffer.concat([garbage, magics]))
          assert.equal(new FrameReader(readBytes).resync(alone, DATA_START, alone.size(), BASE), undefined)
        },
      ),
    )
  })

  it('of ids that are passed already are not found', () => {
    const segment = segmentOf(data)
    const reader = new FrameReader(64)
    assert.equal(reader.resync(segment, DATA_START, segment.size(), BASE + 1)?.offset, OFFSETS[1])
    assert.equal(reader.resync(segment, DATA_START, segment.size(), BASE + 5), undefined)
  })

  it('cost no more memory than the file has bytes, whatever length they claim', (t) => {
    const largest = watchBuffers(t)
    fc.assert(
      fc.property(anyHeader, fc.boolean(), (header, hop) => {
        const claims = headerBytes({ ...header, nonce: NONCE })
        const segment = segmentOf(Buffer.concat([claims, data]))
        const reader = new FrameReader(64)
        fc.pre(header.bodyBytes > data.length)
        const found = hop
          ? reader.readFor(segment, DATA_START, segment.size(), ALL_IDS)
          : reader.read(segment, DATA_START, segment.size())
        assert.equal(found, undefined)
        assert.ok(reader.resync(segment, DATA_START, segment.size(), BASE))
      }),
    )
    assert.ok(largest() < DATA_START + 1000, `${largest()} bytes at once`)
  })

  it('written by others are seen once what was read is discarded', () => {
    const segment = segmentOf(FRAMES[0])
    const reader = new FrameReader(1000)
    assert.ok(reader.read(segment, OFFSETS[0], segment.size()))
    segment.file.write(FRAMES[1], OFFSETS[1])
    reader.discard()
    assert.ok(reader.read(segment, OFFSETS[1], segment.size()))
  })
})
