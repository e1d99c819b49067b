import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { loadCbor } from '../../lib/codec/cbor.ts'
import { assertCodec, type Codec, type CodecName, DocumentWriter, loadCodec } from '../../lib/codec/index.ts'
import { CodecError, UnsupportedError } from '../../lib/errors.ts'
import { anyItem, difference, reading, runs } from './items.ts'

const names: CodecName[] = ['msgpack', 'json', 'cbor', 'v8', 'raw']
const codecs = new Map<CodecName, Codec<unknown>>()
for (const name of names) codecs.set(name, await loadCodec(name))

function codecOf(name: CodecName): Codec<unknown> {
  return codecs.get(name) ?? assert.fail(name)
}

function assertRefused(name: CodecName, item: unknown): void {
  const writer = new DocumentWriter(codecOf(name))
  assert.throws(() => writer.one(item), CodecError)
  assert.throws(() => writer.many([item], true), CodecError)
  assert.throws(() => writer.many([item, item], true), CodecError)
}

function assertSame(actual: unknown, expected: unknown): void {
  assert.equal(difference(expected, actual), undefined)
}

for (const name of names) {
  describe(`the queue's ${name} codec`, () => {
    const codec = codecOf(name)
    const items: fc.Arbitrary<unknown> = name === 'raw' ? fc.uint8Array().map((bytes) => Buffer.from(bytes)) : reading

    it('has the name that it is asked for by', () => assert.equal(codec.name, name))

    it('brings small objects back as they were, alone and together', () => {
      fc.assert(
        fc.property(fc.array(items, { minLength: 1, maxLength: 40 }), (batch) => {
          for (const item of batch) assertSame(codec.decode(codec.encode(item)), item)
          if (codec.encodeBatch) assertSame(codec.decodeBatch?.(codec.encodeBatch(batch)), batch)
        }),
        runs(100),
      )
    })

    it('gives bytes that never change, and decodes into memory of its own', () => {
      const item = name === 'raw' ? Buffer.from('abc') : ['abc']
      const bytes = codec.encode(item)
      const kept = Buffer.from(bytes)
      for (let i = 0; i < 2000; i++)
        codec.encode(name === 'raw' ? Buffer.alloc(i, i) : { i, text: 'x'.repeat(i % 100) })
      assert.deepEqual(Buffer.from(bytes), kept)
      if (name === 'json') return // JSON has no bytes
      const view = name === 'raw' ? Buffer.from('abc') : { view: Buffer.from('abc'), other: new Uint8Array([1]) }
      const encoded = codec.encode(view)
      const before = Buffer.from(encoded)
      const decoded = codec.decode(encoded)
      const inner = Buffer.isBuffer(decoded) ? decoded : (decoded as { view: Buffer }).view
      inner.fill(0)
      assert.deepEqual(Buffer.from(encoded), before)
      assertSame(codec.decode(encoded), view)
    })

    it('refuses functions and symbols, wherever they are', () => {
      for (const item of [() => 1, Symbol('s')]) {
        for (const nested of [item, [item], { item }, { deep: [{ item }] }]) assertRefused(name, nested)
      }
    })
  })
}

