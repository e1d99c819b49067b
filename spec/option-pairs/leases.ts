// leases.ts: `leaseTimeout` and `autoResume` beside the other options.

import assert from 'node:assert/strict'
import { QueueFullError, type QueueOptions, SettledError } from '../../lib/index.ts'
import { leased } from '../queue/delivering.ts'
import { cut, fate, fresh, inTime, type MakePlace, soon, until } from '../queue/place.ts'
import { type Row, tried, triedAbove, triedIndexed } from './row.ts'

const LEASE_MS = 30

export const leaseRows: readonly Row[] = [
  ...tried('leaseTimeout', 'maxSize', 'what a lease lets go takes its room still', (place) =>
    room(place, { maxSize: 1 }),
  ),
  ...triedAbove('leaseTimeout', 'maxBytes', 'what a lease lets go has its bytes still', (place) =>
    room(place, { maxBytes: 1 }),
  ),
  ...tried('leaseTimeout', 'whenFull', 'what is in flight is not dropped, and is once its lease has ended', dropped),
  ...tried('leaseTimeout', 'put.wait', 'a put that does not wait drops what a lease has let go', droppedAtOnce),
  ...triedIndexed('leaseTimeout', 'order', 'what a lease lets go has its old place', ordered),
  ...tried('leaseTimeout', 'keepAcked', 'an acknowledgement that comes late keeps nothing for the record', kept),
  ...tried('leaseTimeout', 'autoResume', 'a lease ends also where the dead are waited for', resumed),
  ...tried(
    'leaseTimeout',
    'nack.delay nack.to',
    'what is given back is no more in its lease, and late it is not',
    givenBack,
  ),
  ...triedAbove(
    'leaseTimeout',
    'destroy',
    'who is destroyed gives back, and keeps nobody waiting for a lease',
    destroyed,
  ),
  ...triedAbove(
    'leaseTimeout',
    'consume.retry consume.timeout',
    'a batch that waits for its retry keeps its lease',
    retried,
  ),
  ...triedAbove('autoResume', 'destroy', 'who is destroyed gives back: that is no death', resumedDestroyed),
]

async function room(place: MakePlace, bound: QueueOptions<number>): Promise<void> {
  const queue = await fresh<number>(place, { ...bound, codec: 'json', leaseTimeout: LEASE_MS })
  await queue.put(1)
  await leased(queue)
  await assert.rejects(queue.put(2, { wait: false }), QueueFullError)
  await until(async () => (await queue.size()) === 1)
  await assert.rejects(queue.put(2, { wait: false }), QueueFullError)
  const waiting = queue.put(2)
  assert.equal(await fate(waiting), 'pending')
  assert.equal(await queue.pop(), 1)
  assert.equal(await waiting, 2)
  assert.equal((await queue.stats()).bytes, 1)
}

async function dropped(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { maxSize: 1, whenFull: 'drop-oldest', leaseTimeout: LEASE_MS })
  await queue.put(1)
  const delivery = await leased(queue)
  assert.equal(await queue.put(2, { timeout: 5000 }), 2)
  await assert.rejects(delivery.ack(), SettledError)
  assert.equal((await queue.stats()).dropped, 1)
  assert.deepEqual(await queue.pop(9), [2])
}

async function droppedAtOnce(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { maxSize: 1, whenFull: 'drop-oldest', leaseTimeout: LEASE_MS })
  await queue.put(1)
  await leased(queue)
  const put = (): Promise<boolean> => {
    return queue.put(2, { wait: false }).then(
      () => true,
      (error) => !(error instanceof QueueFullError),
    )
  }
  assert.ok(await soon(put))
  assert.deepEqual(await queue.pop(9), [2])
}

async function ordered(place: MakePlace): Promise<void> {
  const where = await place()
  const queue = await where.open<number>({ order: 'lifo', leaseTimeout: LEASE_MS })
  await queue.putMany([1, 2])
  assert.equal((await leased(queue)).item, 2)
  await queue.put(3)
  assert.deepEqual(await queue.get(3, { min: 3 }), [3, 2, 1])
  const sorted = await fresh<string>(place, { order: 'priority', leaseTimeout: LEASE_MS })
  await sorted.put('b', { priority: 1 })
  await leased(sorted)
  await sorted.put('a', { priority: 0 })
  await sorted.put('c', { priority: 1 })
  assert.deepEqual(await sorted.get(3, { min: 3 }), ['a', 'b', 'c'])
}

