// ordering.ts: last in first out, and by priority: which item is first, whichever way it is taken.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type AsyncQueue, FormatError, UnsupportedError } from '../../lib/index.ts'
import { fresh, type MakePlace, numbers, turns } from './place.ts'

/** Items in the order of a 'priority' queue: put as [item, priority]. */
const PUT = [
  ['e', 5],
  ['c', 0],
  ['a', -1.5],
  ['d', 0],
  ['f', 1e300],
  ['b', -1],
] as const
const SORTED = ['a', 'b', 'c', 'd', 'e', 'f']

async function byPriority(place: MakePlace): Promise<AsyncQueue<string>> {
  const queue = await fresh<string>(place, { order: 'priority' })
  for (const [item, priority] of PUT) await queue.put(item, { priority })
  return queue
}

export function ordering(place: MakePlace): void {
  it("gives the newest first in a 'lifo' queue, whichever way it is taken", async () => {
    for (const take of ways) {
      const queue = await fresh<number>(place, { order: 'lifo' })
      await queue.putMany(numbers(1, 5))
      await queue.put(6)
      assert.deepEqual(await queue.peek(3), [6, 5, 4])
      assert.deepEqual(await take(queue), [6, 5, 4, 3, 2, 1])
    }
  })

  it("gives the lowest number first in a 'priority' queue, and of equals the oldest, whichever way it is taken", async () => {
    for (const take of ways) {
      const queue = await byPriority(place)
      assert.deepEqual(await queue.peek(2), ['a', 'b'])
      assert.deepEqual(await take(queue), SORTED)
    }
  })

  it('gives a batch one priority, and an item without one 0', async () => {
    const queue = await fresh<number>(place, { order: 'priority' })
    await queue.putMany([4, 5], { priority: 1 })
    await queue.put(2)
    await queue.putMany([0, 1], { priority: -1 })
    await queue.put(3)
    assert.deepEqual(await queue.pop(9), numbers(0, 5))
  })

  it('sends an item behind its equals, and refuses to where the newest comes first', async () => {
    const queue = await fresh<string>(place, { order: 'priority' })
    await queue.putMany(['a', 'b'], { priority: 1 })
    await queue.put('c', { priority: 2 })
    await (await queue.lease())?.nack({ to: 'back' })
    assert.deepEqual(await queue.pop(9), ['b', 'a', 'c'])

    const lifo = await fresh<number>(place, { order: 'lifo' })
    await lifo.putMany([1, 2])
    const two = await lifo.lease()
    await assert.rejects(async () => two?.nack({ to: 'back' }), UnsupportedError)
    assert.equal((await lifo.counts()).inFlight, 1)
    await two?.nack()
    assert.deepEqual(await lifo.pop(9), [2, 1])
  })

  it('gives an item that was given back its old place, in every order', async () => {
    const lifo = await fresh<number>(place, { order: 'lifo' })
    await lifo.putMany([1, 2, 3])
    const [three, two] = await lifo.lease(2)
    await lifo.put(4)
    await three?.nack()
    await two?.nack()
    assert.deepEqual(await lifo.pop(9), [4, 3, 2, 1])

    const queue = await byPriority(place)
    const [first, second] = await queue.lease(2)
    await second?.nack()
    await queue.put('z', { priority: -1.25 })
    await first?.nack()
    assert.deepEqual(await queue.pop(9), ['a', 'z', 'b', 'c', 'd', 'e', 'f'])
  })

  it('keeps the priority of an item that goes to the back, is retried, or was delayed', async () => {
    const queue = await byPriority(place)
    const [a, b] = await queue.lease(2)
    await a?.fail('later')
    await b?.nack({ to: 'back' })
    await queue.put('b2', { priority: -1 })
    await queue.put('a2', { priority: -1.5, delay: 1 })
    assert.equal(await queue.retry(), 1)
    while ((await queue.counts()).delayed > 0) await new Promise((resolve) => setImmediate(resolve))
    const items = await queue.pop(9)
    assert.deepEqual(items.slice(0, 4).sort(), ['a', 'a2', 'b', 'b2'])
    assert.deepEqual([...items.slice(0, 2).sort(), ...items.slice(2)], ['a', 'a2', 'b', 'b2', 'c', 'd', 'e', 'f'])
  })

  it('records the order, refuses another one, and opens without the option in the recorded one', async () => {
    const where = await place()
    const other = await where.open<number>({ order: 'lifo' })
    await other.putMany([1, 2])
    await assert.rejects(where.open({ order: 'priority' }), FormatError)
    await assert.rejects(where.open({ order: 'fifo' }), FormatError)
    const same = await where.open<number>({ order: 'lifo' })
    const unnamed = await where.open<number>()
    assert.equal(await unnamed.pop(), 2)
    assert.equal(await same.pop(), 1)
  })

  it('refuses a priority where the order is another one, and one that is no finite number, and puts nothing', async () => {
    for (const order of ['fifo', 'lifo'] as const) {
      const queue = await fresh<number>(place, { order })
      await assert.rejects(queue.put(1, { priority: 1 }), UnsupportedError)
      await assert.rejects(queue.putMany([1, 2], { priority: 0 }), UnsupportedError)
      assert.equal(await queue.size(), 0)
    }
    const queue = await fresh<number>(place, { order: 'priority' })
    for (const priority of [Number.NaN, Infinity, -Infinity]) {
      await assert.rejects(queue.put(1, { priority }), RangeError)
    }
    await assert.rejects(queue.put(1, { priority: '1' as never }), TypeError)
    assert.equal(await queue.size(), 0)
  })

  it('drops the oldest where it is to, whatever is first', async () => {
    const lifo = await fresh<number>(place, { order: 'lifo', maxSize: 3, whenFull: 'drop-oldest' })
    for (const n of numbers(1, 5)) await lifo.put(n)
    assert.deepEqual(await lifo.pop(9), [5, 4, 3])
    const queue = await fresh<number>(place, { order: 'priority', maxSize: 3, whenFull: 'drop-oldest' })
    for (const n of numbers(1, 5)) await queue.put(n, { priority: -n })
    assert.deepEqual(await queue.pop(9), [5, 4, 3])
    assert.equal((await queue.stats()).dropped, 2)
  })

  it('lists by id in every order, and keeps its size right', async () => {
    const queue = await byPriority(place)
    const listed = await queue.list()
    assert.deepEqual(
      listed.map(({ id, item }) => [id, item]),
      PUT.map(([item], i) => [i + 1, item]),
    )
    await queue.pop(2)
    assert.deepEqual(
      (await queue.list({ after: 1, limit: 2 })).map(({ id }) => id),
      [2, 4],
    )
    assert.equal(await queue.size(), 4)
  })

  it('tells when the oldest item was put, whichever is first', async () => {
    for (const order of ['lifo', 'priority'] as const) {
      const queue = await fresh<number>(place, { order })
      await queue.put(1)
      const [first] = await queue.list()
      while (Date.now() <= (first?.enqueuedAt.getTime() ?? Infinity) + 1) await turns(1)
      await queue.put(2, order === 'priority' ? { priority: -1 } : {})
      assert.deepEqual((await queue.stats()).oldest, first?.enqueuedAt)
    }
  })

  it('copies its order and its priorities', async () => {
    const queue = await byPriority(place)
    await using copy = await queue.copyTo((await place()).location)
    assert.deepEqual(await copy.pop(9), SORTED)
    const lifo = await fresh<number>(place, { order: 'lifo' })
    await lifo.putMany(numbers(1, 600))
    await using second = await lifo.copyTo((await place()).location)
    assert.deepEqual(await second.pop(600), numbers(1, 600).reverse())
    await assert.rejects(lifo.copyTo('./never-made'), UnsupportedError)
  })
}

const ways: (<T>(queue: AsyncQueue<T>) => Promise<T[]>)[] = [
  (queue) => queue.pop(9),
  (queue) => queue.get(9, { min: 6 }),
  async <T>(queue: AsyncQueue<T>): Promise<T[]> => {
    const items: T[] = []
    for (;;) {
      const item = await queue.pop()
      if (item === undefined) return items
      items.push(item)
    }
  },
  async <T>(queue: AsyncQueue<T>): Promise<T[]> => {
    const items: T[] = []
    for await (const item of queue.items({ wait: false })) items.push(item)
    return items
  },
  async (queue) => (await queue.lease(9)).map(({ item }) => item),
  (queue) => queue.createReadStream({ wait: false }).toArray(),
]
