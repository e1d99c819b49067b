// limiting.ts: maxAttempts and leaseTimeout.

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { it } from 'node:test'
import { type AsyncQueue, type Delivery, SettledError } from '../../lib/index.ts'
import { leased } from './delivering.ts'
import { fate, fresh, type MakePlace, numbers, soon, until } from './place.ts'

export function limiting(place: MakePlace): void {
  it('sets an item aside at its last attempt, when it is given back or its loop is left', async () => {
    for (const giveBack of ways) {
      const queue = await fresh<number>(place, { maxAttempts: 2 })
      await queue.putMany([1, 2])
      await giveBack(queue)
      assert.deepEqual(await queue.counts(), { ready: 2, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
      await giveBack(queue)
      const failed = await queue.list({ status: 'failed' })
      assert.deepEqual(
        failed.map(({ id, item, attempt }) => [id, item, attempt]),
        [[1, 1, 2]],
      )
      assert.match(failed[0]?.reason ?? '', /2 attempts/)
      assert.deepEqual(await queue.pop(9), [2])
    }
  })

  it('sets aside, instead of handing it out, what had all its attempts, with the rest flowing on', async () => {
    for (const take of takes) {
      const where = await place()
      const lax = await where.open<number>()
      await lax.putMany(numbers(1, 6))
      for (const delivery of await lax.lease(6)) await delivery.nack()
      await lax.close()
      const strict = await where.open<number>({ maxAttempts: 1 })
      const all = await strict.list({ limit: 9 })
      const spent = all.filter(({ attempt }) => attempt >= 1).map(({ id }) => id)
      assert.deepEqual(spent, numbers(1, 6))
      await strict.put(7)
      assert.deepEqual(await take(strict), [7])
      await until(async () => (await strict.counts()).failed === 6)
      const [failed] = await strict.list({ status: 'failed' })
      assert.equal(failed?.attempt, 1)
      assert.match(failed.reason ?? '', /1 attempt/)
    }
  })

  it('sets it aside too where items are taken for good, and passes over it where they are looked at', async () => {
    const where = await place()
    const options = { keepAcked: 9 }
    const [lax, strict] = [await where.open<string>(options), await where.open<string>({ ...options, maxAttempts: 2 })]
    for (const [index, take] of takesForGood.entries()) {
      await lax.put('spent')
      await (await leased(lax)).nack()
      await (await leased(lax)).nack()
      assert.deepEqual([await strict.peek(), await strict.peek(2)], [undefined, []])
      await strict.putMany(['good', 'other'])
      assert.deepEqual([await strict.peek(), await strict.peek(3)], ['good', ['good', 'other']])
      assert.deepEqual(await take(strict), 'good', String(take))
      assert.equal(await strict.delete(1), 1)
      const counts = { ready: 0, delayed: 0, inFlight: 0, failed: index + 1, acked: 0 }
      assert.deepEqual(await strict.counts(), counts, String(take))
    }
    for (const { item, attempt, reason } of await strict.list({ status: 'failed' })) {
      assert.deepEqual([item, attempt, reason], ['spent', 2, 'all 2 attempts spent'])
    }
  })

  it('goes on waiting for an item that has attempts left', async () => {
    const where = await place()
    const [lax, strict] = [await where.open<string>(), await where.open<string>({ maxAttempts: 1 })]
    await lax.put('spent')
    await (await leased(lax)).nack()
    const got = strict.get()
    await until(async () => (await strict.counts()).failed === 1)
    assert.equal(await fate(got), 'pending')
    await lax.put('good')
    assert.equal(await got, 'good')
  })

  it('is joined when what is left has no attempts left, and not before', async () => {
    const where = await place()
    const [lax, strict] = [await where.open<string>(), await where.open<string>({ maxAttempts: 1 })]
    await lax.putMany(['spent', 'spent', 'good'])
    const [one, other] = await lax.lease(2)
    await one?.nack()
    const joined = strict.join()
    await until(async () => (await strict.counts()).failed === 1)
    await other?.nack()
    await until(async () => (await strict.counts()).failed === 2)
    assert.equal(await fate(joined), 'pending')
    assert.equal(await lax.pop(), 'good')
    await joined
    assert.deepEqual(await lax.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 2, acked: 0 })
  })

  it('gives attempts anew to what is retried', async () => {
    const queue = await fresh<number>(place, { maxAttempts: 1 })
    await queue.put(1)
    await (await leased(queue)).nack()
    assert.equal(await queue.lease(), undefined)
    assert.equal(await queue.retry(), 1)
    assert.equal((await leased(queue)).attempt, 1)
  })

  it('does not charge what was only taken ahead', async () => {
    const queue = await fresh<number>(place, { maxAttempts: 1 })
    await queue.putMany(numbers(1, 9))
    for await (const item of queue.items({ prefetch: 5 })) if (item === 2) break
    const { ready, failed } = await queue.counts()
    assert.deepEqual({ ready, failed }, { ready: 7, failed: 1 })
    assert.deepEqual(await queue.pop(9), numbers(3, 9))
  })

  it('gives an item to others when its lease is over, and refuses what comes late', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>({ leaseTimeout: 30 }), await where.open<number>()]
    await one.put(1)
    const late = await leased(one)
    const waiting = other.deliveries()
    const { value: again } = await waiting.next()
    assert.ok(again)
    assert.deepEqual([again.id, again.attempt], [1, 2])
    for (const settle of [() => late.ack(), () => late.nack(), () => late.fail(), () => late.extend(50)]) {
      await assert.rejects(settle(), SettledError)
    }
    await again.ack()
    assert.deepEqual(await one.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    await waiting.return(undefined)
  })

  it('shows an item whose lease is over to those who only look', async () => {
    for (const look of ['peek', 'list', 'size'] as const) {
      const queue = await fresh<number>(place, { leaseTimeout: 20 })
      await queue.put(1)
      await leased(queue)
      await until(async () => [await queue[look]()].flat(1).some((seen) => seen !== undefined && seen !== 0))
    }
  })

  it('counts an item whose lease is over among what is dropped', async () => {
    const drops = [(queue: AsyncQueue<number>) => queue.delete(), (queue: AsyncQueue<number>) => queue.clear()]
    for (const drop of drops) {
      const queue = await fresh<number>(place, { leaseTimeout: 20 })
      await queue.put(1)
      const late = await leased(queue)
      assert.ok(await soon(async () => (await drop(queue)) === 1))
      await assert.rejects(late.ack(), SettledError)
      assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    }
  })

  it('refuses a late settlement also where the same handle has the item again', async () => {
    const queue = await fresh<number>(place, { leaseTimeout: 20 })
    await queue.put(1)
    const late = await leased(queue)
    let again: Delivery<number> | undefined
    await until(async () => {
      again = await queue.lease()
      // In time, or it is leased once more.
      await again?.extend(60_000).catch(() => {
        again = undefined
      })
      return again !== undefined
    })
    await assert.rejects(late.ack(), SettledError)
    assert.equal((await queue.counts()).inFlight, 1)
    await again?.ack()
  })

  it('keeps an item as long as its lease is extended', async () => {
    const queue = await fresh<number>(place, { leaseTimeout: 200 })
    await queue.putMany([1, 2])
    const both = await keptInTime(queue)
    await until(async () => (await queue.lease())?.id === 2)
    await assert.rejects(both[1]?.ack() ?? assert.fail(), SettledError)
    await both[0]?.extend(Infinity)
    assert.ok((await queue.lease(2)).every(({ id }) => id === 2))
    await both[0]?.ack()
  })

  it('extends nothing where leases never end', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const delivery = await leased(queue)
    await delivery.extend(0)
    assert.equal(await queue.lease(), undefined)
    await delivery.ack()
  })

  it('goes on with a loop whose item went to others meanwhile, and tells only the channel', async () => {
    const queue = await fresh<number>(place, { leaseTimeout: 30 })
    await queue.put(1)
    const items = queue.items()
    await items.next()
    await until(async () => (await queue.lease())?.extend(60_000).then(kept, lost) ?? false)
    const told: unknown[] = []
    const hear = (message: unknown): unknown => told.push(message)
    subscribe('spoolq:error', hear)
    await queue.put(2)
    assert.deepEqual(await items.next(), { value: 2, done: false })
    unsubscribe('spoolq:error', hear)
    assert.deepEqual(
      told.map((message) => errorOf(message) instanceof SettledError),
      [true],
    )
    await items.return(undefined)
    assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 1, failed: 0, acked: 0 })
  })
}

