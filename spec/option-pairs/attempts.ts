// attempts.ts: `maxAttempts` beside the other options: what is charged, and what is set aside.

import assert from 'node:assert/strict'
import type { QueueOptions } from '../../lib/index.ts'
import { leased } from '../queue/delivering.ts'
import { cut, fate, fresh, inTime, type MakePlace, numbers, until } from '../queue/place.ts'
import { type Row, tried, triedAbove, triedIndexed } from './row.ts'

export const attemptRows: readonly Row[] = [
  ...tried('maxAttempts', 'maxSize', 'what is set aside makes room for who waits', (place) =>
    room(place, { maxSize: 1 }),
  ),
  ...triedAbove('maxAttempts', 'maxBytes', 'what is set aside frees its bytes', (place) =>
    room(place, { maxBytes: 1 }),
  ),
  ...tried('maxAttempts', 'whenFull', 'what is set aside is not dropped', (place) => {
    return room(place, { maxSize: 1, whenFull: 'drop-oldest' })
  }),
  ...triedIndexed('maxAttempts', 'order', 'the first one is set aside, and the next one by the order comes', ordered),
  ...tried('maxAttempts', 'leaseTimeout', 'the end of a lease charges what was in hand, and nothing else', lapsed),
  ...triedAbove(
    'maxAttempts',
    'nack.delay nack.to',
    'attempts go along, and at the last one it is set aside',
    givenBack,
  ),
  ...triedAbove('maxAttempts', 'copyTo', 'attempts are copied, and count in the target', copied),
  ...tried(
    'maxAttempts',
    'destroy',
    'a handle that is destroyed charges nothing, a loop or stream what was in hand',
    destroyed,
  ),
  ...triedAbove('maxAttempts', 'consume.timeout', 'a handler that takes too long has had an attempt', timedOut),
]

async function room(place: MakePlace, bound: QueueOptions<number>): Promise<void> {
  const queue = await fresh<number>(place, { ...bound, codec: 'json', maxAttempts: 1 })
  await queue.put(1)
  const delivery = await leased(queue)
  const waiting = queue.put(2)
  assert.equal(await fate(waiting), 'pending')
  await delivery.nack()
  assert.equal(await waiting, 2)
  assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 1, acked: 0 })
  assert.equal((await queue.stats()).dropped, 0)
}

async function ordered(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { order: 'priority', maxAttempts: 1 })
  await queue.put('b', { priority: 2 })
  await queue.put('a', { priority: 1 })
  await queue.put('c', { priority: 3 })
  for (const item of ['a', 'b']) {
    const delivery = await leased(queue)
    assert.equal(delivery.item, item)
    await delivery.nack()
  }
  assert.deepEqual(
    (await queue.list({ status: 'failed' })).map(({ item }) => item),
    ['b', 'a'],
  )
  assert.deepEqual(await queue.pop(9), ['c'])
  assert.equal(await queue.retry(), 2)
  assert.deepEqual(await queue.pop(9), ['a', 'b'])
}

async function lapsed(place: MakePlace): Promise<void> {
  await inTime(async (leaseTimeout) => {
    const where = await place()
    // In memory SQLite has no file in which a loop could mark what it has in hand.
    if (where.location.startsWith('sqlite::memory:')) return true
    const slow = await where.open<number>({ leaseTimeout, maxAttempts: 1 })
    const other = await where.open<number>({ maxAttempts: 1 })
    await slow.putMany(numbers(1, 4))
    const loop = slow.items({ prefetch: 3 })
    // Half of the lease may be over before it has one.
    if ((await loop.next()).value !== 1) return false
    // Its body never asks for the next.
    const others = await Promise.all([other.get(), other.get(), other.get()])
    assert.deepEqual(others.sort(), [2, 3, 4])
    // It is spent once its lease is over, and nothing is left then.
    await other.join()
    const [failed] = await other.list({ status: 'failed' })
    assert.deepEqual([failed?.item, failed?.attempt], [1, 1])
    await loop.return(undefined)
    assert.deepEqual(await other.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 1, acked: 0 })
    return true
  })
}

async function givenBack(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { maxAttempts: 2 })
  await queue.putMany(['a', 'b'])
  await (await leased(queue)).nack({ to: 'back' })
  await (await leased(queue)).nack({ delay: 0 })
  const [b, a] = await queue.lease(2)
  assert.deepEqual([b?.item, b?.attempt, a?.item, a?.attempt], ['b', 2, 'a', 2])
  await a?.nack({ to: 'back' })
  await b?.nack({ delay: 1e9 })
  assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 2, acked: 0 })
  assert.deepEqual(
    (await queue.list({ status: 'failed' })).map(({ attempt }) => attempt),
    [2, 2],
  )
}

async function copied(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place)
  await queue.putMany(['tried', 'new'])
  await (await leased(queue)).nack()
  await using copy = await queue.copyTo((await place()).location, { maxAttempts: 1 })
  assert.deepEqual(
    (await copy.list()).map(({ item, attempt }) => [item, attempt]),
    [
      ['tried', 1],
      ['new', 0],
    ],
  )
  assert.deepEqual(await copy.pop(9), ['new'])
  assert.equal((await copy.counts()).failed, 1)
  assert.deepEqual(await queue.pop(9), ['tried', 'new'])
}

async function destroyed(place: MakePlace): Promise<void> {
  const where = await place()
  const options = { maxAttempts: 1 }
  const [one, other] = [await where.open<number>(options), await where.open<number>(options)]
  await one.putMany(numbers(1, 6))
  const loop = one.items({ prefetch: 2 })
  await loop.next()
  await one.lease()
  await cut(one)
  assert.deepEqual(
    (await other.list()).map(({ id, attempt }) => [id, attempt]),
    numbers(1, 6).map((id) => [id, 0]),
  )
  const stream = other.createReadStream()
  for await (const item of stream) {
    assert.equal(item, 1)
    break
  }
  await until(async () => (await other.counts()).inFlight === 0)
  assert.deepEqual(await other.counts(), { ready: 5, delayed: 0, inFlight: 0, failed: 1, acked: 0 })
  const left = other.items({ prefetch: 2 })
  await left.next()
  await left.return(undefined)
  assert.deepEqual(await other.pop(9), numbers(3, 6))
  assert.equal((await other.counts()).failed, 2)
}

async function timedOut(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { maxAttempts: 2 })
  await queue.putMany([1, 2])
  const handler = ([item]: number[]): Promise<void> | void => {
    if (item === 1) return new Promise(() => {})
  }
  const { delivered, acked, retried, failed } = await queue.consume(handler, {
    timeout: 20,
    wait: false,
    retry: { minDelay: 1 },
  })
  assert.deepEqual({ delivered, acked, retried, failed }, { delivered: 3, acked: 1, retried: 1, failed: 1 })
  const [first] = await queue.list({ status: 'failed' })
  assert.deepEqual([first?.item, first?.attempt], [1, 2])
}
