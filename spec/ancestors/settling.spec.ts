// What the ancestors do with items that were taken and not yet done: make them permanent, steal them, count them twice.

import assert from 'node:assert/strict'
import { SettledError } from '../../lib/index.ts'
import { cut, fate, numbers, turns } from '../queue/place.ts'
import { everywhere, onDisk } from './places.ts'

onDisk('persist-queue', 'a put makes permanent what was taken and not done', async (place) => {
  const queue = await place.open<number>()
  await queue.putMany([1, 2, 3])
  const taken = await queue.lease(2)
  await queue.put(4)
  await queue.pop()
  assert.equal(taken.length, 2)
  const again = await (await place.killed()).open<number>()
  assert.deepEqual(await again.pop(9), [1, 2, 4])
})

onDisk('persist-queue', 'task_done of one consumer makes permanent what all others have taken', async (place) => {
  const [one, other] = [await place.open<number>(), await place.open<number>()]
  await one.putMany([1, 2, 3])
  const [first, second] = [await one.lease(), await other.lease()]
  assert.equal(first?.item, 1)
  await second?.ack()
  const again = await (await place.killed()).open<number>()
  assert.deepEqual(await again.pop(9), [1, 3])
})

everywhere('SQLiteAckQueue', 'whoever opens steals what live consumers have in hand', async (place) => {
  const one = await place.open<number>()
  await one.putMany(numbers(1, 4))
  const held = await one.lease(2)
  for (const autoResume of [true, false]) {
    const other = await place.open<number>({ autoResume })
    assert.equal(await other.reclaim(), 0)
    assert.deepEqual([await other.size(), (await other.counts()).inFlight], [2, 2])
    const [third] = await other.lease(1)
    assert.equal(third?.item, 3)
    await third?.nack()
    await cut(other)
  }
  for (const delivery of held) await delivery.ack()
  assert.deepEqual(await one.pop(9), [3, 4])
})

everywhere('SQLiteAckQueue', 'ack finds an item by identity: of two equal ones, the wrong one', async (place) => {
  const queue = await place.open<unknown>()
  await queue.putMany([7, 7, 'same', 'same'])
  const [one, two, three, four] = await queue.lease(4)
  await two?.ack()
  await one?.nack()
  await three?.ack()
  await four?.nack()
  assert.deepEqual(
    (await queue.list()).map(({ id, item }) => [id, item]),
    [
      [1, 7],
      [4, 'same'],
    ],
  )
})

everywhere('ZODB variant', 'an equal item can not be in flight twice', async (place) => {
  const queue = await place.open<object>()
  const item = { same: true }
  await queue.putMany([item, item, { same: true }])
  const held = await queue.lease(3)
  assert.equal(new Set(held.map(({ item }) => item)).size, 3)
  for (const delivery of held) await delivery.ack()
  assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
})

everywhere('ZODB variant', 'what a dead consumer held comes back in reverse', async (place) => {
  const [one, other] = [await place.open<number>(), await place.open<number>()]
  await one.putMany(numbers(1, 6))
  const held = await one.lease(4)
  await held[1]?.ack()
  await cut(one)
  assert.deepEqual(await other.pop(9), [1, 3, 4, 5, 6])
})

everywhere('SQLiteAckQueue', 'ack and nack of what was never taken, or twice, put the size wrong', async (place) => {
  const queue = await place.open<number>()
  await queue.putMany([1, 2, 3])
  const [one, two] = await queue.lease(2)
  await one?.ack()
  await two?.nack()
  for (const delivery of [one, two]) {
    await assert.rejects(async () => delivery?.ack(), SettledError)
    await assert.rejects(async () => delivery?.nack(), SettledError)
    await assert.rejects(async () => delivery?.nack({ to: 'back' }), SettledError)
    await assert.rejects(async () => delivery?.fail(), SettledError)
  }
  assert.deepEqual(await queue.counts(), { ready: 2, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  assert.deepEqual(await queue.pop(9), [2, 3])
})

everywhere('SQLiteAckQueue', 'what fails is lost sight of, and can not be tried again', async (place) => {
  const queue = await place.open<string>()
  await queue.putMany(['a', 'b'])
  await (await queue.lease())?.fail('no such address')
  await cut(queue)
  const again = await place.open<string>()
  const [failed] = await again.list({ status: 'failed' })
  assert.deepEqual([failed?.item, failed?.reason, (await again.counts()).failed], ['a', 'no such address', 1])
  assert.equal(await again.retry([failed?.id ?? 0]), 1)
  assert.deepEqual(await again.pop(9), ['b', 'a'])
})

everywhere('SQLiteAckQueue', 'there is no way for an item to the end', async (place) => {
  const queue = await place.open<string>()
  await queue.putMany(['a', 'b'])
  await (await queue.lease())?.nack({ to: 'back' })
  assert.deepEqual(await queue.pop(9), ['b', 'a'])
})

everywhere(
  'SQLiteAckQueue',
  'clear_acked_data keeps the newest and the oldest, and drops those between',
  async (place) => {
    const queue = await place.open<number>({ keepAcked: 10 })
    await queue.putMany(numbers(1, 20))
    for (const delivery of await queue.lease(20)) await delivery.ack()
    const kept = await queue.list({ status: 'acked' })
    assert.deepEqual(
      kept.map(({ id }) => id),
      numbers(11, 20),
    )
    assert.equal((await queue.counts()).acked, 10)
  },
)

everywhere('SQLiteAckQueue', 'ready_count leaves out fresh items, active_size counts some twice', async (place) => {
  const queue = await place.open<number>()
  await queue.putMany([1, 2, 3])
  assert.deepEqual(await queue.counts(), { ready: 3, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  const [one] = await queue.lease(2)
  await queue.reclaim()
  assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 2, failed: 0, acked: 0 })
  await one?.nack()
  assert.deepEqual(await queue.counts(), { ready: 2, delayed: 0, inFlight: 1, failed: 0, acked: 0 })
})

everywhere('DyBASE', 'join returns at once after reopening, though items are waiting', async (place) => {
  const first = await place.open<number>()
  await first.putMany([1, 2])
  await cut(first)
  const queue = await place.open<number>()
  const joined = queue.join()
  assert.equal(await fate(joined), 'pending')
  const held = await queue.lease(2)
  assert.equal(await fate(joined), 'pending')
  for (const delivery of held) await delivery.ack()
  await joined
})

everywhere('persist-queue AsyncQueue', 'join before the first put sees no task', async (place) => {
  const first = await place.open<number>()
  await first.put(1)
  await cut(first)
  const queue = place.start<number>()
  const joined = queue.join()
  await queue.opened
  assert.equal(await fate(joined), 'pending')
  assert.equal(await queue.get(), 1)
  await joined
})

everywhere('python_persistent_queue', 'clear leaves unfinished tasks: join waits for ever', async (place) => {
  const queue = await place.open<number>()
  await queue.putMany([1, 2, 3])
  const joined = queue.join()
  await turns()
  assert.equal(await queue.clear(), 3)
  await joined
  await queue.put(4)
  await queue.pop()
  await queue.join()
})
