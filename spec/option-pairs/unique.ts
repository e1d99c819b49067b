// unique.ts: `unique` beside the other options.

import assert from 'node:assert/strict'
import { QueueFullError } from '../../lib/index.ts'
import { leased } from '../queue/delivering.ts'
import { fate, fresh, type MakePlace, until } from '../queue/place.ts'
import { type Row, triedIndexed } from './row.ts'

const unique = true
const codec = 'json'

export const uniqueRows: readonly Row[] = [
  ...triedIndexed('unique', 'whenFull', 'what is dropped leaves its key, and what is ignored drops nothing', dropped),
  ...triedIndexed(
    'unique',
    'maxSize put.timeout',
    'a put that waits for room is ignored once its equal is there',
    room,
  ),
  ...triedIndexed('unique', 'maxBytes', 'equal items of one batch take the bytes of one', bytes),
  ...triedIndexed(
    'unique',
    'maxAttempts',
    'an item at its last attempt leaves its key, one with attempts keeps it',
    spent,
  ),
  ...triedIndexed('unique', 'put.delay nack.delay', 'what is delayed has its key, whoever delayed it', delayed),
  ...triedIndexed('unique', 'put.priority', 'what is ignored changes no priority', priority),
  ...triedIndexed('unique', 'put.signal', 'what is ignored does not wait for room, whatever its signal says', signal),
  ...triedIndexed('unique', 'keepAcked', 'what is kept for the record has no key', kept),
  ...triedIndexed('unique', 'leaseTimeout', 'what a lease lets go keeps its key until it is settled', lapsed),
]

async function dropped(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique, maxSize: 2, whenFull: 'drop-oldest' })
  assert.deepEqual([await queue.put('a'), await queue.put('b'), await queue.put('c')], [1, 2, 3])
  assert.equal(await queue.put('b'), undefined)
  assert.deepEqual(await queue.peek(9), ['b', 'c'])
  assert.equal(await queue.put('a'), 4)
  assert.deepEqual(await queue.peek(9), ['c', 'a'])
  assert.equal((await queue.stats()).dropped, 2)
}

async function room(place: MakePlace): Promise<void> {
  const where = await place()
  const [queue, other] = [await where.open<string>({ unique, maxSize: 1 }), await where.open<string>({ unique })]
  await queue.put('a')
  const waiting = queue.put('b', { timeout: 60_000 })
  assert.equal(await fate(waiting), 'pending')
  assert.equal(await other.put('b'), 2)
  assert.equal(await other.pop(), 'a')
  // There is no room for it, and it needs none.
  assert.equal(await waiting, undefined)
  assert.deepEqual(await queue.pop(9), ['b'])
  assert.equal((await queue.stats()).put, 1)
}

async function bytes(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique, codec, maxBytes: 5 })
  assert.deepEqual(await queue.putMany(['aaa', 'aaa', 'aaa']), [1, undefined, undefined])
  assert.equal((await queue.stats()).bytes, '"aaa"'.length)
  await assert.rejects(queue.put('b', { wait: false }), QueueFullError)
  assert.equal(await queue.put('aaa', { wait: false }), undefined)
}

async function spent(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique, maxAttempts: 2 })
  await queue.put('a')
  await (await leased(queue)).nack()
  assert.equal(await queue.put('a'), undefined)
  await (await leased(queue)).nack()
  assert.equal((await queue.counts()).failed, 1)
  assert.equal(await queue.put('a'), 2)
  assert.equal(await queue.retry(), 0)
  assert.equal(await queue.pop(), 'a')
  assert.equal(await queue.retry(), 1)
  assert.equal(await queue.put('a'), undefined)
  assert.equal((await leased(queue)).attempt, 1)
}

async function delayed(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique })
  assert.equal(await queue.put('a', { delay: 1e9 }), 1)
  assert.equal(await queue.put('a'), undefined)
  await queue.put('b')
  await (await leased(queue)).nack({ delay: 1e9 })
  assert.deepEqual(await queue.putMany(['b', 'a'], { delay: 1 }), [undefined, undefined])
  assert.deepEqual(await queue.counts(), { ready: 0, delayed: 2, inFlight: 0, failed: 0, acked: 0 })
  assert.equal(await queue.clear(), 2)
  assert.deepEqual(await queue.putMany(['a', 'b']), [3, 4])
}

async function priority(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique, order: 'priority' })
  await queue.put('a', { priority: 5 })
  await queue.put('b', { priority: 3 })
  assert.equal(await queue.put('a', { priority: 0 }), undefined)
  assert.deepEqual(await queue.pop(9), ['b', 'a'])
}

async function signal(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique, maxSize: 1 })
  await queue.put('a')
  const reason = new Error('enough')
  const aborted = AbortSignal.abort(reason)
  assert.equal(await queue.put('a', { signal: aborted }), undefined)
  await assert.rejects(queue.put('b', { signal: aborted }), reason)
  assert.deepEqual(await queue.pop(9), ['a'])
}

async function kept(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique, keepAcked: 9 })
  for (const id of [1, 2]) {
    assert.equal(await queue.put('a'), id)
    assert.equal(await queue.put('a'), undefined)
    await (await leased(queue)).ack()
  }
  assert.deepEqual(
    (await queue.list({ status: 'acked' })).map(({ id, item }) => [id, item]),
    [
      [1, 'a'],
      [2, 'a'],
    ],
  )
}

async function lapsed(place: MakePlace): Promise<void> {
  const where = await place()
  const [queue, other] = [await where.open<string>({ unique, leaseTimeout: 30 }), await where.open<string>({ unique })]
  await queue.put('a')
  await leased(queue)
  assert.equal(await other.put('a'), undefined)
  await until(async () => (await other.size()) === 1)
  assert.equal(await other.put('a'), undefined)
  assert.equal(await other.pop(), 'a')
  assert.equal(await other.put('a'), 2)
}
