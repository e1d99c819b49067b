// msgpack-reader.spec.ts: the quick reader reads what msgpackr would, or leaves it to msgpackr.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Unpackr } from 'msgpackr'
import { msgpack } from '../../lib/codec/msgpack.ts'
import { MsgpackReader, OTHER } from '../../lib/codec/msgpack-reader.ts'
import { anyItem, difference, reading, runs } from './items.ts'

const options = { moreTypes: true, copyBuffers: true, structuredClone: false }
const slow = new Unpackr(options)
const slowOne = new Unpackr({ ...options, useRecords: false, mapsAsObjects: true })

function encoded(items: readonly unknown[]): Buffer | undefined {
  try {
    return Buffer.from(msgpack.encodeBatch?.(items) ?? assert.fail())
  } catch {
    return undefined // Not for this form.
  }
}

/** The quick reader's items, where it has any, are the slow one's. */
function compare(reader: MsgpackReader, bytes: Buffer): boolean {
  const quick = reader.read(bytes)
  if (quick === undefined) return false
  assert.equal(difference(slow.unpack(bytes), quick), undefined)
  return true
}

const plain = fc.letrec((tie) => ({
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.string({ maxLength: 90 })),
    fc.constantFrom(
      'é'.repeat(20),
      '漢'.repeat(90),
      'x'.repeat(300),
      'y'.repeat(70_000),
      undefined,
      2 ** 40,
      -(2 ** 31),
    ),
    fc.array(tie('item'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 4 }), tie('item'), { maxKeys: 6 }),
  ),
})).item

describe('many items in the records form', () => {
  it('are read quickly where they are plain data', () => {
    const reader = new MsgpackReader()
    fc.assert(
      fc.property(fc.array(plain, { maxLength: 80 }), (items) => {
        const bytes = encoded(items)
        if (bytes !== undefined) assert.ok(compare(reader, bytes))
      }),
      runs(200),
    )
  })

  it('are read the same way when their shapes have been met often', () => {
    const reader = new MsgpackReader()
    const sample = fc.sample(reading, { numRuns: 40, seed: 3 })
    for (let round = 0; round < 30; round++) {
      const items = sample.map((item, i) => ({ ...item, round, i, '0': i, 'a key': [round], 'quo"te\u2028': -i }))
      const bytes = encoded(items) ?? assert.fail()
      assert.ok(compare(reader, bytes))
      assert.deepEqual(Object.keys(Object(reader.read(bytes)?.[3])), Object.keys(items[3] ?? {}))
    }
  })

  it('share no object with what was read before', () => {
    const reader = new MsgpackReader()
    const bytes = encoded(Array.from({ length: 100 }, (_, id) => ({ id, list: [id] }))) ?? assert.fail()
    const [one, two] = [reader.read(bytes), reader.read(bytes)]
    assert.deepEqual(one, two)
    for (const [i, item] of (one ?? []).entries()) assert.notEqual(item, two?.[i])
  })

  it('are read quickly where they are bytes, or have some, as Buffers that share nothing', () => {
    const reader = new MsgpackReader()
    const lengths = [0, 1, 255, 256, 1024, 4095, 4096, 65_535, 65_536, 70_000]
    const items = lengths.map((length) => ({ length, bytes: Buffer.alloc(length, length % 251), more: [Buffer.of(7)] }))
    const bytes = encoded(items) ?? assert.fail()
    assert.ok(compare(reader, bytes))
    const [one, two] = [reader.read(bytes), reader.read(bytes)]
    bytes.fill(0xff)
    for (const item of Object.values(one ?? [])) Object(item).bytes.fill(0xee)
    assert.deepEqual(two, items)
    const short = encoded([Buffer.alloc(300, 1)]) ?? assert.fail()
    for (let end = 0; end < short.length; end++) assert.equal(reader.read(short.subarray(0, end)), undefined)
  })

  it('are of one document Buffers that share nothing either, though many are copied at once', () => {
    const lengths = [600, 511, 512, 9000, 700, 1, 8000, 20_000, 1024, 1024, 1024, 3]
    const items = lengths.map((length, i) => Buffer.alloc(length, i + 1))
    const bytes = encoded(items) ?? assert.fail()
    const read = (new MsgpackReader().read(bytes) ?? []).map((item) => (Buffer.isBuffer(item) ? item : assert.fail()))
    assert.deepEqual(read, items)
    for (const [i, item] of read.entries()) item.fill(0x80 + i)
    for (const [i, item] of read.entries()) assert.ok(item.every((byte) => byte === 0x80 + i))
    assert.deepEqual(bytes, encoded(items))
  })

  it('are read as msgpackr does, or left to it, whatever they are', () => {
    const reader = new MsgpackReader()
    fc.assert(
      fc.property(fc.array(anyItem, { maxLength: 20 }), (items) => {
        const bytes = encoded(items)
        if (bytes !== undefined) compare(reader, bytes)
      }),
      runs(300),
    )
  })

  it('cut short or changed are read as msgpackr does, or left to it', () => {
    const reader = new MsgpackReader()
    const bytes = encoded(fc.sample(reading, { numRuns: 20, seed: 5 })) ?? assert.fail()
    for (let end = 0; end < bytes.length; end++) assert.equal(reader.read(bytes.subarray(0, end)), undefined)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(bytes)
        changed[at] = byte
        const quick = reader.read(changed)
        if (quick !== undefined) assert.ok(Array.isArray(quick))
      }),
      runs(2000),
    )
    assert.ok(compare(reader, bytes), 'and nothing of it is left for the next')
  })

  it('make no prototype of a key', () => {
    const reader = new MsgpackReader()
    // [{ __proto__: [] }] as nobody writes it.
    const key = Buffer.from('__proto__')
    const bytes = Buffer.concat([
      Buffer.from([0x91, 0xd4, 0x72, 0x40, 0x91, 0xa0 | key.length]),
      key,
      Buffer.from([0x90]),
    ])
    assert.equal(reader.read(bytes), undefined)
  })
})