describe("the queue's json codec", () => {
  const codec = codecOf('json')

  it('changes what JSON.stringify changes', () => {
    fc.assert(
      fc.property(anyItem, (item) => {
        let text: string | undefined
        try {
          text = JSON.stringify(item)
        } catch {
          // A bigint: no JSON either way.
        }
        if (text === undefined) assertRefused('json', item)
        else assert.equal(Buffer.from(codec.encode(item)).toString(), text)
      }),
      runs(1000),
    )
  })

  it('refuses what would vanish whole: undefined, a promise, a toJSON that returns nothing', () => {
    const promise = Promise.resolve(1)
    for (const item of [undefined, promise, { toJSON: () => undefined }, { a: { toJSON: () => () => 1 } }]) {
      assertRefused('json', item)
    }
    for (const toJSON of [() => promise, () => ({ promise }), () => [[promise]]]) assertRefused('json', [{ toJSON }])
    assertSame(codec.decode(codec.encode({ a: 1, b: undefined, c: [undefined] })), { a: 1, c: [null] })
  })

  it('takes an object whose toJSON returns itself, or another one that has one', () => {
    const self = { id: 7, toJSON: (): unknown => self, also: () => 1 }
    const endless = (): unknown => ({ id: 7, toJSON: endless })
    for (const item of [self, endless()]) assertSame(codec.decode(codec.encode([item])), [{ id: 7 }])
  })

  it('refuses what holds itself', () => {
    const circle: Record<string, unknown> = { a: 1 }
    circle.circle = [circle, circle]
    assertRefused('json', circle)
  })

  it('keeps half a surrogate pair, and a key named __proto__', () => {
    const item = JSON.parse('{"__proto__":{"polluted":1},"text":"\\ud83d"}')
    assertSame(codec.decode(codec.encode(item)), item)
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  })
})

describe("the queue's v8 codec", () => {
  const codec = codecOf('v8')

  it('brings any item back as it was', () => {
    fc.assert(
      fc.property(anyItem, (item) => assertSame(codec.decode(codec.encode(item)), item)),
      runs(1000),
    )
  })

  it('gives each of the bytes of an item memory of its own, of their size', () => {
    const memory = new ArrayBuffer(100)
    const views = [new Uint8Array(memory, 3, 5), new DataView(memory, 1, 2), new Float64Array(memory, 8, 3)]
    const item = [Buffer.from('abc'), ...views, memory, new BigInt64Array(1), Buffer.alloc(0)]
    const back = codec.decode(codec.encode({ item, again: item }))
    assertSame(back, { item, again: item })
    const backs: unknown[] = Object(back).item
    assert.equal(Object(back).again, backs)
    const sizes = backs.map((view) => (ArrayBuffer.isView(view) ? view.buffer.byteLength - view.byteLength : 0))
    assert.deepEqual(sizes, [0, 0, 0, 0, 0, 0, 0])
  })

  it('keeps cycles within an item, and holes', () => {
    const circle: Record<string, unknown> = {}
    circle.circle = circle
    const back = codec.decode(codec.encode(circle)) as typeof circle
    assert.equal(back.circle, back)
    const holes = codec.decode(codec.encode(new Array(3))) as unknown[]
    assert.equal(0 in holes, false)
  })
})

