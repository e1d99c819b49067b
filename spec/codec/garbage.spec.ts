// A process of its own: it looks at how much memory that takes.

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { type Codec, type CodecName, DocumentReader, DocumentWriter, loadCodec } from '../../lib/codec/index.ts'
import { CodecError } from '../../lib/errors.ts'
import type { Document } from '../../lib/store.ts'
import { anyItem, reading, runs } from './items.ts'

const MUTATIONS = process.env.SPOOLQ_CHECK ? 8000 : 250
const STEP = process.env.SPOOLQ_CHECK ? 11 : 83
// No document below is larger than some KiB; what all of them leave for the collector at once is far below this.
const MAX_GROWTH_KIB = 256 * 1024

/** Takes a document whose bytes may be anything: items or CodecErrors. */
function take(codec: Codec<unknown>, document: Document): void {
  const piece = { firstId: 1, count: document.count, document, skip: 0, attempt: 0, enqueuedAt: 0 }
  const { items, bad } = new DocumentReader(codec).take(piece)
  const badItems = bad.reduce((sum, { count }) => sum + count, 0)
  assert.equal(items.length + badItems, document.count)
  for (const { error } of bad) assert.ok(error instanceof CodecError)
}

/** The bytes with some changed, cut, repeated or put in. */
function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const mutant = Buffer.from(bytes)
  const at = Math.floor(random() * mutant.length)
  const kind = Math.floor(random() * 5)
  if (kind === 0) return mutant.subarray(0, at)
  if (kind === 1) return Buffer.concat([mutant.subarray(0, at), mutant.subarray(at / 2)])
  if (kind === 2) mutant.fill(random() < 0.5 ? 0xff : 0, at, Math.min(at + 4, mutant.length))
  for (let i = 0; i < 1 + 3 * random(); i++) mutant[Math.floor(random() * mutant.length)] = Math.floor(256 * random())
  return mutant
}

/** mulberry32: the same numbers for the same seed, everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

for (const name of ['msgpack', 'json', 'cbor', 'v8', 'raw'] as CodecName[]) {
  describe(`the queue's ${name} codec, given bytes that are none of its own,`, async () => {
    const codec = await loadCodec<unknown>(name)
    let peak = 0
    before(() => {
      peak = process.resourceUsage().maxRSS
    })

    it('tells so or gives something: random bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 5 }), (bytes, count) => {
          take(codec, { bytes, count })
        }),
        runs(400),
      )
    })

    it('tells so or gives something: changed documents', (t) => {
      const seed = Number(process.env.SPOOLQ_SEED ?? Date.now() % 2 ** 31)
      t.diagnostic(`seed ${seed}`)
      const random = randomFrom(seed)
      const samples = fc.sample(fc.oneof(fc.array(reading, { minLength: 3 }), fc.array(anyItem, { minLength: 1 })), {
        numRuns: 200,
        seed,
      })
      const documents = samples.flatMap((items) => {
        try {
          return new DocumentWriter(codec).many(name === 'raw' ? items.map((_, i) => Buffer.alloc(i, i)) : items, true)
        } catch {
          return [] // JSON and bigints, CBOR and a few others
        }
      })
      for (let i = 0; i < MUTATIONS; i++) {
        const document = documents[i % documents.length] ?? assert.fail('no documents')
        take(codec, { bytes: mutate(document.bytes, random), count: document.count })
      }
    })

    it('tells so or gives something: every header with the largest length', () => {
      for (let first = 0; first < 256; first++) {
        for (let second = 0; second < 256; second += STEP) {
          const bytes = Buffer.from([first, second, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
          for (const count of [1, 2]) take(codec, { bytes: bytes.subarray(0, 2 + (second % 10)), count })
        }
      }
    })

    it('never makes room for what is not there', () => {
      assert.ok(process.resourceUsage().maxRSS - peak < MAX_GROWTH_KIB)
    })
  })
}