async function kept(place: MakePlace): Promise<void> {
  const where = await place()
  const one = await where.open<string>({ keepAcked: 9, leaseTimeout: LEASE_MS })
  const other = await where.open<string>({ keepAcked: 9 })
  await one.put('a')
  const late = await leased(one)
  await until(async () => (await other.size()) === 1)
  await assert.rejects(late.ack(), SettledError)
  assert.equal((await one.counts()).acked, 0)
  await (await leased(other)).ack()
  await assert.rejects(late.ack(), SettledError)
  assert.deepEqual(
    (await one.list({ status: 'acked' })).map(({ id, item }) => [id, item]),
    [[1, 'a']],
  )
}

async function resumed(place: MakePlace): Promise<void> {
  const where = await place()
  const one = await where.open<string>({ autoResume: false, leaseTimeout: LEASE_MS })
  const other = await where.open<string>({ autoResume: false })
  await one.put('a')
  const late = await leased(one)
  assert.equal(await other.get(), 'a')
  assert.equal(await other.reclaim(), 0)
  await assert.rejects(late.ack(), SettledError)
}

async function givenBack(place: MakePlace): Promise<void> {
  await inTime(async (leaseTimeout) => {
    const queue = await fresh<string>(place, { leaseTimeout })
    await queue.putMany(['delayed', 'back', 'late'])
    const [delayed, back, late] = await queue.lease(3)
    const given = [delayed?.nack({ delay: 1e9 }), back?.nack({ to: 'back' })]
    if ((await Promise.allSettled(given)).some(({ status }) => status === 'rejected')) return false
    assert.deepEqual([await queue.get(), await queue.get()].sort(), ['back', 'late'])
    await assert.rejects(late?.nack({ to: 'back' }) ?? assert.fail(), SettledError)
    await assert.rejects(late?.nack({ delay: 1 }) ?? assert.fail(), SettledError)
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 1, inFlight: 0, failed: 0, acked: 0 })
    return true
  })
}

async function destroyed(place: MakePlace): Promise<void> {
  const where = await place()
  const [one, other] = [await where.open<string>({ leaseTimeout: 1e9 }), await where.open<string>()]
  await one.put('a')
  await leased(one)
  await cut(one)
  assert.equal(await other.pop(), 'a')
}

/** Where the host is busy a lease may end before anybody comes to renew it. */
async function retried(place: MakePlace): Promise<void> {
  for (const leaseMs of [200, 800, 3200]) if (await keepsLease(place, leaseMs)) return
  assert.fail('another consumer got it')
}

async function keepsLease(place: MakePlace, leaseTimeout: number): Promise<boolean> {
  const where = await place()
  const [queue, other] = [await where.open<number>({ leaseTimeout }), await where.open<number>()]
  await queue.put(1)
  const stop = new AbortController()
  let others: Promise<boolean> | undefined
  const handler = (_: number[], { attempt }: { readonly attempt: number }): Promise<void> | undefined => {
    others ??= other.get({ signal: stop.signal }).then(
      () => false,
      () => true,
    )
    return attempt === 1 ? new Promise(() => {}) : undefined
  }
  // Its wait takes half of that at least.
  const retry = { minDelay: 2.5 * leaseTimeout }
  const { acked, retried, failed } = await queue.consume(handler, { timeout: 20, wait: false, retry })
  stop.abort()
  // Its lease ended meanwhile: it came again as one that nobody held.
  if ((await others) !== true || retried === 0) return false
  assert.deepEqual({ acked, retried, failed }, { acked: 1, retried: 1, failed: 0 })
  return true
}

async function resumedDestroyed(place: MakePlace): Promise<void> {
  const where = await place()
  const options = { autoResume: false }
  const [one, other] = [await where.open<string>(options), await where.open<string>(options)]
  await one.put('a')
  await leased(one)
  await cut(one)
  assert.equal(await other.pop(), 'a')
  assert.equal(await other.reclaim(), 0)
}
