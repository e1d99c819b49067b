// What the ancestors do in queues that are not first in, first out, and with items that are asked for by their ids.

import assert from 'node:assert/strict'
import type { AsyncQueue } from '../../lib/index.ts'
import { cut, numbers } from '../queue/place.ts'
import { indexed } from './places.ts'

indexed('PriorityQueue', 'what is taken and not done makes it lose items of other priorities', async (place) => {
  const queue = await place.open<string>({ order: 'priority' })
  const priorities = [5, 1, 3, 1, 9, 0, 5, -2, 3, 1]
  for (const [i, priority] of priorities.entries()) await queue.put(`${priority}:${i}`, { priority })
  const held = await queue.lease(5)
  assert.deepEqual(items(held), ['-2:7', '0:5', '1:1', '1:3', '1:9'])
  await held[3]?.ack()
  await held[1]?.ack()
  await cut(queue)
  const again = await place.open<string>()
  await again.put('1:new', { priority: 1 })
  assert.deepEqual(await again.pop(99), ['-2:7', '1:1', '1:9', '1:new', '3:2', '3:8', '5:0', '5:6', '9:4'])
})

indexed('FILOSQLiteQueue', 'what is taken and not done makes it first in, first out', async (place) => {
  const queue = await place.open<number>({ order: 'lifo' })
  await queue.putMany(numbers(1, 6))
  const held = await queue.lease(3)
  assert.deepEqual(items(held), [6, 5, 4])
  await held[1]?.ack()
  await held[0]?.nack()
  assert.deepEqual(items(await queue.lease(2)), [6, 3])
  await cut(queue)
  const again = await place.open<number>()
  await again.put(7)
  assert.deepEqual(await again.pop(9), [7, 6, 4, 3, 2, 1])
})

indexed('SQLiteQueue', 'get of an id that is not there waits for ever', async (place) => {
  const queue = await place.open<string>()
  await queue.putMany(['a', 'b', 'c'])
  for (const id of [0, 4, 2 ** 53 - 1]) assert.equal(await queue.lease({ id }), undefined)
  assert.equal((await queue.lease({ id: 2 }))?.item, 'b')
})

indexed('SQLiteQueue', 'get of something that is no id takes whatever is first', async (place) => {
  const queue = await place.open<string>()
  await queue.putMany(['a', 'b'])
  for (const id of ['2', null, { pqid: 2 }, 1.5, -1]) {
    const failure = await leased(queue, { id }).catch((error: unknown) => error)
    assert.ok(failure instanceof TypeError || failure instanceof RangeError, String(id))
  }
  assert.equal(await queue.size(), 2)
})

indexed('SQLiteAckQueue', 'get by id delivers what is acknowledged, failed or in other hands', async (place) => {
  const queue = await place.open<number>({ keepAcked: 10 })
  await queue.putMany([1, 2, 3])
  const [one, two, three] = await queue.lease(3)
  await one?.ack()
  await two?.fail()
  for (const id of [1, 2, 3]) assert.equal(await queue.lease({ id }), undefined)
  assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 1, failed: 1, acked: 1 })
  await three?.nack()
  assert.equal((await queue.lease({ id: 3 }))?.attempt, 2)
})

indexed('SQLiteQueue', 'update of an id that is not there says that it was done', async (place) => {
  const queue = await place.open<string>()
  await queue.putMany(['a', 'b'])
  assert.equal(await queue.update(3, 'c'), false)
  assert.equal(await queue.update(2, 'B'), true)
  await queue.pop()
  assert.equal(await queue.update(1, 'A'), false)
  assert.deepEqual(await queue.pop(9), ['B'])
})

indexed('UniqueAckQ', 'an item that was acknowledged can never be put again', async (place) => {
  const queue = await place.open<object>({ unique: true, keepAcked: 10 })
  assert.equal(await queue.put({ page: 1, of: { a: 1, b: 2 } }), 1)
  assert.equal(await queue.put({ of: { b: 2, a: 1 }, page: 1 }), undefined)
  await (await queue.lease())?.ack()
  assert.equal(await queue.put({ page: 1, of: { a: 1, b: 2 } }), 2)
})

function items<T>(deliveries: readonly { readonly item: T }[]): T[] {
  return deliveries.map(({ item }) => item)
}

/** As a program without types may ask. */
function leased(queue: AsyncQueue<string>, which: object): Promise<unknown> {
  return queue.lease(which as { id: number })
}