const kept = (): boolean => true
const lost = (): boolean => false

function errorOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'error' in message ? message.error : undefined
}

/** Leases two and extends the lease of the first in time, or leases both once more. */
async function keptInTime(queue: AsyncQueue<number>): Promise<readonly Delivery<number>[]> {
  for (;;) {
    const both = await queue.lease(2)
    const isKept = await both[0]?.extend(60_000).then(
      () => true,
      () => false,
    )
    if (both.length === 2 && isKept === true) return both
  }
}

const ways: readonly ((queue: AsyncQueue<number>) => Promise<unknown>)[] = [
  async (queue) => (await leased(queue)).nack(),
  async (queue) => (await leased(queue)).nack({ delay: 0 }),
  async (queue) => {
    await using delivery = await leased(queue)
    assert.equal(delivery.item, 1)
  },
  async (queue) => {
    for await (const _ of queue) break
  },
  async (queue) => {
    for await (const _ of queue.deliveries()) break
  },
  async (queue) => {
    for await (const _ of queue.batches(1)) break
  },
  async (queue) => {
    const loop = async (): Promise<void> => {
      for await (const _ of queue.items()) throw new Error('body')
    }
    await assert.rejects(loop(), /body/)
  },
]

const takes: readonly ((queue: AsyncQueue<number>) => Promise<unknown>)[] = [
  async (queue) => (await queue.lease(9)).map(({ item }) => item),
  (queue) => collect(queue.items({ wait: false })),
  async (queue) => (await collect(queue.batches(4, { wait: false }))).flat(),
  async (queue) => (await collect(queue.deliveries({ wait: false }))).map(({ item }) => item),
  async (queue) => {
    const seen: number[] = []
    await queue.consume((items) => seen.push(...items), { wait: false, batch: 3 })
    return seen
  },
]

/** Each takes the first item. */
const takesForGood: readonly ((queue: AsyncQueue<string>) => Promise<string | undefined>)[] = [
  (queue) => queue.pop(),
  async (queue) => (await queue.pop(1))[0],
  (queue) => queue.get(),
  async (queue) => (await queue.get(1, { timeout: 0 }))[0],
  async (queue) => {
    const [first, second] = await queue.get(9, { min: 2 })
    await queue.put(second ?? 'none')
    return first
  },
  async (queue) => {
    const first = await queue.peek()
    assert.equal(await queue.delete(), 1)
    return first
  },
]

async function collect<V>(loop: AsyncIterable<V>): Promise<V[]> {
  const values: V[] = []
  for await (const value of loop) values.push(value)
  return values
}
