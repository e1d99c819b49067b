import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Codec, type CodecName, DocumentReader, DocumentWriter, loadCodec } from '../../lib/codec/index.ts'
import { CodecError } from '../../lib/errors.ts'
import type { Document, Piece } from '../../lib/store.ts'
import { difference, reading, runs } from './items.ts'

const msgpack: Codec<unknown> = await loadCodec<unknown>('msgpack')
const v8: Codec<unknown> = await loadCodec<unknown>('v8')

function pieceOf(document: Document, skip = 0, count = document.count - skip): Piece {
  return { firstId: 100 + skip, count, document, skip, attempt: 1, enqueuedAt: 5 }
}

function readAll<T>(codec: Codec<T>, documents: readonly Document[]): T[] {
  const reader = new DocumentReader(codec)
  return documents.flatMap((document) => reader.take(pieceOf(document)).items)
}

/** The codec, and how often each of its methods was called; `encoded` counts items. */
function counting(codec: Codec<unknown>): { codec: Codec<unknown>; calls: Record<'encoded' | 'decodeBatch', number> } {
  const calls = { encoded: 0, decodeBatch: 0 }
  const encode = (item: unknown) => {
    calls.encoded++
    return codec.encode(item)
  }
  const encodeBatch = (items: readonly unknown[]) => {
    calls.encoded += items.length
    return codec.encodeBatch?.(items) ?? assert.fail()
  }
  const decodeBatch = (bytes: Uint8Array) => {
    calls.decodeBatch++
    return codec.decodeBatch?.(bytes) ?? assert.fail()
  }
  return { codec: { ...codec, encode, encodeBatch, decodeBatch }, calls }
}

for (const name of ['msgpack', 'json', 'cbor', 'v8'] as CodecName[]) {
  describe(`the queue's documents of ${name}`, async () => {
    const codec = await loadCodec<unknown>(name)

    it('hold the items in order, whatever their sizes', () => {
      const item = fc.oneof(
        reading,
        fc.integer({ min: 0, max: 20_000 }).map((length) => 'x'.repeat(length)),
      )
      fc.assert(
        fc.property(fc.array(item, { maxLength: 700, size: 'max' }), fc.boolean(), (items, perDocument) => {
          const documents = new DocumentWriter(codec).many(items, perDocument)
          assert.equal(difference(items, readAll(codec, documents)), undefined)
          assert.equal(
            documents.reduce((sum, { count }) => sum + count, 0),
            items.length,
          )
          for (const { bytes, count } of documents) {
            assert.ok(count >= 1 && count <= (perDocument ? 256 : 1))
            assert.ok(count === 1 || bytes.length <= 64 * 1024)
          }
        }),
        runs(30),
      )
    })

    it('hold no more than 256 items, nor 64 KiB but of one item', () => {
      const sizes = [0, 1, 100, 1000, 10_000, 70_000]
      for (const size of sizes) {
        const items = Array.from({ length: size > 1000 ? 20 : 700 }, () => 'x'.repeat(size))
        const documents = new DocumentWriter(codec).many(items, true)
        assert.equal(
          documents.reduce((sum, { count }) => sum + count, 0),
          items.length,
        )
        for (const { bytes, count } of documents) {
          assert.ok(count <= 256, `${count} items`)
          assert.ok(count === 1 || bytes.length <= 64 * 1024, `${count} items of ${size} take ${bytes.length}`)
        }
        if (size === 1) assert.ok(documents.length < 10, 'they share documents')
      }
    })

    it('are taken piece by piece, in any order and again', () => {
      const items = Array.from({ length: 256 }, (_, id) => ({ id, list: [id] }))
      const [document] = new DocumentWriter(codec).many(items, true)
      assert.equal(document?.count, 256)
      const piece = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => [Math.min(a, b), Math.abs(a - b) + 1] as const)
      fc.assert(
        fc.property(fc.array(piece), (pieces) => {
          const reader = new DocumentReader<unknown>(codec)
          const seen = new Set<unknown>()
          for (const [skip, count] of pieces) {
            const taken = reader.take(pieceOf(document, skip, count))
            assert.deepEqual(taken, { items: items.slice(skip, skip + count), bad: [] })
            for (const item of taken.items) {
              assert.ok(!seen.has(item), 'handed out twice')
              seen.add(item)
            }
          }
        }),
        runs(50),
      )
    })
  })
}

