// delivering.ts: lease, deliveries, and what settles them.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type AsyncQueue, type Delivery, QueueClosedError, SettledError } from '../../lib/index.ts'
import { cut, fate, fresh, inTime, type MakePlace, numbers, turns, until } from './place.ts'

export function delivering(place: MakePlace): void {
  it('leases what is ready, and never waits', async () => {
    const queue = await fresh<string>(place)
    assert.equal(await queue.lease(), undefined)
    assert.deepEqual(await queue.lease(3), [])
    assert.deepEqual(await queue.lease(0), [])
    const before = Date.now()
    await queue.putMany(['a', 'b', 'c'])
    const first = await leased(queue)
    assert.deepEqual([first.id, first.item, first.attempt], [1, 'a', 1])
    assert.ok(first.enqueuedAt.getTime() >= before && first.enqueuedAt.getTime() <= Date.now())
    const others = await queue.lease(9)
    assert.deepEqual(
      others.map(({ id, item }) => [id, item]),
      [
        [2, 'b'],
        [3, 'c'],
      ],
    )
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 3, failed: 0, acked: 0 })
    await assert.rejects(queue.lease(-1), RangeError)
  })

  it('removes what is acknowledged, in any order', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 5))
    const all = await queue.lease(5)
    for (const at of [3, 0, 4, 1]) await all[at]?.ack()
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 1, failed: 0, acked: 0 })
    assert.equal((await queue.stats()).taken, 4)
    await all[2]?.nack()
    assert.deepEqual(await queue.pop(9), [3])
  })

  it('lets acknowledge what a lease got that another call gave back in the same turn', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2, 3])
    const [one, two, three] = await queue.lease(3)
    const [again] = await Promise.all([queue.lease(2), one?.nack(), two?.nack(), three?.ack()])
    const rest = await queue.lease(2)
    for (const delivery of [...again, ...rest]) await delivery.ack()
    assert.deepEqual([...again, ...rest].map(({ item }) => item).sort(), [1, 2])
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  })

  it('gives back to the old place, with the attempt counted', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2, 3])
    const [, second] = await queue.lease(2)
    await second?.nack()
    const again = await leased(queue)
    assert.deepEqual([again.id, again.attempt], [2, 2])
  })

  it('gives back behind all that waits, under a new id', async () => {
    const queue = await fresh<string>(place)
    await queue.putMany(['a', 'b', 'c'])
    await (await leased(queue)).nack({ to: 'back' })
    const all = await queue.lease(9)
    assert.deepEqual(
      all.map(({ id, item, attempt }) => [id, item, attempt]),
      [
        [2, 'b', 1],
        [3, 'c', 1],
        [4, 'a', 2],
      ],
    )
  })

  it('gives back later: nobody gets it before, and it holds nobody up', async () => {
    await inTime(async (delay) => {
      const queue = await fresh<number>(place)
      await queue.putMany([1, 2])
      const delivery = await leased(queue)
      const due = Date.now() + delay
      await delivery.nack({ delay })
      const counts = await queue.counts()
      const [delayed] = await queue.list({ status: 'delayed' })
      const next = await queue.get()
      if (Date.now() >= due) return false
      assert.deepEqual(counts, { ready: 1, delayed: 1, inFlight: 0, failed: 0, acked: 0 })
      assert.deepEqual([delayed?.id, next], [1, 2])
      assert.equal(await queue.get(), 1)
      return Date.now() >= due || assert.fail('it came before its time')
    })
  })

  it('sets aside with the reason, tells of it, and makes it ready again or drops it when asked', async () => {
    const queue = await fresh<string>(place)
    await queue.putMany(['a', 'b', 'c'])
    const [a, b, c] = await queue.lease(3)
    await a?.fail('too hot')
    await b?.fail()
    await c?.fail('too cold')
    const failed = await queue.list({ status: 'failed' })
    assert.deepEqual(
      failed.map(({ id, item, status, attempt, reason }) => [id, item, status, attempt, reason]),
      [
        [1, 'a', 'failed', 1, 'too hot'],
        [2, 'b', 'failed', 1, 'failed by its consumer'],
        [3, 'c', 'failed', 1, 'too cold'],
      ],
    )
    assert.equal(await queue.discard([2, 99]), 1)
    assert.equal(await queue.retry([1]), 1)
    assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 1, acked: 0 })
    const again = await leased(queue)
    assert.deepEqual([again.id, again.item, again.attempt], [4, 'a', 1])
    assert.equal(await queue.retry(), 1)
    assert.equal(await queue.retry(), 0)
    assert.equal(await queue.discard(), 0)
    assert.equal(await queue.pop(), 'c')
    await assert.rejects(queue.retry(7 as never), TypeError)
    await assert.rejects(queue.discard([-1]), RangeError)
  })

  it('wakes those who wait when failed items become ready', async () => {
    const queue = await fresh<string>(place)
    await queue.put('a')
    await (await leased(queue)).fail()
    const waiting = queue.get()
    await turns()
    await queue.retry()
    assert.equal(await waiting, 'a')
  })

  it('refuses to settle twice, in whatever way, and changes nothing then', async () => {
    const queue = await fresh<number>(place)
    for (const first of ways) {
      for (const second of ways) {
        await queue.put(1)
        const delivery = await leased(queue)
        const [one, two] = await Promise.allSettled([first(delivery), second(delivery)])
        assert.equal(one.status, 'fulfilled')
        assert.ok(two.status === 'rejected' && two.reason instanceof SettledError)
        const counts = await queue.counts()
        await assert.rejects(second(delivery), SettledError)
        await assert.rejects(delivery.extend(5), SettledError)
        assert.deepEqual(await queue.counts(), counts)
        await queue.clear()
        await queue.discard()
      }
    }
  })

  it('refuses wrong options of a nack, and leaves the item in hand', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const delivery = await leased(queue)
    await assert.rejects(delivery.nack({ delay: -1 }), RangeError)
    await assert.rejects(delivery.nack({ delay: Infinity }), RangeError)
    await assert.rejects(delivery.nack({ to: 'front' as 'back' }), TypeError)
    await assert.rejects(delivery.nack({ when: 1 } as object), TypeError)
    await assert.rejects(delivery.fail(7 as never), TypeError)
    await assert.rejects(delivery.extend(-1), RangeError)
    await delivery.ack()
  })

  it('gives back what is disposed of unsettled, and leaves alone what is settled', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2, 3])
    {
      await using first = await leased(queue)
      await using second = await leased(queue)
      await using third = await leased(queue)
      await first.ack()
      void third.ack()
      assert.equal(second.item, 2)
    }
    assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    const late = await leased(queue)
    await cut(queue)
    await late[Symbol.asyncDispose]()
    await assert.rejects(late.ack(), QueueClosedError)
  })

  it('gives back what is leased when its handle closes', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>(), await where.open<number>()]
    await one.putMany([1, 2, 3])
    const [first] = await one.lease(2)
    await first?.ack()
    await cut(one)
    // That is not charged.
    const again = await other.lease(9)
    assert.deepEqual(
      again.map(({ id, attempt }) => [id, attempt]),
      [
        [2, 1],
        [3, 1],
      ],
    )
  })

  it('hands out deliveries in a loop, which its body settles', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 20))
    const seen: number[] = []
    for await (const delivery of queue.deliveries({ wait: false })) {
      seen.push(delivery.item)
      if (delivery.item === 3 && delivery.attempt === 1) await delivery.nack()
      else if (delivery.item % 10 === 0) await delivery.fail('round')
      else await delivery.ack()
    }
    assert.deepEqual(seen, [1, 2, 3, ...numbers(3, 20)])
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 2, acked: 0 })
    assert.equal((await queue.stats()).taken, 18)
  })

  it('takes as many deliveries ahead as it was told to', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 9))
    const one = queue.deliveries()
    await one.next()
    assert.equal((await queue.counts()).inFlight, 1)
    await one.return(undefined)
    const three = queue.deliveries({ prefetch: 3 })
    await three.next()
    assert.equal((await queue.counts()).inFlight, 3)
    await three.return(undefined)
    const [first, second] = await queue.list({ limit: 2 })
    assert.deepEqual([first?.attempt, second?.attempt], [2, 0])
    assert.throws(() => queue.deliveries({ prefetch: 0 }), RangeError)
  })

  it('gives back what is unsettled when a loop over deliveries is left', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 9))
    const kept: Delivery<number>[] = []
    for await (const delivery of queue.deliveries({ prefetch: 2 })) {
      kept.push(delivery)
      if (kept.length === 3) break
    }
    assert.deepEqual(await queue.counts(), { ready: 9, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    for (const delivery of kept) await assert.rejects(delivery.ack(), SettledError)
    assert.deepEqual(
      (await queue.list({ limit: 4 })).map(({ attempt }) => attempt),
      [1, 1, 1, 0],
    )
  })

  it('leaves in flight what is still at work when a loop over deliveries has come to its end', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2, 3])
    const kept: Delivery<number>[] = []
    for await (const delivery of queue.deliveries({ wait: false, prefetch: 3 })) kept.push(delivery)
    assert.equal((await queue.counts()).inFlight, 3)
    await Promise.all(kept.map((delivery) => delivery.ack()))
    assert.equal((await queue.counts()).inFlight, 0)
  })

  it('rejects a loop over deliveries with the reason of its signal, and gives back', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2])
    const reason = new Error('enough')
    const controller = new AbortController()
    await assert.rejects(async () => {
      for await (const _ of queue.deliveries({ signal: controller.signal })) controller.abort(reason)
    }, reason)
    assert.equal(await queue.size(), 2)
  })

  it('hands to who waits what was delayed as soon as it is due, and what a lease lets go as soon as that ends', async () => {
    const queue = await fresh<number>(place, { leaseTimeout: 200 })
    await queue.put(1)
    const [leased, begun] = [await queue.lease(), performance.now()]
    const got = [queue.get(), queue.get()].map((item, i) => item.then((value) => [value, i, performance.now() - begun]))
    await queue.put(2, { delay: 100 })
    const [[late, , lateMs], [again, , againMs]] = (await Promise.all(got)) as [number[], number[]]
    assert.deepEqual([leased?.item, late, again], [1, 2, 1])
    // A second is what a look by itself would take.
    assert.ok((lateMs ?? 0) >= 99 && (lateMs ?? 0) < 600, `${lateMs} ms`)
    assert.ok((againMs ?? 0) >= 150 && (againMs ?? 0) < 700, `${againMs} ms`)
    await leased?.ack().catch(() => {})
  })

  it('holds back what is put with a delay, for everybody, and across a restart', async () => {
    await inTime(async (delay) => {
      const where = await place()
      const [queue, other] = [await where.open<number>(), await where.open<number>()]
      const due = Date.now() + delay
      await queue.put(1, { delay })
      await queue.putMany([2, 3], { delay })
      await queue.put(4, { delay: 0 })
      const counts = await queue.counts()
      await queue.close()
      const next = await other.get()
      if (Date.now() >= due) return false
      assert.deepEqual(counts, { ready: 1, delayed: 3, inFlight: 0, failed: 0, acked: 0 })
      assert.equal(next, 4)
      const items = other.items()
      const seen = [(await items.next()).value, (await items.next()).value]
      assert.ok(Date.now() >= due, 'they came before their time')
      await items.return(undefined)
      assert.deepEqual(seen, [1, 2])
      await until(async () => (await other.size()) === 2)
      return true
    })
    const queue = await fresh<number>(place)
    await assert.rejects(queue.put(5, { delay: -1 }), RangeError)
    await assert.rejects(queue.put(5, { delay: '1' as never }), TypeError)
  })

  it('joins when nothing is ready, delayed or in flight any more, in whomever’s hands', async () => {
    const where = await place()
    const [queue, other] = [await where.open<number>(), await where.open<number>()]
    await queue.join()
    await queue.putMany([1, 2])
    await queue.put(3, { delay: 20 })
    const joined = [queue.join(), queue.join()]
    const delivery = await leased(other)
    assert.equal(await other.pop(), 2)
    assert.equal(await other.get(), 3)
    assert.equal(await fate(Promise.race(joined)), 'pending')
    await delivery.ack()
    await Promise.all(joined)
  })

  it('joins no more after the signal, or when it closes', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const reason = new Error('enough')
    await assert.rejects(queue.join({ signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    const joined = queue.join({ signal: controller.signal })
    await turns()
    controller.abort(reason)
    await assert.rejects(joined, reason)
    const other = assert.rejects(queue.join(), QueueClosedError)
    await turns()
    await queue.close()
    await other
    await assert.rejects(queue.join({ timeout: 1 } as object), TypeError)
  })

  it('keeps acknowledged items for the record, the last ones', async () => {
    const queue = await fresh<number>(place, { keepAcked: 2 })
    await queue.putMany(numbers(1, 4))
    for (const delivery of await queue.lease(4)) await delivery.ack()
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 2 })
    assert.deepEqual(
      (await queue.list({ status: 'acked' })).map(({ id, item, status }) => [id, item, status]),
      [
        [3, 3, 'acked'],
        [4, 4, 'acked'],
      ],
    )
  })

  it('drops what it kept for the record once it is opened to keep less, or nothing', async () => {
    const where = await place()
    const first = await where.open<number>({ keepAcked: 9 })
    await first.putMany(numbers(1, 9))
    for (const delivery of await first.lease(9)) await delivery.ack()
    assert.equal((await first.counts()).acked, 9)
    const second = await where.open<number>({ keepAcked: 4 })
    assert.deepEqual(
      (await second.list({ status: 'acked' })).map(({ id }) => id),
      [6, 7, 8, 9],
    )
    const third = await where.open<number>()
    for (const queue of [first, second, third]) assert.equal((await queue.counts()).acked, 0)
    await third.flush()
    assert.deepEqual(await third.list({ status: 'acked' }), [])
  })

  it('counts the encoded bytes of what is ready, delayed or in flight, and no others', async () => {
    const where = await place()
    const queue = await where.open<Buffer>({ codec: 'raw', maxAttempts: 9 })
    const bytesAre = async (wanted: number) => {
      assert.equal((await queue.stats()).bytes, wanted)
    }
    await bytesAre(0)
    for (const length of [1000, 200, 30]) await queue.put(Buffer.alloc(length, 7))
    await queue.put(Buffer.alloc(4), { delay: 1e9 })
    await bytesAre(1234)
    const [first, second] = await queue.lease(2)
    await bytesAre(1234)
    await first?.fail()
    await bytesAre(234)
    await second?.nack()
    await bytesAre(234)
    assert.equal((await queue.pop())?.length, 200)
    await bytesAre(34)
    assert.equal(await queue.retry(), 1)
    await bytesAre(1034)
    assert.equal((await (await where.open<Buffer>()).stats()).bytes, 1034)
    assert.equal(await queue.delete(1), 1)
    await bytesAre(1004)
    await queue.clear()
    await bytesAre(0)
    const { fileBytes, deadBytes } = await queue.stats()
    assert.ok(where.location.startsWith('memory:') ? fileBytes === 0 : fileBytes >= deadBytes, `${fileBytes}`)
  })

  it('has nothing to reclaim where nobody has died', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>({ autoResume: false }), await where.open<number>()]
    await other.put(1)
    await other.lease()
    assert.equal(await one.reclaim(), 0)
    assert.equal((await one.counts()).inFlight, 1)
  })
}

export async function leased<T>(queue: AsyncQueue<T>): Promise<Delivery<T>> {
  const delivery = await queue.lease()
  assert.ok(delivery)
  return delivery
}

const ways: readonly ((delivery: Delivery<number>) => Promise<void>)[] = [
  (delivery) => delivery.ack(),
  (delivery) => delivery.nack(),
  (delivery) => delivery.nack({ to: 'back' }),
  (delivery) => delivery.fail(),
]
