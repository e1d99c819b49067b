// frame.spec.ts: a frame comes back whole or not at all, and its lengths are never trusted before they are checked.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { crc32 } from '../../lib/log/bytes.ts'
import {
  bodyBytesOf,
  encodePreamble,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  flagsOf,
  type PlacedDocument,
  RETRIES,
  readDocument,
  readFrameHeader,
  readPreamble,
  SLICED,
  SPARSE,
  writeDocument,
  writeDocuments,
  writeFrameHeader,
} from '../../lib/log/frame.ts'
import { FrameReader } from '../../lib/log/frame-reader.ts'
import { DATA_START, writeHeader } from '../../lib/log/segment.ts'
import { Segment } from '../../lib/log/segment-file.ts'
import type { Document } from '../../lib/store.ts'
import { runs as times } from '../codec/items.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { bitsOf, flipped } from './bits.ts'

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const u53 = fc.maxSafeNat()
const plain = { noNullPrototype: true } as const
const BASE = 1000
const NONCE = 0x1234abcd
/** Steps over every frame: its header is all that is read. */
const ALL_IDS = Number.POSITIVE_INFINITY

const anyHeader: fc.Arbitrary<FrameHeader> = fc.record(
  {
    bodyCrc: u32,
    bodyBytes: u32,
    count: u32,
    flags: u32,
    relativeId: u32,
    nonce: u32,
    time: u53,
    syncedTo: fc.record({ segment: u53, offset: u53 }, plain),
  },
  plain,
)

const anyDocument: fc.Arbitrary<Document> = fc.record({
  bytes: fc.uint8Array({ maxLength: 300, size: 'max' }),
  count: fc.integer({ min: 1, max: 70_000 }),
})

function headerBytes(header: FrameHeader, at = 0): Buffer {
  const bytes = Buffer.alloc(at + FRAME_HEADER_BYTES)
  writeFrameHeader(bytes, at, header)
  return bytes
}

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
  const header = { ...HEADER, codec: 'json', voids: [] }
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

describe('the header of a frame', () => {
  it('comes back as it was written, wherever it stands', () => {
    fc.assert(
      fc.property(anyHeader, fc.nat(40), (header, at) => {
        const bytes = headerBytes(header, at)
        assert.deepEqual(readFrameHeader(bytes, at, bytes.length, header.nonce), header)
      }),
    )
  })

  it('is refused with any bit turned round', () => {
    fc.assert(
      fc.property(anyHeader, fc.constantFrom(...bitsOf(0, FRAME_HEADER_BYTES)), (header, bit) => {
        const bytes = flipped(headerBytes(header), bit)
        assert.equal(readFrameHeader(bytes, 0, bytes.length, header.nonce), undefined)
      }),
      times(400),
    )
  })

  it('is refused when it was cut off, or is of another segment', () => {
    fc.assert(
      fc.property(anyHeader, fc.nat(FRAME_HEADER_BYTES - 1), u32, (header, length, nonce) => {
        fc.pre(nonce !== header.nonce)
        const bytes = headerBytes(header)
        assert.equal(readFrameHeader(bytes.subarray(0, length), 0, length, header.nonce), undefined)
        assert.equal(readFrameHeader(bytes, 0, length, header.nonce), undefined)
        assert.equal(readFrameHeader(bytes, 0, bytes.length, nonce), undefined)
      }),
    )
  })
})

