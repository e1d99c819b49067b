// msgpack-reader.spec.ts: the quick reader reads what msgpackr would, or leaves it to msgpackr.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Unpackr } from 'msgpackr'
import { msgpack } from '../../lib/codec/msgpack.ts'
import { MsgpackReader } from '../../lib/codec/msgpack-reader.ts'
import { anyItem, difference, reading, runs } from './items.ts'

const slow = new Unpackr({ moreTypes: true, copyBuffers: true, structuredClone: false })

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
