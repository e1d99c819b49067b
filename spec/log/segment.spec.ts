// segment.spec.ts: the head of a segment survives one bad sector, and its seal is whole or none.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { putU32 } from '../../lib/log/bytes.ts'
import {
  DATA_START,
  FORMAT_VERSION,
  HEADER_BYTES,
  MAX_VOIDS,
  readHeader,
  readSeal,
  SEAL_AT,
  type Seal,
  type SegmentHeader,
  writeHeader,
  writeSeal,
} from '../../lib/log/segment.ts'
import { bitsOf, flipped } from './bits.ts'

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const u53 = fc.maxSafeNat()
const plain = { noNullPrototype: true } as const
const anyVoid = fc.record({ segment: u53, from: u53, to: u53 }, plain)

const anyHeader: fc.Arbitrary<SegmentHeader> = fc.record(
  {
    base: u53,
    rewrite: u32,
    nonce: u32,
    made: u53,
    asideEnd: u53,
    asideCount: u53,
    items: u32,
    limit: u53,
    codec: fc.string({ unit: 'grapheme', maxLength: 31 }).filter((name) => Buffer.byteLength(name) <= 31),
    voids: fc.array(anyVoid, { maxLength: MAX_VOIDS, size: 'max' }),
    boot: u32,
  },
  plain,
)
const anySeal: fc.Arbitrary<Seal> = fc.record({ end: u53.map((end) => end + 1), nextId: u53 }, plain)

const SAMPLE: SegmentHeader = {
  base: 183_554,
  rewrite: 2,
  nonce: 0xcafe1234,
  made: 1_700_000_000_000,
  asideEnd: 0,
  asideCount: 0,
  items: 12,
  limit: 1 << 24,
  codec: 'msgpack',
  voids: [{ segment: 1, from: 1056, to: 2000 }],
  boot: 0xb0071d,
}

/** The head as another version would have written it. */
function ofVersion(version: number, header: SegmentHeader, copies = [0, HEADER_BYTES]): Buffer {
  const bytes = writeHeader(header)
  for (const at of copies) {
    putU32(bytes, at + 4, version)
    putU32(bytes, at + HEADER_BYTES - 4, crc32(bytes.subarray(at, at + HEADER_BYTES - 4)))
  }
  return bytes
}

describe("a segment's header", () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(anyHeader, fc.option(anySeal, { nil: undefined }), (header, seal) => {
        const bytes = writeHeader(header, seal)
        assert.equal(bytes.length, DATA_START)
        assert.deepEqual(readHeader(bytes), { header, damaged: false, newerVersion: undefined })
        assert.deepEqual(readSeal(bytes, SEAL_AT), seal ?? 'none')
      }),
    )
  })

  it('comes back with any one bit turned round, and says that it is damaged', () => {
    const bytes = writeHeader(SAMPLE)
    for (const bit of bitsOf(0, DATA_START)) {
      const { header, damaged, newerVersion } = readHeader(flipped(bytes, bit))
      assert.deepEqual(header, SAMPLE, `bit ${bit}`)
      assert.equal(damaged, bit < SEAL_AT * 8, `bit ${bit}`)
      assert.equal(newerVersion, undefined)
    }
  })

  it('comes back with one copy overwritten by anything, and is none with both', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: HEADER_BYTES, size: 'max' }),
        fc.boolean(),
        (garbage, second) => {
          const bytes = writeHeader(SAMPLE)
          const before = Buffer.from(bytes)
          bytes.set(garbage, second ? HEADER_BYTES : 0)
          fc.pre(!bytes.equals(before))
          assert.deepEqual(readHeader(bytes).header, SAMPLE)
          bytes.copy(bytes, second ? 0 : HEADER_BYTES, second ? HEADER_BYTES : 0, second ? SEAL_AT : HEADER_BYTES)
          assert.equal(readHeader(bytes).header, undefined)
        },
      ),
    )
  })

  it('is none where the file ends within its first copy, and one copy where it ends within the second', () => {
    const bytes = writeHeader(SAMPLE)
    for (let length = 0; length < DATA_START; length++) {
      const { header, damaged } = readHeader(bytes.subarray(0, length))
      assert.deepEqual(header, length >= HEADER_BYTES ? SAMPLE : undefined, `${length} bytes`)
      assert.equal(damaged, length >= HEADER_BYTES && length < SEAL_AT)
    }
  })

  it('of a newer version is told by its number, and an older one is read', () => {
    const newer = ofVersion(FORMAT_VERSION + 1, SAMPLE)
    assert.deepEqual(readHeader(newer), { header: undefined, damaged: false, newerVersion: FORMAT_VERSION + 1 })
    const half = ofVersion(FORMAT_VERSION + 1, SAMPLE)
    assert.equal(readHeader(flipped(half, 100)).newerVersion, FORMAT_VERSION + 1)
    assert.deepEqual(readHeader(ofVersion(0, SAMPLE)).header, SAMPLE)
  })

  it('holds as many voids as have room, and stays whole with more', () => {
    for (const count of [MAX_VOIDS, MAX_VOIDS + 1, 40, 100]) {
      const voids = Array.from({ length: count }, (_, index) => ({ segment: index + 1, from: 2, to: 3 }))
      const bytes = writeHeader({ ...SAMPLE, voids })
      const { header, damaged } = readHeader(bytes)
      assert.equal(damaged, false)
      assert.equal(header?.voids.length, MAX_VOIDS)
      assert.equal(readSeal(bytes, SEAL_AT), 'none', `${count} voids`)
    }
  })
})

describe("a segment's seal", () => {
  const sealed = writeHeader(SAMPLE, { end: 5000, nextId: 183_600 })

  it('comes back as it was written', () => {
    fc.assert(fc.property(anySeal, (seal) => assert.deepEqual(readSeal(writeSeal(seal)), seal)))
  })

  it('is bad with any bit turned round that says something', () => {
    const seal = readSeal(sealed, SEAL_AT)
    for (const bit of bitsOf(SEAL_AT, DATA_START)) {
      const said = bit < (SEAL_AT + 20) * 8
      assert.deepEqual(readSeal(flipped(sealed, bit), SEAL_AT), said ? 'bad' : seal, `bit ${bit}`)
    }
  })

  it('that a crash cut off is no seal', () => {
    const seal = writeSeal({ end: 5000, nextId: 183_600 })
    for (let length = 0; length < 20; length++) {
      const cut = Buffer.alloc(seal.length)
      seal.copy(cut, 0, 0, length)
      assert.equal(typeof readSeal(cut), 'string', `${length} bytes`)
    }
  })

  it('is none in zeros, and bad where one bit of them is turned round', () => {
    const zeros = Buffer.alloc(32)
    assert.equal(readSeal(zeros), 'none')
    for (const bit of bitsOf(0, 32)) assert.equal(typeof readSeal(flipped(zeros, bit)), 'string', `bit ${bit}`)
  })
})
