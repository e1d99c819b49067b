// cut.spec.ts: an item of a document, as a document of its own, is the same item.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cutItems } from '../../lib/codec/cut.ts'
import { type Codec, DocumentReader, DocumentWriter, GrowingDocuments, loadCodec } from '../../lib/codec/index.ts'
import type { Document } from '../../lib/store.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import { difference } from './items.ts'
import { promised, RandomItems } from './random-items.ts'

const COUNT = 100

function documentsOf(codec: Codec<unknown>, items: readonly unknown[]): Document[] {
  const writer = new DocumentWriter(codec)
  const growing = new GrowingDocuments(codec, writer)
  for (const item of items) growing.add(item)
  return [...writer.many(items, true), ...growing.take()]
}

function decoded(codec: Codec<unknown>, document: Document): unknown {
  const piece = { firstId: 1, count: 1, document, skip: 0, attempt: 0, enqueuedAt: 0 }
  const { items, bad } = new DocumentReader(codec).take(piece)
  assert.deepEqual(bad, [])
  return items[0]
}

const words = { encode: (item: string) => Buffer.from(item), decode: (bytes: Uint8Array) => `${Buffer.from(bytes)}` }
const lines = {
  encodeBatch: (items: readonly string[]) => Buffer.from(items.join('\n')),
  decodeBatch: (bytes: Uint8Array) => `${Buffer.from(bytes)}`.split('\n'),
}

async function documentOf(choice: Codec<string>) {
  const codec = await loadCodec<string>(choice)
  const [document] = new DocumentWriter(codec).many(['one', 'two', 'three'], true)
  assert.ok(document?.count === 3)
  return { codec, document }
}

describe('an item that is cut out of its document', () => {
  for (const name of ['msgpack', 'json', 'cbor', 'v8'] as const) {
    it(`is the same with ${name}`, async (t) => {
      const seed = newSeed()
      t.diagnostic(`seed ${seed}`)
      const codec = await loadCodec<unknown>(name)
      const random = new RandomItems(randomFrom(seed), promised[name])
      const items = Array.from({ length: COUNT }, () => random.next())
      let at = 0
      for (const document of documentsOf(codec, items)) {
        const own = cutItems(codec, document, { skip: 0, count: document.count })
        assert.equal(own?.length, document.count)
        for (const each of own ?? []) {
          const item = items[at++ % COUNT]
          assert.equal(difference(item, decoded(codec, each), `${name} ${at}`), undefined)
        }
      }
      assert.equal(at, 2 * COUNT)
    })
  }

  it('is one of several that are wanted', async () => {
    const { codec, document } = await documentOf({ name: 'lines', ...words, ...lines })
    const own = cutItems(codec, document, { skip: 1, count: 2 })
    assert.deepEqual(
      own?.map((each) => decoded(codec as Codec<unknown>, each)),
      ['two', 'three'],
    )
  })

  it('keeps its bytes where it has a frame of its own, whether it decodes or not', async () => {
    const decode = () => assert.fail('never asked')
    const { codec, document } = await documentOf({ name: 'words', ...words, decode })
    const own = cutItems(codec, document, { skip: 2, count: 1 })
    assert.equal(own?.length, 1)
    assert.equal(`${Buffer.from(own?.[0]?.bytes ?? [])}`, 'three')
  })

  it('is not to be had where its codec makes other bytes of what it decoded, or none', async () => {
    const loud = { ...lines, decodeBatch: (bytes: Uint8Array) => lines.decodeBatch(bytes).map((item) => `${item}!`) }
    const broken = { ...lines, decodeBatch: (): string[] => assert.fail('broken') }
    const short = { ...lines, decodeBatch: (bytes: Uint8Array) => lines.decodeBatch(bytes).slice(1) }
    for (const batch of [loud, broken, short]) {
      const { codec, document } = await documentOf({ name: 'lines', ...words, ...batch })
      assert.equal(cutItems(codec, document, { skip: 0, count: 1 }), undefined)
    }
  })
})
