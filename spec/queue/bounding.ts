// bounding.ts: maxSize, and the wait for room.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { QueueClosedError, QueueFullError } from '../../lib/index.ts'
import { fate, fresh, type MakePlace, turns } from './place.ts'

export function bounding(place: MakePlace): void {
  it('makes a put wait for room, until something is taken', async () => {
    const queue = await fresh<number>(place, { maxSize: 2 })
    await queue.putMany([1, 2])
    const third = queue.put(3)
    assert.equal(await fate(third), 'pending')
    assert.equal(await queue.pop(), 1)
    assert.equal(await third, 3)
    assert.deepEqual(await queue.pop(9), [2, 3])
  })

  it('finds room where a loop, a delete or a clear made some', async () => {
    const queue = await fresh<number>(place, { maxSize: 1 })
    await queue.put(1)
    const second = queue.put(2)
    for await (const item of queue.items({ wait: false })) assert.ok(item <= 2)
    await second
    await queue.clear()
    await queue.put(3)
    const fourth = queue.put(4)
    assert.equal(await queue.delete(), 1)
    await fourth
    const fifth = queue.put(5)
    assert.equal(await queue.clear(), 1)
    await fifth
  })

  it('stops asking for the items of a batch as soon as it can no longer fit', async () => {
    const where = await place()
    for (const isOpen of [true, false]) {
      const queue = where.start<number>({ maxSize: 10 })
      if (isOpen) await queue.opened
      const { items, asked } = endless()
      await assert.rejects(queue.putMany(items), QueueFullError)
      assert.equal(asked(), 11)
      await assert.rejects(queue.putMany(Array.from({ length: 11 }, () => 1)), QueueFullError)
      assert.deepEqual(await queue.putMany(new Set([1, 2])), isOpen ? [1, 2] : [3, 4])
      assert.equal(await queue.delete(2), 2)
    }
  })

  it('stops asking for the items of a batch once its bytes can no longer fit', async () => {
    const where = await place()
    for (const isOpen of [true, false]) {
      const queue = where.start<number>({ maxBytes: 1000, codec: 'json' })
      if (isOpen) await queue.opened
      const { items, asked } = endless()
      await assert.rejects(queue.putMany(items), QueueFullError)
      assert.ok(asked() <= 1000, `${asked()} items were asked for`)
      assert.equal(await queue.size(), 0)
    }
  })

  it('serves waiting puts in order: a small one does not pass a large one', async () => {
    const queue = await fresh<number>(place, { maxSize: 3 })
    await queue.putMany([1, 2, 3])
    const large = queue.putMany([4, 5])
    // Puts are refused in the order of the calls: behind this one the large one waits.
    await assert.rejects(queue.put(0, { wait: false }), QueueFullError)
    await turns()
    const small = queue.put(6)
    await queue.pop()
    assert.equal(await fate(small), 'pending')
    await queue.pop()
    assert.deepEqual(await large, [4, 5])
    assert.equal(await fate(small), 'pending')
    await queue.pop()
    assert.equal(await small, 6)
  })

  it('lets no put pass one that was called earlier, however many are called at once', async () => {
    const where = await place()
    const queue = await where.open<string>({ maxSize: 40, maxBytes: 100, codec: 'json' })
    const items = Array.from({ length: 60 }, (_, n) => String(n).padEnd(n % 3 === 0 ? 60 : 6, '.'))
    const called: string[] = []
    const taken: string[] = []
    const taking = (async () => {
      while (taken.length < items.length) taken.push(await queue.get())
    })()
    const puts = items.map(async (item, n) => {
      if (n % 7 === 0) await turns(n % 4)
      called.push(item)
      return n % 5 === 0 ? queue.putMany([item]) : queue.put(item)
    })
    await Promise.all(puts)
    await taking
    assert.deepEqual(taken, called)
  })

  it('rejects with QueueFullError at once where it was told not to wait', async () => {
    const where = await place()
    const queue = await where.open({ maxSize: 1 })
    await queue.put(1)
    await assert.rejects(queue.put(2, { wait: false }), QueueFullError)
    await assert.rejects(queue.putMany([2], { wait: false }), QueueFullError)
    const rejecting = await where.open({ maxSize: 1, whenFull: 'reject' })
    await assert.rejects(rejecting.put(2), QueueFullError)
    assert.equal(await queue.size(), 1)
  })

  it('rejects at once what can never fit', async () => {
    const queue = await fresh<number>(place, { maxSize: 2 })
    await assert.rejects(queue.putMany([1, 2, 3]), QueueFullError)
    assert.equal(await queue.size(), 0)
    assert.deepEqual(await queue.putMany([1, 2]), [1, 2])
  })

  it('gives up after the timeout, and has put nothing', async () => {
    const queue = await fresh<number>(place, { maxSize: 1 })
    await queue.put(1)
    await assert.rejects(queue.put(2, { timeout: 5 }), QueueFullError)
    await assert.rejects(queue.put(2, { timeout: 0 }), QueueFullError)
    await queue.pop()
    await turns()
    assert.equal(await queue.size(), 0)
  })

  it('gives up with the reason of the signal, which bounds the wait only', async () => {
    const queue = await fresh<number>(place, { maxSize: 1 })
    const reason = new Error('changed my mind')
    await queue.put(1, { signal: AbortSignal.abort(reason) })
    await assert.rejects(queue.put(2, { signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    const waiting = queue.put(2, { signal: controller.signal })
    await turns()
    controller.abort(reason)
    await assert.rejects(waiting, reason)
    await queue.pop()
    await turns()
    assert.equal(await queue.size(), 0)
  })

  it('lets those behind it in when a waiting put gives up', async () => {
    const queue = await fresh<number>(place, { maxSize: 2 })
    await queue.put(1)
    const controller = new AbortController()
    const large = queue.putMany([2, 3], { signal: controller.signal })
    await assert.rejects(queue.putMany([2, 3], { wait: false }), QueueFullError)
    await turns()
    const small = queue.put(4)
    assert.equal(await fate(small), 'pending')
    controller.abort()
    await assert.rejects(large, { name: 'AbortError' })
    await small
    assert.deepEqual(await queue.pop(9), [1, 4])
  })

  it('keeps a smaller bound after reopening', async () => {
    const where = await place()
    const wide = await where.open({ maxSize: 3 })
    await wide.putMany([1, 2, 3])
    await wide.close()
    const narrow = await where.open({ maxSize: 2 })
    await assert.rejects(narrow.put(4, { wait: false }), QueueFullError)
    await narrow.pop(2)
    await narrow.put(4, { wait: false })
  })

  it('counts what is in flight', async () => {
    const queue = await fresh<number>(place, { maxSize: 1 })
    await queue.put(1)
    const items = queue.items()
    await items.next()
    await assert.rejects(queue.put(2, { wait: false }), QueueFullError)
    const second = queue.put(2)
    const next = items.next()
    await second
    assert.deepEqual(await next, { value: 2, done: false })
    await items.return(undefined)
  })

  it('counts what is delayed, and neither what failed nor what is kept for the record', async () => {
    const queue = await fresh<number>(place, { maxSize: 2, keepAcked: 5 })
    await queue.putMany([1, 2])
    const [one, two] = await queue.lease(2)
    await one?.nack({ delay: 60_000 })
    await two?.fail('spoilt')
    await queue.put(3, { wait: false })
    await assert.rejects(queue.put(4, { wait: false }), QueueFullError)
    const [three] = await queue.lease(1)
    await three?.ack()
    await queue.put(4, { wait: false })
    await assert.rejects(queue.put(5, { wait: false }), QueueFullError)
    const { ready, delayed, inFlight, failed, acked } = await queue.counts()
    assert.deepEqual(
      { ready, delayed, inFlight, failed, acked },
      { ready: 1, delayed: 1, inFlight: 0, failed: 1, acked: 1 },
    )
  })

  it('sees the room that another handle makes', async () => {
    const where = await place()
    const [one, other] = [await where.open({ maxSize: 1 }), await where.open()]
    await one.put(1)
    const second = one.put(2)
    await turns()
    await other.pop()
    await second
  })

  it('drops the oldest ready items where it was told to, counts them, and waits where there are too few', async () => {
    const queue = await fresh<number>(place, { maxSize: 3, whenFull: 'drop-oldest' })
    await queue.putMany([1, 2, 3])
    await queue.put(4)
    const [two] = await queue.lease(1)
    await queue.putMany([5, 6])
    assert.equal((await queue.stats()).dropped, 3)
    assert.deepEqual(await queue.peek(9), [5, 6])
    const all = queue.putMany([7, 8, 9])
    await assert.rejects(queue.putMany([7, 8, 9], { wait: false }), QueueFullError)
    assert.equal(await fate(all), 'pending')
    assert.equal(two?.item, 2)
    await two?.ack()
    await all
    assert.deepEqual(await queue.pop(9), [7, 8, 9])
    assert.equal((await queue.stats()).dropped, 5)
    await assert.rejects(queue.putMany([1, 2, 3, 4]), QueueFullError)
  })

  it('rejects waiting puts when it closes', async () => {
    const queue = await fresh<number>(place, { maxSize: 1 })
    await queue.put(1)
    const waiting = [queue.put(2), queue.put(3)]
    await turns()
    const refused = waiting.map((put) => assert.rejects(put, QueueClosedError))
    await queue.close()
    await Promise.all(refused)
  })
}

/** Items without end, and how many of them were asked for. */
function endless(): { readonly items: Iterable<number>; readonly asked: () => number } {
  let count = 0
  function* items(): Generator<number> {
    // Where nobody stops it, it ends by itself.
    while (count < 100_000) yield ++count
  }
  return { items: items(), asked: () => count }
}
