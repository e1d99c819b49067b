// copying.ts: copyTo, from a queue of each store to another one of that store, to memory and to a log.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { AsyncQueue, type Codec, CodecMismatchError, QueueFullError, UnsupportedError } from '../../lib/index.ts'
import { type MakePlace, numbers } from './place.ts'

interface Item {
  readonly n: number
  readonly text: string
}

const item = (n: number): Item => ({ n, text: 'x'.repeat(n % 50) })
const items = (from: number, to: number): Item[] => numbers(from, to).map(item)

export function copying(place: MakePlace): void {
  const targets: { readonly [name: string]: (t: TestContext) => Promise<string> } = {
    'another queue of its kind': async () => (await place()).location,
    'a queue in memory': async () => `memory:copy-${Math.random()}`,
    'a log': async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'spoolq-copy-'))
      t.after(() => rmSync(folder, { recursive: true, force: true }))
      return join(folder, 'queue')
    },
  }

  for (const [name, target] of Object.entries(targets)) {
    it(`copies what is ready to ${name}, in order and with its attempts, and stays as it is`, async (t) => {
      const where = await place()
      const queue = await where.open<Item>({ codec: 'json' })
      await queue.putMany(items(1, 3000))
      await queue.pop(100)
      await queue.put(item(0), { delay: 1e9 })
      for (const delivery of await queue.lease(5)) await delivery.nack()
      const held = await queue.lease(2)
      await held[0]?.fail('spoilt')
      for (let n = 3001; n <= 3010; n++) await queue.put(item(n))
      const before = await queue.counts()
      const progress: number[] = []
      await using copy = await queue.copyTo(await target(t), {
        onProgress: ({ copied, total }) => {
          assert.equal(total, 2908)
          progress.push(copied)
        },
      })
      assert.deepEqual(await queue.counts(), before)
      assert.deepEqual(await copy.counts(), { ready: 2908, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
      const listed = await copy.list({ limit: 5 })
      assert.deepEqual(
        listed.map(({ item: { n = 0 } = {}, attempt }) => [n, attempt]),
        [
          [103, 1],
          [104, 1],
          [105, 1],
          [106, 0],
          [107, 0],
        ],
      )
      assert.deepEqual(await copy.pop(5000), items(103, 3010))
      assert.ok(progress.length >= 2)
      assert.deepEqual(
        progress,
        progress.toSorted((one, other) => one - other),
      )
      assert.equal(progress.at(-1), 2908)
    })
  }

  it('goes on with an interrupted copy where it was, and leaves nothing out', async () => {
    const [where, target] = [await place(), await place()]
    const queue = await where.open<Item>()
    await queue.putMany(items(1, 5000))
    for (const limit of [1, 500, 2000]) {
      const stop = new AbortController()
      const copying = queue.copyTo(target.location, {
        signal: stop.signal,
        onProgress: ({ copied }) => copied >= limit && stop.abort(new Error('stopped')),
      })
      await assert.rejects(copying, /stopped/)
    }
    let first = 0
    await using copy = await queue.copyTo(target.location, {
      onProgress: ({ copied, total }) => {
        first ||= copied
        assert.equal(total, 5000)
      },
    })
    assert.ok(first > 2000, `it went on at ${first}`)
    assert.deepEqual(await copy.pop(9999), items(1, 5000))
  })

  it('brings what was put since, when it is done once more', async () => {
    const [where, target] = [await place(), await place()]
    const queue = await where.open<Item>()
    await queue.putMany(items(1, 10))
    const first = await queue.copyTo(target.location)
    assert.deepEqual(await first.pop(4), items(1, 4))
    await first.close()
    const again = await queue.copyTo(target.location)
    assert.deepEqual(await again.peek(99), items(5, 10))
    await again.close()
    await queue.putMany(items(11, 12))
    await using third = await queue.copyTo(target.location)
    assert.deepEqual(await third.peek(99), items(5, 12))
  })

  it('encodes anew for another codec, and takes a codec of its own along', async () => {
    const where = await place()
    const queue = await where.open<Item>({ codec: 'json' })
    await queue.putMany(items(1, 300))
    await queue.pop()
    const other = await place()
    await using copy = await queue.copyTo(other.location, { codec: 'v8' })
    await assert.rejects(AsyncQueue.open(other.location, { codec: 'json' }), CodecMismatchError)
    assert.deepEqual(await copy.pop(999), items(2, 300))

    const codec: Codec<Item> = {
      name: 'mine',
      encode: ({ n }) => Buffer.from(String(n)),
      decode: (bytes) => item(Number(Buffer.from(bytes).toString())),
    }
    const own = await (await place()).open<Item>({ codec })
    await own.putMany(items(1, 20))
    await using copied = await own.copyTo((await place()).location)
    assert.deepEqual(await copied.pop(99), items(1, 20))
  })

  it('refuses a target that is itself, or holds something else, or is too small', async () => {
    const where = await place()
    const queue = await where.open<Item>()
    await queue.putMany(items(1, 10))
    await assert.rejects(queue.copyTo(where.location), UnsupportedError)
    const other = await place()
    const full = await other.open<Item>()
    await full.put(item(99))
    await assert.rejects(queue.copyTo(other.location), UnsupportedError)
    assert.deepEqual(await full.pop(9), [item(99)])
    await assert.rejects(queue.copyTo(other.location, { maxSize: 5 }), QueueFullError)
    await using copy = await queue.copyTo(other.location)
    assert.deepEqual(await copy.pop(99), items(1, 10))
    await assert.rejects(queue.copyTo(other.location, Object.assign({}, { onProgress: 5 as never })), TypeError)
  })
}
