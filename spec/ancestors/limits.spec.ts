// What the ancestors do about bounds, timeouts and those who wait.

import assert from 'node:assert/strict'
import { QueueEmptyError, QueueFullError } from '../../lib/index.ts'
import { fate, turns } from '../queue/place.ts'
import { everywhere } from './places.ts'

everywhere('persist-queue', 'full() is true of an empty queue without a bound', async (place) => {
  const queue = await place.open<number>()
  assert.equal(await queue.put(1, { wait: false }), 1)
  assert.deepEqual(await queue.putMany([2, 3], { timeout: 0 }), [2, 3])
  const bounded = await place.open<number>({ maxSize: Infinity, maxBytes: Infinity, whenFull: 'reject' })
  assert.equal(await bounded.put(4), 4)
})

everywhere('persist-queue', 'a queue of 5 that is opened again with room for 3 is never full', async (place) => {
  const wide = await place.open<number>()
  await wide.putMany([1, 2, 3, 4, 5])
  await wide.close()
  const narrow = await place.open<number>({ maxSize: 3 })
  await assert.rejects(narrow.put(6, { wait: false }), QueueFullError)
  const waiting = narrow.put(6)
  for (const left of [4, 3]) {
    await narrow.pop()
    assert.equal(await fate(waiting), 'pending', `${left} are left`)
  }
  await narrow.pop()
  assert.equal(await waiting, 6)
  assert.deepEqual(await narrow.pop(9), [4, 5, 6])
})

everywhere('persist-queue', 'a negative timeout is refused only where there is a bound, or a wait', async (place) => {
  for (const options of [{}, { maxSize: 10 }, { whenFull: 'reject', maxSize: 1 }] as const) {
    const queue = await place.open<number>(options)
    for (const wait of [true, false, undefined]) {
      await assert.rejects(queue.put(1, { timeout: -1, wait }), RangeError)
      await assert.rejects(queue.putMany([], { timeout: -0.5, wait }), RangeError)
    }
    await assert.rejects(queue.get({ timeout: -1 }), RangeError)
    await assert.rejects(queue.get(0, { timeout: -1 }), RangeError)
    await queue.put(1)
    await assert.rejects(queue.get({ timeout: -1 }), RangeError)
    assert.deepEqual(await queue.pop(9), [1])
    await queue.close()
  }
})

everywhere('python_persistent_queue', 'delete(-1) makes the queue longer', async (place) => {
  const queue = await place.open<number>()
  await queue.putMany([1, 2])
  for (const n of [-1, -5, 0.5, Number.NaN]) await assert.rejects(queue.delete(n), RangeError)
  assert.equal(await queue.delete(0), 0)
  assert.equal(await queue.size(), 2)
  assert.equal(await queue.delete(5), 2)
  assert.deepEqual([await queue.size(), await queue.pop(9)], [0, []])
})

everywhere('python_persistent_queue', 'a get that waits holds up peek, put, flush and clear', async (place) => {
  const queue = await place.open<number>()
  const one = queue.get(3, { min: 3 })
  const other = queue.get()
  await turns()
  await queue.put(1)
  assert.equal(await queue.peek(), 1)
  assert.deepEqual([await queue.size(), await queue.delete(0), await queue.clear()], [1, 0, 1])
  await queue.flush()
  assert.deepEqual(await queue.list(), [])
  assert.equal(await queue.pop(), undefined)
  assert.deepEqual([await fate(one), await fate(other)], ['pending', 'pending'])
  await queue.putMany([2, 3, 4, 5])
  assert.deepEqual(await Promise.all([one, other]), [[2, 3, 4], 5])
})

everywhere(
  'python_persistent_queue',
  'what delete and clear make room for is not told to those who wait',
  async (place) => {
    const queue = await place.open<number>({ maxSize: 2 })
    await queue.putMany([1, 2])
    const [third, fourth] = [queue.put(3), queue.put(4)]
    await turns()
    assert.equal(await queue.delete(1), 1)
    await third
    assert.equal(await fate(fourth), 'pending')
    assert.equal(await queue.clear(), 2)
    await fourth
    assert.deepEqual(await queue.pop(9), [4])
  },
)

everywhere('python_persistent_queue', 'a batch larger than the bound waits for ever', async (place) => {
  const queue = await place.open<number>({ maxSize: 2 })
  await assert.rejects(queue.putMany([1, 2, 3]), QueueFullError)
  assert.equal(await queue.size(), 0)
})

everywhere('DyBASE', 'what is refused as too much is in the queue all the same', async (place) => {
  const queue = await place.open<string>({ maxSize: 1 })
  await queue.put('a')
  await assert.rejects(queue.put('b', { wait: false }), QueueFullError)
  await assert.rejects(queue.put('c', { timeout: 1 }), QueueFullError)
  assert.equal(await queue.size(), 1)
  assert.deepEqual(await queue.pop(9), ['a'])
  assert.equal(await queue.put('d', { wait: false }), 2)
  assert.deepEqual(await queue.pop(9), ['d'])
})

everywhere('persist-queue', 'a get that times out loses an item', async (place) => {
  const queue = await place.open<number>()
  await assert.rejects(queue.get({ timeout: 0 }), QueueEmptyError)
  await assert.rejects(queue.get(2, { min: 2, timeout: 1 }), QueueEmptyError)
  await queue.put(1)
  await assert.rejects(queue.get(2, { min: 2, timeout: 1 }), QueueEmptyError)
  assert.deepEqual(await queue.pop(9), [1])
})
