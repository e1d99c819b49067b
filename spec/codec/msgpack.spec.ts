import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Codec, DocumentReader, DocumentWriter, loadCodec } from '../../lib/codec/index.ts'
import { CodecError } from '../../lib/errors.ts'
import { anyItem, difference, reading, runs } from './items.ts'

const codec: Codec<unknown> = await loadCodec<unknown>('msgpack')
const again = (item: unknown) => codec.decode(codec.encode(item))

function assertSame(actual: unknown, expected: unknown): void {
  assert.equal(difference(expected, actual), undefined)
}

function assertRefused(item: unknown, message = /can't be stored/): void {
  const writer = new DocumentWriter(codec)
  const check = (error: unknown) => error instanceof CodecError && message.test(error.message)
  for (const nested of [item, [item], { nested: item }, new Map([['nested', item]]), new Set([item])]) {
    assert.throws(() => writer.one(nested), check)
    assert.throws(() => writer.many([1, nested], true), check)
  }
}

/** Through a document of three, and out of it one by one. */
function inBatch(item: unknown): unknown {
  const writer = new DocumentWriter(codec)
  const reader = new DocumentReader(codec)
  const documents = writer.many([{ first: true }, item, { last: true }], true)
  const items = documents.flatMap((document) => {
    const piece = { firstId: 1, document, attempt: 0, enqueuedAt: 0, count: 1 }
    return Array.from({ length: document.count }, (_, skip) => reader.take({ ...piece, skip }).items).flat()
  })
  assert.equal(items.length, 3)
  return items[1]
}

