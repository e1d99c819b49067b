// random-items.spec.ts: what comes out is what went in: items of random shapes, one after the other and in batches, by
// readers and writers that live as long as a queue's, exactly, and without a byte of memory shared with anything.
//
// A process of its own: it is long in a whole check.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Codec, DocumentReader, DocumentWriter, GrowingDocuments, loadCodec } from '../../lib/codec/index.ts'
import { AsyncQueue } from '../../lib/index.ts'
import type { Document } from '../../lib/store.ts'
import { CHECK, counting } from '../layers.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import { difference } from './items.ts'
import { promised, RandomItems } from './random-items.ts'

const SHARE = CHECK ? 1 : 200
const MOST = 60

type Random = () => number

/** One codec as a queue uses it, for as long as it is open. */
class Rig {
  readonly #codec: Codec<unknown>
  readonly #random: Random
  readonly #writer: DocumentWriter<unknown>
  readonly #reader: DocumentReader<unknown>
  readonly #growing: GrowingDocuments<unknown>

  constructor(codec: Codec<unknown>, random: Random) {
    this.#codec = codec
    this.#random = random
    this.#writer = new DocumentWriter(codec)
    this.#reader = new DocumentReader(codec)
    this.#growing = new GrowingDocuments(codec, this.#writer)
  }

  /** Whatever way they go, they come out as they went in. */
  check(items: readonly unknown[]): void {
    const backs = this.#read(this.#write(items))
    assert.equal(backs.length, items.length)
    for (const [i, item] of items.entries()) {
      const found = difference(item, backs[i], `${this.#codec.name} ${i} of ${items.length}`)
      assert.equal(found, undefined)
    }
    assertOwnMemory(backs)
  }

  #write(items: readonly unknown[]): Document[] {
    const chance = this.#random()
    if (chance < 0.4) return items.map((item) => this.#writer.one(item))
    if (chance < 0.7) return this.#writer.many(items, true)
    for (const item of items) this.#growing.add(item)
    return this.#growing.take()
  }

  /** Document by document, in parts; what a document was made of is used again then. */
  #read(documents: readonly Document[]): unknown[] {
    const backs: unknown[] = []
    for (const document of documents) {
      const bytes = this.#random() < 0.5 ? document.bytes : Uint8Array.from(document.bytes)
      const scratch = { bytes, count: document.count }
      for (let skip = 0; skip < document.count; ) {
        const count = Math.min(document.count - skip, 1 + Math.floor(this.#random() * MOST))
        const taken = this.#reader.take({ firstId: 1, document: scratch, attempt: 0, enqueuedAt: 0, skip, count })
        assert.deepEqual(taken.bad, [])
        backs.push(...taken.items)
        skip += count
      }
      bytes.fill(0xee)
    }
    return backs
  }
}

/** Each bytes value has memory of exactly its size, which nothing else has. */
function assertOwnMemory(value: unknown, seen = new Set<ArrayBufferLike>()): void {
  if (typeof value !== 'object' || value === null) return
  if (ArrayBuffer.isView(value)) {
    assert.equal(value.buffer.byteLength, value.byteLength, 'memory that is longer than the value')
    assert.ok(!seen.has(value.buffer), 'memory that two values share')
    seen.add(value.buffer)
    return
  }
  const parts = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  for (const part of parts) assertOwnMemory(part, seen)
}

describe('random items of random shapes come out as they went in,', () => {
  const figures = { msgpack: 140_000, v8: 30_000, cbor: 30_000, json: 30_000 } as const
  for (const [name, figure] of Object.entries(figures)) {
    it(`by the codec ${name}`, async (t) => {
      const counted = counting(t, 'random items')
      const seed = newSeed()
      t.diagnostic(`seed ${seed}`)
      const random = randomFrom(seed)
      const items = new RandomItems(random, promised[name as keyof typeof promised])
      const rig = new Rig(await loadCodec<unknown>(name as keyof typeof promised), random)
      if (name !== 'cbor') rig.check([`\ufeff${'by chance it may not come '.repeat(4)}`])
      let count = 0
      while (count < figure / SHARE) {
        const batch = Array.from({ length: 1 + Math.floor(random() ** 2 * MOST) }, () => items.next())
        rig.check(batch)
        count += batch.length
      }
      counted(count, figure / SHARE)
    })
  }

  it('through one queue, in every way of putting and taking', async (t) => {
    const counted = counting(t, 'random items')
    const seed = newSeed()
    t.diagnostic(`seed ${seed}`)
    const random = randomFrom(seed)
    const items = new RandomItems(random, promised.msgpack)
    await using queue = await AsyncQueue.open<unknown>('memory:')
    const waiting: unknown[] = []
    const figure = 10_000 / SHARE
    let count = 0
    for (; count < figure || waiting.length > 0; ) {
      const batch = Array.from({ length: count < figure ? Math.floor(random() * 8) : 0 }, () => items.next())
      if (random() < 0.5) await queue.putMany(batch)
      else await Promise.all(batch.map((item) => queue.put(item)))
      waiting.push(...batch)
      const taken = await takeSome(queue, random)
      assert.equal(difference(waiting.splice(0, taken.length), taken), undefined)
      assertOwnMemory(taken)
      count += taken.length
    }
    counted(count, figure)
  })
})

async function takeSome(queue: AsyncQueue<unknown>, random: Random): Promise<unknown[]> {
  const n = Math.floor(random() * 10)
  const kind = Math.floor(random() * 3)
  if (kind === 0) return queue.pop(n)
  if (kind === 1) {
    const deliveries = await queue.lease(n)
    await Promise.all(deliveries.map((delivery) => delivery.ack()))
    return deliveries.map(({ item }) => item)
  }
  const peeked = await queue.peek(n)
  const popped = await queue.pop(n)
  assert.equal(difference(peeked, popped), undefined)
  return popped
}
