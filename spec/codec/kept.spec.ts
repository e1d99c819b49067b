// kept.spec.ts: what of an item is kept keeps no more of it in memory.
//
// A process of its own: it looks at how much memory that takes.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Codec, type CodecName, loadCodec } from '../../lib/codec/index.ts'
import { CHECK } from '../layers.ts'

const ITEMS = 8
const LARGE = 512 * 1024
/** The 6 KiB of texts that stand together, and what the engine needs; kept whole they would be 512 KiB. */
const MOST_AN_ITEM = 128 * 1024

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** What is in use once all garbage is gone: memory outside of the heap goes a little after it. */
async function used(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect()
    await sleep(2)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const text = (i: number) => `the text of the item ${i}, not short`
const words = (i: number) => Array.from({ length: LARGE / 64 }, (_, k) => `${i} and ${k} are words of some length`)
const makers: Readonly<Record<string, (i: number) => object>> = {
  bytes: (i) => ({ text: text(i), hash: Buffer.alloc(16, i), data: Buffer.alloc(LARGE, i), ids: new Float64Array(3) }),
  'a text': (i) => ({ text: text(i), data: 'x'.repeat(LARGE) }),
  'many texts': (i) => ({ words: words(i), text: text(i) }),
}

/** What stays of an item: its small text, and its small bytes where it has some. */
function partsOf(item: unknown): unknown[] {
  const { text, hash, ids } = Object(item)
  return [text, hash, ids]
}

async function keptByEach(read: (i: number) => readonly unknown[]): Promise<number> {
  // The first ones also make what each codec keeps for good.
  const kept = [read(0), read(0)]
  const before = await used()
  for (let i = 0; i < ITEMS; i++) kept.push(read(i))
  const bytes = (await used()) - before
  assert.equal(kept.length, ITEMS + 2)
  return bytes / ITEMS
}

const names: CodecName[] = CHECK ? ['msgpack', 'json', 'cbor', 'v8'] : ['msgpack', 'v8']
for (const name of names) {
  describe(`of an item of ${name}`, async () => {
    const codec: Codec<unknown> = await loadCodec<unknown>(name)
    for (const [what, make] of Object.entries(makers)) {
      if (name === 'json' && what === 'bytes') continue
      it(`with ${what}, what is small keeps only itself`, async () => {
        const bytes = await keptByEach((i) => partsOf(codec.decode(codec.encode(make(i)))))
        assert.ok(bytes < MOST_AN_ITEM, `${bytes} bytes an item`)
      })
    }

    it('that is gone nothing is kept', async () => {
      const bytes = [words(1), 'y'.repeat(8 * LARGE)].map((item) => codec.encode([item, item, item]))
      const before = await used()
      for (const each of bytes) codec.decode(each)
      const growth = (await used()) - before
      assert.ok(growth < 4 * LARGE, `${growth} bytes`)
    })
  })
}
