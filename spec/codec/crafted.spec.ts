// crafted.spec.ts: documents that somebody made to harm who decodes them: lengths that are not there, deep nesting, keys
// of the language's own objects, references and records, what takes long for its bytes.
// A process of its own: it looks at how much memory that takes.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Codec, type CodecName, DocumentReader, loadCodec } from '../../lib/codec/index.ts'
import { CodecError } from '../../lib/errors.ts'
import { CHECK, counting } from '../layers.ts'
import { craftedBy, randomOf } from './crafted.ts'

/** For each codec. */
const DOCUMENTS = CHECK ? 100_000 : 600
/** A byte takes some nanoseconds; a compiled shape some microseconds. Ten times that, and a pause of the machine. */
const MOST_MS = 10_000
const MOST_GROWTH_KIB = 400 * 1024
const DEEP = 1_000_000

const own = Object.getOwnPropertyNames
const languages = [Object, Array, Map, Set, Error, RegExp, Function, Promise].map(({ prototype }) => prototype)
const before = languages.map((prototype) => own(prototype).join())

/** Items or CodecErrors; and nothing of the language has changed. */
function take(codec: Codec<unknown>, bytes: Uint8Array, count: number): void {
  const document = { bytes, count }
  const piece = { firstId: 1, count, document, skip: 0, attempt: 0, enqueuedAt: 0 }
  const from = performance.now()
  const { items, bad } = new DocumentReader(codec).take(piece)
  const ms = performance.now() - from
  assert.ok(ms < MOST_MS, `${ms} ms for ${bytes.length} bytes: ${Buffer.from(bytes.subarray(0, 40)).toString('hex')}`)
  for (const { error } of bad) assert.ok(error instanceof CodecError)
  for (const item of items) assert.ok(isClean(item), Buffer.from(bytes).toString('hex'))
}

/** A key of another object's never becomes its prototype. */
function isClean(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return true
  const prototype: unknown = Object.getPrototypeOf(item)
  const name = typeof prototype === 'object' && prototype !== null ? prototype.constructor : undefined
  return typeof name === 'function' && name.prototype === prototype
}

describe('the queue is not harmed by a document that was made for it:', () => {
  for (const name of ['msgpack', 'json', 'cbor', 'v8', 'raw'] as CodecName[]) {
    it(`${name}`, async (t) => {
      const seed = Number(process.env.SPOOLQ_SEED ?? Date.now() % 2 ** 31)
      t.diagnostic(`seed ${seed}`)
      const counted = counting(t, 'crafted documents')
      const codec = await loadCodec<unknown>(name)
      const random = randomOf(seed)
      const peak = process.resourceUsage().maxRSS
      for (let i = 0; i < DOCUMENTS; i++) take(codec, craftedBy(name, random), 1 + (i % 3))
      assert.deepEqual(
        languages.map((prototype) => own(prototype).join()),
        before,
      )
      assert.ok(process.resourceUsage().maxRSS - peak < MOST_GROWTH_KIB)
      counted(DOCUMENTS, DOCUMENTS)
    })
  }
})

describe('the queue decodes in a time that grows with the bytes:', () => {
  const times = (bytes: readonly number[], count: number): Buffer =>
    Buffer.alloc(bytes.length * count, Buffer.from(bytes))
  const long = (head: readonly number[], length: number): Buffer =>
    Buffer.concat([Buffer.from(head), Buffer.alloc(length, 255)])
  const v8 = Buffer.from([0xff, 0x0f])
  const cases: readonly (readonly [CodecName, string, () => Uint8Array])[] = [
    ['msgpack', 'arrays in arrays', () => times([0x91], DEEP)],
    ['msgpack', 'arrays in arrays of the exact form', () => Buffer.concat([Buffer.of(0xc1), times([0x91], DEEP)])],
    ['msgpack', 'objects in objects', () => times([0x81, 0xa1, 0x61], DEEP)],
    ['msgpack', 'a bigint of a megabyte', () => long([0xc9, 0, 0x10, 0, 0, 0x42], 2 ** 20)],
    ['json', 'arrays in arrays', () => Buffer.from('['.repeat(DEEP) + ']'.repeat(DEEP))],
    ['cbor', 'arrays in arrays', () => times([0x81], DEEP)],
    ['cbor', 'arrays without a length in each other', () => times([0x9f], DEEP)],
    ['cbor', 'tags upon tags', () => times([0xc1], DEEP)],
    ['cbor', 'a bigint of a megabyte', () => long([0xc2, 0x5a, 0, 0x10, 0, 0], 2 ** 20)],
    [
      'cbor',
      'arrays in one without a length that claim 100 million elements each',
      () => Buffer.concat([Buffer.of(0x9f), times([0x9a, 6, 0, 0, 0], 1000)]),
    ],
    ['v8', 'arrays in arrays', () => Buffer.concat([v8, times([0x41, 1], DEEP)])],
    ['v8', 'objects in objects', () => Buffer.concat([v8, times([0x6f, 0x22, 1, 0x61], DEEP)])],
    ['v8', 'maps in maps', () => Buffer.concat([v8, times([0x3b], DEEP)])],
    ['v8', 'errors that are the cause of each other', () => Buffer.concat([v8, times([0x72, 0x63], DEEP)])],
  ]
  for (const [name, what, make] of cases) {
    it(`${name}: ${what}`, async () => {
      const peak = process.resourceUsage().maxRSS
      take(await loadCodec<unknown>(name), make(), 1)
      assert.ok(process.resourceUsage().maxRSS - peak < MOST_GROWTH_KIB)
    })
  }
})

it('the queue takes no item of CBOR for another by a reference, a record or a packed value', async () => {
  const codec = await loadCodec<unknown>('cbor')
  for (const hex of [
    'd81c80',
    'd81d00',
    'd9dfff8218e000',
    'd9e00080',
    'd83384818001f6f6',
    'd8e001',
    'c600',
    'd86980',
  ]) {
    assert.throws(() => codec.decode(Buffer.from(hex, 'hex')), /tag/, hex)
  }
})

it('the queue gives back CBOR without a stated length, and bigints of any', async () => {
  const codec = await loadCodec<unknown>('cbor')
  assert.deepEqual(codec.decode(Buffer.from('9f019f0203ff8104bf616105ffff', 'hex')), [1, [2, 3], [4], { a: 5 }])
  for (const hex of ['9f01', '9f', '9f9aff', 'ff', '9fff00ff'.slice(0, 2), '819f01', 'bf6161ff00'.slice(0, 6)]) {
    assert.throws(() => codec.decode(Buffer.from(hex, 'hex')), hex)
  }
  for (const value of [0n, 2n ** 64n, -(2n ** 64n), 2n ** 3000n - 1n, -(2n ** 3000n)]) {
    assert.equal(codec.decode(codec.encode(value)), value)
  }
})