const EXACT = 0xc1

/** One item as it is stored; undefined where it is not in the plain form. */
function encodedOne(item: unknown): Buffer | undefined {
  try {
    const bytes = Buffer.from(msgpack.encode(item))
    return bytes[0] === EXACT ? undefined : bytes
  } catch {
    return undefined // Not for this codec.
  }
}

/** The quick reader's item, where it has one, is the slow one's, its keys in the same order. */
function compareOne(reader: MsgpackReader, bytes: Buffer): boolean {
  const quick = reader.one(bytes)
  if (quick === OTHER) return false
  const right: unknown = slowOne.unpack(bytes)
  assert.equal(difference(right, quick), undefined)
  if (right !== null && typeof right === 'object') assert.deepEqual(Object.keys(Object(quick)), Object.keys(right))
  return true
}

describe('one item in the plain form', () => {
  it('is read as msgpackr does, or left to it, whatever it is', () => {
    let quick = 0
    fc.assert(
      fc.property(fc.array(fc.oneof(plain, anyItem, reading), { maxLength: 40, size: 'max' }), (items) => {
        const reader = new MsgpackReader()
        for (const item of items) {
          const bytes = encodedOne(item)
          if (bytes !== undefined && compareOne(reader, bytes)) quick += 1
        }
      }),
      runs(300),
    )
    assert.ok(quick > 100, `${quick} were read quickly`)
  })

  it('is read quickly where its shape was met before, in whatever order they come, and nested', () => {
    const reader = new MsgpackReader()
    const shapes = [
      (i: number) => ({ id: i, at: 1e12 + i, name: `n${i}`, ok: i % 2 === 0 }),
      (i: number) => ({ id: i, at: 1e12 + i, name: `n${i}`, by: [{ id: i, x: -i, y: 'é', z: { id: i } }] }),
      (i: number) => ({ type: i, id: { type: `t${i}`, id: null }, more: { id: i, type: undefined } }),
      (i: number) => ({ type: i, id: 'ключ', ключ: i / 3 }),
      (i: number) => ({ id: i, a: Buffer.alloc(i, 1), name: 'x'.repeat(i), ok: 2 ** 40 + i }),
    ]
    for (let i = 0; i < 300; i++) {
      const item = shapes[(i * 7 + (i >> 3)) % shapes.length]?.(i)
      assert.ok(compareOne(reader, encodedOne(item) ?? assert.fail()), `item ${i}`)
    }
  })

  it('is left to msgpackr for a while where each has keys of its own, and read again where they come again', () => {
    const reader = new MsgpackReader()
    const counts = { quick: 0, left: 0 }
    for (let i = 0; i < 5000; i++) {
      const bytes = encodedOne({ [`key ${i}`]: i, value: i }) ?? assert.fail()
      counts[compareOne(reader, bytes) ? 'quick' : 'left'] += 1
    }
    assert.ok(counts.left > 4 * counts.quick, JSON.stringify(counts))
    const bytes = encodedOne({ id: 1, value: 2 }) ?? assert.fail()
    for (let i = 0; i < 2000; i++) compareOne(reader, bytes)
    assert.ok(compareOne(reader, bytes))
  })

  it('shares nothing with what was read before', () => {
    const reader = new MsgpackReader()
    const bytes = encodedOne({ id: 1, list: [1], bytes: Buffer.alloc(100, 7) }) ?? assert.fail()
    const [one, two] = [reader.one(bytes), reader.one(bytes)]
    bytes.fill(0xff)
    Object(one).bytes.fill(0xee)
    Object(one).list.push(2)
    assert.deepEqual(two, { id: 1, list: [1], bytes: Buffer.alloc(100, 7) })
  })

  it('cut short or changed is read as msgpackr does, or left to it', () => {
    const reader = new MsgpackReader()
    const item = { id: 70_000, at: 1.5, name: 'some name', list: [1, { id: 2, a: -7 }], bytes: Buffer.alloc(20) }
    const bytes = encodedOne(item) ?? assert.fail()
    assert.ok(compareOne(reader, bytes))
    for (let end = 0; end < bytes.length; end++) assert.equal(reader.one(bytes.subarray(0, end)), OTHER)
    assert.equal(reader.one(Buffer.concat([bytes, Buffer.of(0)])), OTHER, 'and what is too long')
    let quick = 0
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        // Each has keys of its own, and would be left to msgpackr.
        const other = new MsgpackReader()
        assert.ok(compareOne(other, bytes))
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        if (compareOne(other, changed)) quick += 1
        assert.ok(compareOne(other, bytes), 'and nothing of it is left for the next')
      }
    }
    assert.ok(quick > 100, `${quick} were read quickly`)
  })

  it('makes no prototype of a key', () => {
    const key = Buffer.from('__proto__')
    const bytes = Buffer.concat([Buffer.from([0x81, 0xa0 | key.length]), key, Buffer.from([0x90])])
    assert.equal(new MsgpackReader().one(bytes), OTHER)
  })
})