describe("the queue's cbor codec", () => {
  const codec = codecOf('cbor')

  it('keeps Maps apart from objects, and what is large', () => {
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key${i}`, i]))
    for (const item of [
      new Map([[{ a: 1 }, 'b']]),
      wide,
      Array.from({ length: 100_000 }, (_, i) => i),
      'ö'.repeat(1e6),
    ]) {
      assertSame(codec.decode(codec.encode(item)), item)
      assertSame(codec.decodeBatch?.(codec.encodeBatch?.([item, item]) ?? new Uint8Array()), [item, item])
    }
  })

  it('pollutes nothing, and refuses what holds itself', () => {
    codec.decode(codec.encode(JSON.parse('{"__proto__":{"polluted":1}}')))
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    const circle: unknown[] = []
    circle.push(circle)
    assertRefused('cbor', circle)
  })

  it('names its package where that is missing', async () => {
    const cause = Object.assign(new Error('gone'), { code: 'ERR_MODULE_NOT_FOUND' })
    await assert.rejects(
      loadCbor(() => Promise.reject(cause)),
      (error) => error instanceof UnsupportedError && /npm i cbor-x/.test(error.message) && error.cause === cause,
    )
  })
})

describe("the queue's raw codec", () => {
  const codec = codecOf('raw')

  it('takes every view of bytes, and gives Buffers', () => {
    const bytes = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7])
    const views = [bytes, bytes.subarray(2, 4), new DataView(bytes.buffer, 1, 2), new Uint16Array(bytes.buffer, 2, 1)]
    const backs = views.map((view) => codec.decode(codec.encode(view)))
    assertSame(backs, [Buffer.from(bytes), Buffer.from([2, 3]), Buffer.from([1, 2]), Buffer.from([2, 3])])
    assertSame(codec.decode(codec.encode(Buffer.alloc(0))), Buffer.alloc(0))
  })

  it('keeps the bytes as they were, whatever becomes of those that it was given', () => {
    const given = new Uint8Array([1, 2, 3])
    const encoded = codec.encode(given)
    given.fill(9)
    assertSame([...encoded], [1, 2, 3])
    const decoded = codec.decode(encoded)
    encoded.fill(8)
    assertSame(decoded, Buffer.from([1, 2, 3]))
  })

  it('refuses all else, with a TypeError as the cause', () => {
    const isRight = (error: unknown) => error instanceof CodecError && error.cause instanceof TypeError
    for (const item of ['text', 1, null, undefined, [1], {}, new ArrayBuffer(2)]) {
      assert.throws(() => new DocumentWriter(codec).one(item), isRight)
    }
  })
})

describe("the queue's codec of the user", () => {
  const scratch = Buffer.alloc(100)
  const text: Codec<string> = {
    name: 'text',
    encode: (item) => scratch.subarray(0, scratch.write(item)),
    decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
  }

  it('may use its buffer again', async () => {
    const codec = await loadCodec(text)
    const encoded = ['one', 'two', 'three'].map((item) => codec.encode(item))
    assert.deepEqual(encoded.map(codec.decode), ['one', 'two', 'three'])
  })

  it('may give back the bytes that it is given', async () => {
    const codec = await loadCodec<Uint8Array>({
      name: 'bytes',
      encode: (item: Uint8Array) => item,
      decode: (bytes) => bytes,
    })
    const encoded = codec.encode(Buffer.from('abc'))
    codec.decode(encoded).fill(0)
    assert.equal(Buffer.from(codec.decode(encoded)).toString(), 'abc')
  })

  it('keeps its `this`', async () => {
    class Shift implements Codec<number> {
      readonly name = 'shift'
      readonly by = 1
      encode = (item: number) => Uint8Array.of(item + this.by)
      decode(bytes: Uint8Array): number {
        return (bytes[0] ?? 0) - this.by
      }
      encodeBatch(items: readonly number[]): Uint8Array {
        return Uint8Array.from(items, (item) => item + this.by)
      }
      decodeBatch(bytes: Uint8Array): number[] {
        return Array.from(bytes, (byte) => byte - this.by)
      }
    }
    const codec = await loadCodec(new Shift())
    assert.equal(codec.decode(codec.encode(5)), 5)
    assert.deepEqual(codec.decodeBatch?.(codec.encodeBatch?.([1, 2]) ?? new Uint8Array()), [1, 2])
  })

  it('is refused at once where it is none', async () => {
    const call = () => new Uint8Array()
    const wrong = [
      ...[undefined, null, 5, 'xml', 'toString', {}, { name: 'x' }, { name: '', encode: call, decode: call }],
      ...[
        { name: 'x', encode: call },
        { name: 'x', encode: call, decode: 1 },
        { name: 'json', encode: call, decode: call },
      ],
      { name: 'x', encode: call, decode: call, encodeBatch: call },
      { name: 'x', encode: call, decode: call, encodeBatch: 1, decodeBatch: 1 },
    ]
    for (const choice of wrong) {
      assert.throws(() => assertCodec(choice), TypeError)
      await assert.rejects(loadCodec(choice as Codec<unknown>), TypeError)
    }
  })

  it('is told when it encodes into something else than bytes', async () => {
    const codec = await loadCodec({ name: 'x', encode: () => 'text' as unknown as Uint8Array, decode: String })
    assert.throws(() => new DocumentWriter(codec).one('item'), CodecError)
  })
})
