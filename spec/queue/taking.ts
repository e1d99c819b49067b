// taking.ts: peek, pop, delete, clear, and what there is to see.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { AsyncQueue, Codec } from '../../lib/index.ts'
import { fresh, type MakePlace, numbers } from './place.ts'

export function taking(place: MakePlace): void {
  it('answers with what is there, and never waits', async () => {
    const queue = await fresh<number>(place)
    assert.equal(await queue.peek(), undefined)
    assert.equal(await queue.pop(), undefined)
    assert.deepEqual(await queue.peek(2), [])
    assert.deepEqual(await queue.pop(2), [])
    assert.equal(await queue.delete(), 0)
    assert.equal(await queue.clear(), 0)
    await queue.putMany([1, 2, 3])
    assert.equal(await queue.peek(), 1)
    assert.deepEqual(await queue.peek(2), [1, 2])
    assert.equal(await queue.pop(), 1)
    assert.deepEqual(await queue.pop(9), [2, 3])
  })

  it('takes each item once, however many take at a time', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 300))
    const popped = await Promise.all(numbers(1, 300).map((i) => (i % 3 === 0 ? queue.pop(2) : queue.pop())))
    assert.deepEqual(
      popped.flat().filter((item) => item !== undefined),
      numbers(1, 300),
    )
  })

  it('gives nothing for an n of 0, and refuses one that is no whole number ≥ 0', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const calls = [queue.peek, queue.pop, queue.get, queue.delete] as ((n: unknown) => Promise<unknown>)[]
    for (const call of calls) {
      for (const n of [-1, 1.5, Number.NaN, Infinity, '1', null]) {
        if (call === (queue.get as unknown) && n === null) continue
        await assert.rejects(call.call(queue, n), RangeError)
      }
    }
    assert.deepEqual(
      [await queue.peek(0), await queue.pop(0), await queue.get(0), await queue.delete(0)],
      [[], [], [], 0],
    )
    assert.equal(await queue.size(), 1)
  })

  it('decodes an item afresh for each delivery', async () => {
    const queue = await fresh<{ n: number }>(place)
    const item = { n: 1 }
    await queue.putMany([item, item])
    const [first] = await queue.peek(1)
    assert.ok(first)
    first.n = 9
    assert.deepEqual(await queue.peek(2), [{ n: 1 }, { n: 1 }])
    const [one, two] = await queue.pop(2)
    assert.notEqual(one, two)
  })

  it('counts, lists and tells of itself', async () => {
    const queue = await fresh<string>(place)
    const before = Date.now()
    await queue.putMany(['a', 'b', 'c', 'd'])
    await queue.pop()
    const items = queue.items()
    await items.next()
    assert.equal(await queue.size(), 2)
    assert.deepEqual(await queue.counts(), { ready: 2, delayed: 0, inFlight: 1, failed: 0, acked: 0 })
    const [listed, ...more] = await queue.list({ after: 3, limit: 5 })
    assert.ok(listed && more.length === 0)
    const { enqueuedAt, ...entry } = listed
    assert.deepEqual(entry, { id: 4, item: 'd', status: 'ready', attempt: 0 })
    assert.ok(enqueuedAt instanceof Date && enqueuedAt.getTime() >= before)
    assert.deepEqual(ids(await queue.list({ status: 'inFlight' })), [2])
    assert.deepEqual(ids(await queue.list()), [3, 4])
    const { bytes, nextId, oldest, put, taken, dropped, lost } = await queue.stats()
    assert.ok(bytes > 0 && oldest instanceof Date)
    assert.deepEqual({ nextId, put, taken, dropped, lost }, { nextId: 5, put: 4, taken: 1, dropped: 0, lost: 0 })
    await items.return(undefined)
    await assert.rejects(queue.list({ status: 'gone' as 'ready' }), TypeError)
    await assert.rejects(queue.list({ limit: -1 }), RangeError)
  })

  it('tells when the oldest item was put, in flight too', async () => {
    const queue = await fresh<number>(place)
    assert.equal((await queue.stats()).oldest, undefined)
    await queue.put(1)
    const [first = assert.fail()] = await queue.list()
    while (Date.now() <= first.enqueuedAt.getTime() + 1) await new Promise(setImmediate)
    await queue.put(2)
    const [second = assert.fail()] = await queue.list({ after: 1 })
    const delivery = await queue.lease()
    assert.deepEqual((await queue.stats()).oldest, first.enqueuedAt)
    await delivery?.ack()
    assert.deepEqual((await queue.stats()).oldest, second.enqueuedAt)
    await queue.lease()
    assert.deepEqual((await queue.stats()).oldest, second.enqueuedAt)
    await queue.close({ grace: 0 })
  })

  it('lists none where none is asked for', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2])
    for (const status of ['ready', 'acked', 'failed'] as const) {
      assert.deepEqual(await queue.list({ status, limit: 0 }), [])
    }
    assert.equal((await queue.list({ limit: Infinity })).length, 2)
  })

  it('counts the bytes of what is ready, delayed or in flight', async () => {
    const queue = await fresh<string>(place, { codec: 'json' })
    await queue.put('late', { delay: 1e9 })
    await queue.put('held')
    await queue.lease()
    const { bytes } = await queue.stats()
    await queue.put('ready')
    assert.ok(bytes >= 2 * '"held"'.length)
    assert.ok((await queue.stats()).bytes >= bytes + '"ready"'.length)
  })

  it('flushes, and tells what that reclaimed', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 100))
    await queue.pop(50)
    const told = new Promise((resolve) => queue.once('flush', resolve))
    const report = await queue.flush()
    assert.equal(typeof report.reclaimed, 'number')
    assert.deepEqual(await told, report)
    assert.deepEqual(await queue.pop(100), numbers(51, 100))
  })

  it('sets aside what no longer decodes: it never blocks those behind it', async () => {
    for (const take of ways) {
      const where = await place()
      await (await where.open({ codec: picky([]) })).putMany(numbers(1, 6))
      const queue = await where.open<number>({ codec: picky([1, 3, 4]) })
      assert.deepEqual(await queue.peek(2), [2, 5])
      assert.deepEqual(await queue.peek(), 2)
      assert.deepEqual(await take(queue), [2, 5, 6])
      const failed = await queue.list({ status: 'failed' })
      assert.deepEqual(
        failed.map(({ id, reason, item }) => [id, reason, item]),
        [
          [1, 'codec', undefined],
          [3, 'codec', undefined],
          [4, 'codec', undefined],
        ],
      )
    }
  })
}

const ways: ((queue: AsyncQueue<number>) => Promise<unknown>)[] = [
  (queue) => queue.pop(9),
  async (queue) => [await queue.pop(), await queue.pop(), await queue.pop()],
  async (queue) => [await queue.get(), ...(await queue.get(2, { min: 2 }))],
  (queue) => collect(queue.items({ wait: false })),
  async (queue) => (await collect(queue.batches(4, { wait: false }))).flat(),
]

async function collect<V>(loop: AsyncIterable<V>): Promise<V[]> {
  const values: V[] = []
  for await (const value of loop) values.push(value)
  return values
}

/** Cannot decode some numbers. */
function picky(refused: readonly number[]): Codec<number> {
  return {
    name: 'picky',
    encode: (item) => Uint8Array.of(item),
    decode: (bytes) => {
      const item = bytes[0] ?? 0
      if (refused.includes(item)) throw new Error(`${item} is not to my taste`)
      return item
    },
  }
}

function ids(entries: readonly { readonly id: number }[]): number[] {
  return entries.map(({ id }) => id)
}