describe('the documents of a frame', () => {
  const anySparse = fc.array(fc.record({ document: anyDocument, skip: fc.nat(100_000) }), { maxLength: 20 })

  function readAll(body: Uint8Array, flags: number, firstId: number): PlacedDocument[] {
    const placed: PlacedDocument[] = []
    let id = firstId
    for (let at = 0; at < body.length; ) {
      const found = readDocument(body, at, { flags, time: 7, firstId: id })
      assert.ok(found)
      placed.push(found.placed)
      at = found.next
      id = found.placed.firstId + found.placed.taken
    }
    return placed
  }

  it('come back with their ids, and take as many bytes as was said', () => {
    fc.assert(
      fc.property(
        fc.array(anyDocument, { maxLength: 20 }),
        fc.integer({ min: 1, max: 2 ** 48 }),
        (documents, first) => {
          const body = Buffer.alloc(bodyBytesOf(documents))
          assert.equal(writeDocuments(body, 0, documents), body.length)
          let firstId = first
          const placed = readAll(body, 0, first)
          assert.equal(placed.length, documents.length)
          for (const [index, { bytes, count }] of documents.entries()) {
            const read = placed[index]
            assert.deepEqual(
              { ...read, document: { ...read?.document, bytes: Buffer.from(read?.document.bytes ?? []) } },
              {
                firstId,
                offset: 0,
                taken: count,
                time: 7,
                document: { bytes: Buffer.from(bytes), count },
              },
            )
            firstId += count
          }
        },
      ),
    )
  })

  it('come back with their ids where ids before them were left out', () => {
    fc.assert(
      fc.property(anySparse, fc.integer({ min: 1, max: 2 ** 48 }), (entries, first) => {
        const body = Buffer.alloc(entries.reduce((sum, { document }) => sum + 8 + bodyBytesOf([document]), 0))
        let end = 0
        const ids: number[] = []
        let id = first
        for (const { document, skip } of entries) {
          end = writeDocument(body, end + writeSkip(body, end, skip), document)
          ids.push(id + skip)
          id += skip + document.count
        }
        const placed = readAll(body.subarray(0, end), SPARSE, first)
        assert.deepEqual(
          placed.map(({ firstId }) => firstId),
          ids,
        )
      }),
    )
  })

  function writeSkip(body: Buffer, at: number, skip: number): number {
    let length = 0
    for (let rest = skip; ; rest = Math.floor(rest / 128)) {
      body[at + length++] = rest >= 128 ? (rest % 128) | 128 : rest
      if (rest < 128) return length
    }
  }

  it('come back as the parts of them that are meant', () => {
    const anySlice = fc
      .record({ document: anyDocument, part: fc.tuple(fc.nat(), fc.nat()) })
      .map(({ document, part }) => {
        const offset = part[0] % document.count
        return { ...document, offset, taken: 1 + (part[1] % (document.count - offset)) }
      })
    fc.assert(
      fc.property(fc.array(anySlice, { maxLength: 20 }), (slices) => {
        const body = Buffer.alloc(bodyBytesOf(slices))
        assert.equal(writeDocuments(body, 0, slices), body.length)
        const shown = readAll(body, SLICED, 1).map(({ firstId, offset, taken, document: { bytes, count } }) => {
          return { firstId, offset, taken, count, bytes: Buffer.from(bytes) }
        })
        let firstId = 1
        for (const [index, { offset, taken, count, bytes }] of slices.entries()) {
          assert.deepEqual(shown[index], { firstId, offset, taken, count, bytes: Buffer.from(bytes) })
          firstId += taken
        }
      }),
    )
  })

  it('are refused as parts of more than they hold, or of nothing', () => {
    for (const [offset, taken] of [
      [0, 4],
      [3, 1],
      [2, 2],
      [0, 0],
    ] as const) {
      const body = Buffer.alloc(9)
      writeDocument(body, 0, { bytes: Buffer.from('three'), count: 3, offset, taken })
      assert.equal(readDocument(body, 0, { flags: SLICED, time: 0, firstId: 1 }), undefined, `${offset}, ${taken}`)
    }
  })

  it('stand behind what a frame says besides them', () => {
    const anyRange = fc.tuple(u53, fc.nat()).map(([from, more]) => ({ from, to: from + more }))
    const anyExtra = fc.record(
      { due: u53, attempt: fc.nat(), replaced: fc.array(anyRange), retried: fc.boolean() },
      plain,
    )
    fc.assert(
      fc.property(anyExtra, anyDocument, (extra, document) => {
        const preamble = encodePreamble(extra)
        const slice = { ...document, offset: 0, taken: document.count }
        const documents = extra.replaced.length > 0 ? [slice] : [document]
        const body = Buffer.concat([preamble, Buffer.alloc(bodyBytesOf(documents))])
        writeDocuments(body, preamble.length, documents)
        const flags = flagsOf(extra)
        const { due, attempt, replaced, end } = readPreamble(body, flags)
        const { retried, ...expected } = extra
        assert.deepEqual({ due, attempt, replaced, end }, { ...expected, end: preamble.length })
        assert.equal((flags & RETRIES) !== 0, retried && replaced.length > 0)
        const placed = readDocument(body, end, { flags, time: 7, firstId: 9 })
        assert.equal(placed?.next, body.length)
        assert.equal(placed?.placed.taken, document.count)
      }),
    )
  })

  it('never run away behind a preamble that makes no sense', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(31), (body, flags) => {
        assert.ok(readPreamble(body, flags).replaced.length <= body.length)
      }),
      times(800),
    )
  })

  it('never reach beyond the body, whatever their lengths say', () => {
    const frame = { flags: 0, time: 0, firstId: 1 }
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(45),
        fc.constantFrom(0, SPARSE, SLICED, SPARSE | SLICED),
        (body, at, flags) => {
          const found = readDocument(body, at, { ...frame, flags })
          if (!found) return
          assert.ok(found.next <= body.length && found.next > at)
          assert.ok(found.placed.document.count > 0)
          assert.ok(found.placed.document.bytes.length < body.length)
        },
      ),
      times(800),
    )
  })

  it('hold at least one item each', () => {
    const body = Buffer.alloc(9)
    writeDocument(body, 0, { bytes: Buffer.from('nothing'), count: 0 })
    assert.equal(readDocument(body, 0, { flags: 0, time: 0, firstId: 1 }), undefined)
  })
})

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