describe("the queue's document writer", () => {
  it('makes two items of one object that is put twice', () => {
    const object = { list: [1] }
    for (const codec of [msgpack, v8]) {
      const [one, two] = readAll(codec, new DocumentWriter(codec).many([object, object], true)) as (typeof object)[]
      one?.list.push(2)
      assert.deepEqual(two, object)
    }
  })

  it('says which item of a batch can not be encoded, and why', () => {
    const items = Array.from({ length: 1000 }, (_, id): unknown => ({ id }))
    items[777] = { id: 777, callback() {} }
    for (const perDocument of [true, false]) {
      for (const codec of [msgpack, v8]) {
        const check = (error: unknown) =>
          error instanceof CodecError && error.message.includes('items[777]') && error.cause instanceof Error
        assert.throws(() => new DocumentWriter(codec).many(items, perDocument), check)
      }
    }
  })

  it('keeps an item that the many-at-once form has no room for, in documents around it', () => {
    const items = Array.from({ length: 600 }, (_, id): unknown => (id === 300 ? `half a pair: \ud83d` : { id }))
    const documents = new DocumentWriter(msgpack).many(items, true)
    assert.ok(documents.length < 30)
    assert.equal(difference(items, readAll(msgpack, documents)), undefined)
  })

  it('encodes a batch about once', () => {
    for (const size of [10, 1000, 20_000]) {
      const { codec, calls } = counting(msgpack)
      const writer = new DocumentWriter(codec)
      for (let round = 0; round < 3; round++) {
        writer.many(
          Array.from({ length: 3000 }, (_, id) => ({ id, text: 'x'.repeat(size) })),
          true,
        )
      }
      assert.ok(calls.encoded < 9000 + 256 * 3, `${calls.encoded} encodings of 9,000 items of ${size} bytes`)
    }
  })

  it('takes any iterable, and none of it twice', () => {
    function* numbers(): Generator<number> {
      for (let i = 0; i < 1000; i++) yield i
    }
    assert.deepEqual(readAll(msgpack, new DocumentWriter(msgpack).many(numbers(), true)), [...numbers()])
    assert.deepEqual(new DocumentWriter(msgpack).many([], true), [])
  })

  it('takes what an array iterates over: undefined for a hole, and what an iterator of its own gives', () => {
    const holes: unknown[] = [1, 2]
    holes[600] = 3
    const doubled = new (class extends Array<number> {
      override *[Symbol.iterator]() {
        for (let i = 0; i < this.length; i++) yield (this[i] ?? 0) * 2
        return undefined
      }
    })(1, 2, 3)
    const shouted = Object.assign(['a', 'b'], {
      *[Symbol.iterator]() {
        yield 'A'
      },
    })
    for (const codec of [msgpack, v8]) {
      const through = (items: Iterable<unknown>) => readAll(codec, new DocumentWriter(codec).many(items, true))
      assert.deepEqual(through(holes), [...holes])
      assert.deepEqual(through(doubled), [2, 4, 6])
      assert.deepEqual(through(shouted), ['A'])
    }
  })
})

describe("the queue's document reader", () => {
  const items = Array.from({ length: 200 }, (_, id) => ({ id }))

  it('decodes a document once for the pieces that come in a row', () => {
    const { codec, calls } = counting(msgpack)
    const [document] = new DocumentWriter(codec).many(items, true)
    assert.ok(document)
    const reader = new DocumentReader(codec)
    for (let i = 0; i < items.length; i++) reader.take(pieceOf(document, i, 1))
    assert.equal(calls.decodeBatch, 1)
    reader.take(pieceOf(document, 0, 1))
    assert.equal(calls.decodeBatch, 2)
  })

  it('says that a whole document can not be decoded, after one try', () => {
    const { codec, calls } = counting(msgpack)
    const [whole] = new DocumentWriter(codec).many(items, true)
    assert.ok(whole)
    const document = { bytes: whole.bytes.subarray(0, -1), count: whole.count }
    const reader = new DocumentReader(codec)
    for (let i = 0; i < items.length; i++) {
      const piece = pieceOf(document, i, 1)
      const { items, bad } = reader.take(piece)
      assert.deepEqual(items, [])
      assert.ok(bad[0]?.error instanceof CodecError)
      assert.deepEqual({ ...bad[0], error: 0 }, { ...piece, error: 0 })
    }
    assert.equal(calls.decodeBatch, 1)
    assert.equal(reader.take(pieceOf(whole)).items.length, 200)
    assert.equal(reader.take(pieceOf({ bytes: whole.bytes, count: 199 })).bad.length, 1)
  })

  it('gives up no more of a framed document than the item that can not be decoded', () => {
    const [whole] = new DocumentWriter(v8).many(items, true)
    assert.ok(whole)
    const bytes = Buffer.from(whole.bytes)
    const at = bytes.indexOf(v8.encode({ id: 77 }))
    bytes.fill(0xff, at, at + 4)
    const { items: left, bad } = new DocumentReader(v8).take(pieceOf({ bytes, count: 200 }, 70, 20))
    assert.deepEqual(
      left,
      items.slice(70, 90).filter(({ id }) => id !== 77),
    )
    assert.deepEqual(
      bad.map(({ firstId, skip, count }) => [firstId, skip, count]),
      [[177, 77, 1]],
    )
    const cut = { bytes: bytes.subarray(0, -1), count: 200 }
    assert.deepEqual(
      new DocumentReader(v8).take(pieceOf(cut, 3, 5)).bad.map(({ count }) => count),
      [5],
    )
  })

  it('reads what comes behind a document whose lengths are broken', () => {
    const [whole] = new DocumentWriter(v8).many(items, true)
    assert.ok(whole)
    const reader = new DocumentReader(v8)
    const broken = { bytes: whole.bytes.subarray(0, -1), count: whole.count }
    for (const document of [broken, broken, whole, broken, whole]) {
      const { items: read, bad } = reader.take(pieceOf(document))
      assert.deepEqual([read.length, bad.length], document === whole ? [200, 0] : [0, 1])
    }
  })
})
