// record.spec.ts: records of the journal come back as they were written, and only in the chain they were written in.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteReader, ByteWriter, putVarint, varintLength } from '../../lib/log/bytes.ts'
import { type CursorRecord, decodeRecord, encodeRecord, fitted, SLOT_BYTES } from '../../lib/log/record.ts'
import type { IdRange } from '../../lib/store.ts'
import { runs } from '../codec/items.ts'
import { bitsOf, flipped } from './bits.ts'
import { anyNumber, anyRecord, decodeAll, encodeAll } from './records.ts'

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const anyChain = fc.record({ seed: u32, salt: u32 })

function idsOf(record: CursorRecord): readonly IdRange[] {
  return 'ids' in record ? record.ids : []
}

/** Every id, of ranges that are small. */
function eachId(ranges: readonly IdRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index))
}

describe('varints', () => {
  it('come back up to 2^53, and take as many bytes as was said', () => {
    fc.assert(
      fc.property(fc.array(anyNumber), (numbers) => {
        const writer = new ByteWriter()
        for (const number of numbers) writer.varint(number)
        const reader = new ByteReader(writer.bytes())
        for (const number of numbers) assert.equal(reader.varint(), number)
        assert.equal(reader.overrun, false)
        assert.equal(
          writer.length,
          numbers.reduce((sum, number) => sum + varintLength(number), 0),
        )
        for (const number of numbers) assert.equal(putVarint(Buffer.alloc(8), 0, number), varintLength(number))
      }),
    )
  })

  it('that go on beyond their bytes, or for ever, are told', () => {
    for (const bytes of [[], [128], [255, 255, 255], Array(20).fill(255)]) {
      const reader = new ByteReader(Buffer.from(bytes))
      reader.varint()
      assert.equal(reader.overrun, true, bytes.join())
    }
  })
})

describe('records', () => {
  it('of every kind come back as they were written, one behind the other', () => {
    fc.assert(
      fc.property(fc.array(anyRecord(), { maxLength: 30, size: 'max' }), anyChain, (records, chain) => {
        const bytes = encodeAll(records, chain)
        assert.equal(bytes.length % SLOT_BYTES, 0)
        assert.deepEqual(decodeAll(bytes, chain), records)
        assert.deepEqual(decodeAll(Buffer.concat([bytes, Buffer.alloc(100)]), chain), records)
      }),
      runs(100),
    )
  })

  it('never pass with another salt, another seed, or as an earlier life of the file left them', () => {
    fc.assert(
      fc.property(anyRecord(), anyChain, anyChain, (record, mine, other) => {
        fc.pre((mine.seed ^ mine.salt) !== (other.seed ^ other.salt))
        const bytes = encodeAll([record], other)
        assert.equal(decodeRecord(bytes, 0, mine.seed, mine.salt), undefined)
      }),
      runs(400),
    )
  })

  it('never pass for the successor of another record than their own', () => {
    fc.assert(
      fc.property(anyRecord(), anyRecord(), anyRecord(), anyChain, (first, second, third, chain) => {
        const [one, two] = [encodeAll([first, second, third], chain), encodeAll([second, third], chain)]
        fc.pre(JSON.stringify(first) !== JSON.stringify(second))
        const ends = encodeAll([first], chain).length
        assert.deepEqual(decodeAll(Buffer.concat([two.subarray(0, 0), one.subarray(ends)]), chain), [])
        const swapped = Buffer.concat([
          encodeAll([second], chain),
          one.subarray(one.length - encodeAll([third], chain).length),
        ])
        fc.pre(JSON.stringify(second) !== JSON.stringify(third))
        assert.deepEqual(decodeAll(swapped, chain), [second])
      }),
    )
  })

  it('are refused with any bit turned round', () => {
    fc.assert(
      fc.property(anyRecord(), anyChain, fc.nat(), (record, chain, chance) => {
        const bytes = encodeAll([record], chain)
        const bit = chance % (bytes.length * 8)
        const behind = Buffer.concat([flipped(bytes, bit), Buffer.alloc(64)])
        assert.equal(decodeRecord(behind, 0, chain.seed, chain.salt), undefined)
      }),
      runs(600),
    )
    const chain = { seed: 7, salt: 0x9e3779b1 }
    const bytes = encodeAll([{ kind: 'settled', ids: [{ from: 1, to: 9 }] }], chain)
    for (const bit of bitsOf(0, bytes.length)) {
      assert.equal(decodeRecord(flipped(bytes, bit), 0, chain.seed, chain.salt), undefined, `bit ${bit}`)
    }
  })

  it('are refused wherever they are cut off, with zeros behind or nothing', () => {
    fc.assert(
      fc.property(anyRecord(), anyChain, fc.nat(), (record, chain, chance) => {
        const bytes = encodeAll([record], chain)
        const cut = bytes.subarray(0, chance % bytes.length)
        const zeros = Buffer.concat([cut, Buffer.alloc(bytes.length - cut.length)])
        fc.pre(!zeros.equals(bytes))
        assert.equal(decodeRecord(cut, 0, chain.seed, chain.salt), undefined)
        assert.equal(decodeRecord(zeros, 0, chain.seed, chain.salt), undefined)
      }),
      runs(200),
    )
  })

  it('are none in any garbage, and cost no more than its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), fc.nat(310), u32, u32, (bytes, at, seed, salt) => {
        assert.equal(decodeRecord(bytes, at, seed, salt), undefined)
      }),
      runs(600),
    )
  })

  it('with many ranges, however wide, are split so that each fits', () => {
    const wide = 2 ** 53 / 5000
    const ids = Array.from({ length: 1500 }, (_, index) => ({
      from: Math.floor(2 ** 52 + index * wide),
      to: Math.floor(2 ** 52 + index * wide + wide / 2),
    }))
    const parts = fitted({ kind: 'took', owner: 2 ** 50, deadline: 2 ** 50, mode: 1, ids })
    for (const part of parts) {
      const chain = { seed: 1, salt: 2 }
      assert.deepEqual(decodeAll(encodeAll([part], chain), chain), [part])
    }
    assert.deepEqual(parts.flatMap(idsOf), ids)
  })

  it('of ranges in any order, and of ranges that overlap, say the same ids', () => {
    const anyRanges = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(20)).map(([from, more]) => ({ from, to: from + more })),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(anyRanges, (ids) => {
        const chain = { seed: 1, salt: 2 }
        const parts = fitted({ kind: 'settled', ids })
        const read = decodeAll(encodeAll(parts, chain), chain)
        assert.deepEqual(new Set(eachId(read.flatMap(idsOf))), new Set(eachId(ids)))
      }),
      runs(100),
    )
  })

  it('say where the next one stands, in whole slots', () => {
    const writer = new ByteWriter()
    const crc = encodeRecord({ kind: 'durable' }, writer, 5, 6)
    assert.deepEqual(decodeRecord(writer.bytes(), 0, 5, 6), { record: { kind: 'durable' }, next: SLOT_BYTES, crc })
  })
})
