import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Codec,
  type CodecName,
  DocumentReader,
  DocumentWriter,
  GrowingDocuments,
  loadCodec,
} from '../../lib/codec/index.ts'
import { CodecError } from '../../lib/errors.ts'
import type { Document } from '../../lib/store.ts'
import { anyItem, difference, reading, runs } from './items.ts'

const msgpack: Codec<unknown> = await loadCodec<unknown>('msgpack')
const growing = (codec = msgpack) => new GrowingDocuments(codec, new DocumentWriter(codec))

function readAll(codec: Codec<unknown>, documents: readonly Document[]): unknown[] {
  const reader = new DocumentReader(codec)
  return documents.flatMap((document) => {
    const piece = { firstId: 1, count: document.count, document, skip: 0, attempt: 0, enqueuedAt: 0 }
    const { items, bad } = reader.take(piece)
    assert.deepEqual(bad, [])
    return items
  })
}

/** Those that were taken; what is refused is left out. */
function addAll(documents: GrowingDocuments<unknown>, items: readonly unknown[]): unknown[] {
  return items.filter((item) => {
    try {
      documents.add(item)
      return true
    } catch (error) {
      assert.ok(error instanceof CodecError)
      return false
    }
  })
}

describe('items that come one by one', () => {
  for (const name of ['msgpack', 'json', 'v8'] as CodecName[]) {
    it(`are in documents of ${name} in their order, whatever their sizes`, async () => {
      const codec = await loadCodec<unknown>(name)
      const item = fc.oneof(
        reading,
        fc.integer({ min: 0, max: 80_000 }).map((length) => 'x'.repeat(length)),
      )
      const rounds = fc.array(fc.array(item, { maxLength: 200, size: 'max' }), { maxLength: 4 })
      fc.assert(
        fc.property(rounds, (all) => {
          const documents = growing(codec)
          for (const items of all) {
            for (const one of items) documents.add(one)
            assert.equal(documents.count, items.length)
            const taken = documents.take()
            assert.equal(difference(items, readAll(codec, taken)), undefined)
            for (const { bytes, count } of taken) {
              assert.ok(count >= 1 && count <= 64)
              assert.ok(count === 1 || bytes.length <= 64 * 1024)
            }
          }
        }),
        runs(30),
      )
    })
  }

  it('come out as they went in, whatever they are, but for those that are refused', () => {
    fc.assert(
      fc.property(fc.array(anyItem, { maxLength: 40 }), (items) => {
        const documents = growing()
        const kept = addAll(documents, items)
        assert.equal(documents.count, kept.length)
        assert.equal(difference(kept, readAll(msgpack, documents.take())), undefined)
      }),
      runs(300),
    )
  })

  it('are what they were when they came', () => {
    const documents = growing()
    const item = { n: 0, list: [0] }
    for (let n = 0; n < 100; n++) {
      item.n = n
      item.list[0] = n
      documents.add(item)
    }
    const expected = Array.from({ length: 100 }, (_, n) => ({ n, list: [n] }))
    assert.deepEqual(readAll(msgpack, documents.take()), expected)
  })

  it('share what they have in common, but for the first few', () => {
    const documents = growing()
    const items = Array.from({ length: 1000 }, (_, id) => ({ id, celsius: 21.5, name: 'the same for all' }))
    for (const item of items) documents.add(item)
    const taken = documents.take()
    const together = new DocumentWriter(msgpack).many(items, true)
    const bytes = (all: readonly Document[]) => all.reduce((sum, document) => sum + document.bytes.length, 0)
    assert.ok(bytes(taken) < bytes(together) * 1.1, `${bytes(taken)} bytes; as a batch ${bytes(together)}`)
    assert.ok(taken.length < 30, `${taken.length} documents`)
  })

  it('stay, where one between them is refused or does not fit their form', () => {
    const shaped = (id: number) => ({ id, at: id })
    const awkward = [
      () => {},
      { other: 1, f() {} },
      '\ud800',
      Object.fromEntries([['__proto__', 1]]),
      new Map([[1, 2]]),
    ]
    for (const odd of awkward) {
      for (const place of [0, 3, 4, 5, 20, 67, 68, 69]) {
        const items: unknown[] = Array.from({ length: 80 }, (_, id) => shaped(id))
        items.splice(place, 0, odd)
        const documents = growing()
        const kept = addAll(documents, items)
        assert.equal(difference(kept, readAll(msgpack, documents.take())), undefined)
      }
    }
  })

  it('are never bytes that change once they were taken', () => {
    const documents = growing()
    const add = (from: number) => {
      for (let id = from; id < from + 100; id++) documents.add({ id, text: `${id}`.repeat(20) })
      return documents.take()
    }
    const first = add(0)
    const copies = first.map(({ bytes }) => Buffer.from(bytes))
    for (let from = 100; from < 3000; from += 100) add(from)
    for (const [i, { bytes }] of first.entries()) assert.ok(copies[i]?.equals(bytes))
  })
})