describe("the queue's msgpack codec", () => {
  it('brings any item back as it was', () => {
    fc.assert(
      fc.property(anyItem, (item) => assertSame(again(item), item)),
      runs(1600),
    )
  })

  it('brings any item of a batch back as it was', () => {
    fc.assert(
      fc.property(anyItem, (item) => assertSame(inBatch(item), item)),
      runs(800),
    )
  })

  it('brings batches of small objects back as they were', () => {
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 300 }), (items) => {
        assertSame(codec.decodeBatch?.(codec.encodeBatch?.(items) ?? new Uint8Array()), items)
      }),
      runs(200),
    )
  })

  it('holds more shapes than there are ids for them', () => {
    const items = Array.from({ length: 500 }, (_, i) => ({ [`k${i % 130}`]: i, nested: { [`n${i % 97}`]: [{}, i] } }))
    assertSame(codec.decodeBatch?.(codec.encodeBatch?.(items) ?? new Uint8Array()), items)
    assertSame(again(items), items)
  })

  it('tells zero from minus zero', () => {
    for (const item of [0, -0, [0, -0], { zero: -0 }]) {
      assertSame(again(item), item)
      assertSame(inBatch(item), item)
    }
  })

  it('holds what is large', () => {
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key${i}`, i]))
    const long = Array.from({ length: 100_000 }, (_, i) => i)
    const text = 'wörter '.repeat(300_000)
    const bytes = Buffer.alloc(3_000_000, 7)
    const bigints = [2n ** 70_000n, -(2n ** 70_000n) - 1n]
    for (const item of [wide, long, text, bytes, bigints, new Map(Object.entries(wide))]) {
      assertSame(again(item), item)
      assertSame(inBatch(item), item)
    }
  })

  it('keeps keys that are names of inherited properties, and pollutes nothing', () => {
    const item = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x"}')
    for (const back of [again(item), inBatch(item)] as Record<string, unknown>[]) {
      assertSame(back, item)
      assert.equal(back.polluted, undefined)
      assert.deepEqual(Object.keys(back), ['__proto__', 'constructor', 'toString'])
    }
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  })

  it('is not confused by keys that its records or its maps use themselves', () => {
    const items = [
      { __keys__: 1 },
      {},
      { a: 1 },
      { a: 1, __keys__: [2], length: 3 },
      { 'a,b': 1 },
      { a: 1, b: 2 },
      { 0: 1 },
    ]
    for (const item of items) assertSame(again(item), item)
    assertSame(codec.decodeBatch?.(codec.encodeBatch?.([...items, ...items]) ?? new Uint8Array()), [...items, ...items])
    for (const odd of [new Map([[0, 'a']]), new Map([[1, Buffer.from('b')]]), new Map([[2, ['a', 1]]])]) {
      assertSame(again([odd, { '\ud800': odd }]), [odd, { '\ud800': odd }])
    }
  })

  it('gives the instance of a class back as a plain object', () => {
    class Sensor {
      readonly id = 7
      #secret = 1
      get twice(): number {
        return this.id * 2 * this.#secret
      }
    }
    for (const back of [again(new Sensor()), inBatch(new Sensor())]) assertSame(back, { id: 7 })
    assertSame(again(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
    class Bytes extends Uint8Array {}
    assertSame(again(new Bytes([1, 2])), new Uint8Array([1, 2]))
    class Names extends Map<string, number> {}
    assertSame(inBatch(new Names([['a', 1]])), new Map([['a', 1]]))
    assertSame(again([Object('text'), Object(1), Object(true), Object(1n)]), ['text', 1, true, 1n])
  })

  it('asks toJSON, as JSON does, but not where it knows better', () => {
    const url = new URL('http://localhost/a')
    for (const item of [url, { url }, [url], new Map([[1, url]])]) assert.ok(again(item) && inBatch(item))
    assertSame(again({ url }), { url: 'http://localhost/a' })
    assertSame(inBatch([{ id: 1, toJSON: () => ({ x: 1 }) }, { x: 2 }]), [{ x: 1 }, { x: 2 }])
    assertSame(again({ toJSON: () => 7 }), 7)
  })

  it('asks toJSON once, as JSON does: what it returns may be the object itself, or have a toJSON too', () => {
    class Row {
      readonly id = 7
      toJSON(): unknown {
        return this
      }
    }
    class Fresh extends Row {
      override toJSON(): unknown {
        return new Fresh()
      }
    }
    const copy = { id: 7, toJSON: (): unknown => ({ ...copy }) }
    const self = { id: 7, toJSON: (): unknown => self }
    const endless = (): unknown => ({ id: 7, toJSON: endless })
    for (const item of [new Row(), new Fresh(), copy, self, endless()]) {
      assertSame([again(item), again([item, item])], [{ id: 7 }, [{ id: 7 }, { id: 7 }]])
      assertSame(inBatch(item), { id: 7 })
      assertSame(inBatch([{ id: 1 }, item, { id: 2 }]), [{ id: 1 }, { id: 7 }, { id: 2 }])
    }
    assertSame(again({ toJSON: () => new URL('http://localhost/a') }), 'http://localhost/a')
    assertSame(again({ toJSON: () => new Date(5) }), new Date(5))
    const circle: unknown = { toJSON: () => ({ circle }) }
    assertRefused(circle, /holds itself/)
    assertRefused({ toJSON: () => [() => 1] }, /function/)
  })

  it('writes a time in as few bytes as MessagePack has for it', () => {
    const times = [0, 1000, 1, 999, 1.7e12, 1.7e12 + 1, 2 ** 32 * 1000 - 1000, 2 ** 32 * 1000, 2 ** 34 * 1000 - 1]
    const bytes = [6, 6, 10, 10, 6, 10, 6, 10, 10]
    assert.deepEqual(
      times.map((ms) => codec.encode(new Date(ms)).length),
      bytes,
    )
    const far = [2 ** 34 * 1000, -1, -1000, -999, -1001, 8.64e15, -8.64e15, -62_198_755_200_000]
    for (const ms of far) assert.equal(codec.encode(new Date(ms)).length, 15)
    const dates = [...times, ...far, NaN].map((ms) => new Date(ms))
    for (const date of dates) assertSame([again(date), inBatch(date)], [date, date])
    assertSame(again([dates, { dates }]), [dates, { dates }])
    assertSame(inBatch(dates), dates)
  })

  it('gives holes of an array back as undefined', () => {
    // biome-ignore lint/suspicious/noSparseArray: this is what it is about
    assertSame(again([1, , 3]), [1, undefined, 3])
  })

  it('refuses functions, symbols, promises and what keeps all of itself inside', () => {
    for (const item of [() => 1, class {}, Symbol('s'), Symbol.iterator, Promise.resolve(), new WeakMap()])
      assertRefused(item)
    assertRefused(new SharedArrayBuffer(8))
    assertRefused({ a: 1, callback() {} }, /'callback' is a function/)
    assertRefused({ constructor: Array }, /'constructor' is a function/)
    assertRefused({ hasOwnProperty: () => false, a: 1 }, /'hasOwnProperty' is a function/)
  })

  it('refuses what holds itself, or is nested too deeply', () => {
    const circle: unknown[] = []
    circle.push([circle], circle)
    assertRefused(circle, /holds itself/)
    const nest = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
    assertSame(again(nest(990)), nest(990))
    assertRefused(nest(1001), /nested/)
  })

  it('works while it is at work: a getter or a toJSON may encode', () => {
    const item = { before: 'a'.repeat(50), toJSON: () => [again({ inner: 1 }), codec.encode([1]).length] }
    assertSame(again([1, item, 2]), [1, [{ inner: 1 }, 2], 2])
    const reader = { get value() { return again({ b: 1, c: { d: 2 } }) }, b: 1 } // biome-ignore format: one thought
    assertSame(codec.decodeBatch?.(codec.encodeBatch?.([reader, reader]) ?? new Uint8Array()), [
      { value: { b: 1, c: { d: 2 } }, b: 1 },
      { value: { b: 1, c: { d: 2 } }, b: 1 },
    ])
  })

  it('goes on as if nothing had been after an item that it refused', () => {
    const good = { id: 1, name: 'a' }
    for (const bad of [{ id: 1, name: () => 1 }, [good, Symbol('s')], { id: '\ud800', f: () => 1 }]) {
      assert.throws(() => codec.encode(bad))
      assert.throws(() => codec.encodeBatch?.([good, bad]))
      assertSame(again(good), good)
      assertSame(codec.decodeBatch?.(codec.encodeBatch?.([good, good]) ?? new Uint8Array()), [good, good])
    }
  })

  it('keeps the others of a batch as they are where the properties of one change while it is read', () => {
    const good = { a: 1, b: 2, c: 3 }
    const changing = [
      () => ({ get a() { return Reflect.deleteProperty(this, 'b') }, b: 2, c: 3 }), // biome-ignore format: one thought
      () => ({ get a() { return Object.assign(this, { d: 4 }) && 1 }, b: 2, c: 3 }), // biome-ignore format: one thought
      () => ({ get a() { return Object.assign(this, { c: () => 1 }) && 1 }, b: 2, c: 3, toJSON: () => 1 }), // biome-ignore format: one thought
    ]
    for (const change of changing) {
      const documents = new DocumentWriter(codec).many([good, change(), good, change(), good], true)
      const items = documents.flatMap((document) => {
        const piece = { firstId: 1, document, attempt: 0, enqueuedAt: 0, count: document.count, skip: 0 }
        return new DocumentReader(codec).take(piece).items
      })
      assertSame([items[0], items[2], items[4], items.length], [good, good, good, 5])
    }
  })

  it('shares no memory with what it was given, nor between what it gives', () => {
    const bytes = Buffer.from([1, 2, 3])
    const item = { bytes, typed: new Float64Array([1.5]), list: [bytes] }
    const encoded = codec.encode(item)
    const kept = Buffer.from(encoded)
    for (let i = 0; i < 3000; i++) codec.encode({ i, filler: 'x'.repeat(i % 300) })
    bytes.fill(0)
    assert.deepEqual(Buffer.from(encoded), kept)
    const [one, two] = [codec.decode(encoded), codec.decode(encoded)] as (typeof item)[]
    one?.bytes.fill(9)
    one?.typed.fill(9)
    assertSame(two, { bytes: Buffer.from([1, 2, 3]), typed: new Float64Array([1.5]), list: [Buffer.from([1, 2, 3])] })
    assert.deepEqual(Buffer.from(encoded), kept)
  })

  it('gives views of one memory, shared between threads or not, memory of their own', () => {
    for (const memory of [new ArrayBuffer(32), new SharedArrayBuffer(32)]) {
      new Uint8Array(memory).set(Array.from({ length: 32 }, (_, i) => i))
      const views = [new Uint8Array(memory, 2, 9), new Float64Array(memory, 8), new DataView(memory, 5, 6)]
      const item = [...views, Buffer.from(memory, 4, 7), Buffer.from(memory)]
      for (const back of [again(item), Object(again({ item })).item, inBatch(item)]) {
        assertSame(back, item)
        const memories = new Set(Array.from(Object(back), (view: Uint8Array) => view.buffer))
        assert.equal(memories.size, item.length)
        for (const view of Object(back)) assert.equal(view.buffer.byteLength, view.byteLength)
      }
    }
    const own = again([new Uint8Array(4).buffer, { of: new Uint8Array(3).buffer }])
    assertSame(own, [new ArrayBuffer(4), { of: new ArrayBuffer(3) }])
  })

  it('stays exact where somebody has extended Object.prototype', () => {
    const items = [{ a: 1 }, { a: 2, b: { c: 3 } }]
    Object.defineProperty(Object.prototype, 'extra', { value: 1, enumerable: true, configurable: true })
    try {
      const backs = [again(items), inBatch(items)]
      Reflect.deleteProperty(Object.prototype, 'extra')
      for (const back of backs) assertSame(back, items)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'extra')
    }
  })
})
