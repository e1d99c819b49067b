// orders.ts: `order` beside the other options.

import assert from 'node:assert/strict'
import { fresh, type MakePlace } from '../queue/place.ts'
import { type Row, triedIndexed } from './row.ts'

export const orderRows: readonly Row[] = [
  ...triedIndexed('order', 'put.delay nack.delay', 'what is due comes where it would have been', delayed),
  ...triedIndexed('order', 'whenFull', 'the oldest are dropped, whichever is first, and none that is delayed', dropped),
  ...triedIndexed('order', 'nack.to', 'what goes to the back is behind its equals, under a new id', toBack),
  ...triedIndexed('order', 'keepAcked', 'what is kept for the record is listed by id', kept),
  ...triedIndexed('order', 'consume.batch', 'batches are filled in the order', batches),
]

async function delayed(place: MakePlace): Promise<void> {
  const orders = [
    ['fifo', ['put', 'nacked', 'other']],
    ['lifo', ['other', 'nacked', 'put']],
    ['priority', ['other', 'put', 'nacked']],
  ] as const
  for (const [order, wanted] of orders) {
    const queue = await fresh<string>(place, { order })
    const priority = (n: number) => (order === 'priority' ? { priority: n } : {})
    await queue.put('put', { delay: 20, ...priority(1) })
    await queue.put('nacked', priority(1))
    await (await queue.lease({ id: 2 }))?.nack({ delay: 20 })
    await queue.put('other', priority(0))
    assert.deepEqual(await queue.get(3, { min: 3 }), wanted, order)
  }
}

async function dropped(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { order: 'priority', codec: 'json', maxBytes: 9, whenFull: 'drop-oldest' })
  await queue.put('d', { priority: 9, delay: 1e9 })
  await queue.put('a', { priority: 0 })
  await queue.put('b', { priority: 1 })
  await queue.put('c', { priority: 2 })
  assert.deepEqual(await queue.peek(9), ['b', 'c'])
  await queue.put('ee', { priority: 0 })
  assert.deepEqual(await queue.pop(9), ['ee'])
  assert.equal((await queue.stats()).dropped, 3)
  assert.equal((await queue.counts()).delayed, 1)
}

async function toBack(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { order: 'priority' })
  await queue.put('a', { priority: 1 })
  await queue.put('b', { priority: 1 })
  await queue.put('c', { priority: 0 })
  const [c, a] = await queue.lease(2)
  await a?.nack({ to: 'back' })
  await c?.nack({ to: 'back' })
  assert.deepEqual(
    (await queue.list()).map(({ id, item, attempt }) => [id, item, attempt]),
    [
      [2, 'b', 0],
      [4, 'a', 1],
      [5, 'c', 1],
    ],
  )
  assert.deepEqual(await queue.pop(9), ['c', 'b', 'a'])
}

async function kept(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { order: 'lifo', keepAcked: 9 })
  await queue.putMany([1, 2, 3])
  for (const delivery of await queue.lease(3)) await delivery.ack()
  assert.deepEqual(
    (await queue.list({ status: 'acked' })).map(({ id, item }) => [id, item]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  )
}

async function batches(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { order: 'priority' })
  await queue.putMany(['d', 'e'], { priority: 3 })
  await queue.putMany(['a', 'b', 'c'], { priority: -3 })
  const lots: string[][] = []
  await queue.consume((items) => lots.push(items), { batch: 2, wait: false })
  assert.deepEqual(lots, [['a', 'b'], ['c', 'd'], ['e']])
}
