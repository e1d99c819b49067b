// bounds.ts: `maxSize`, `maxBytes` and `whenFull` beside the other options.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { type AsyncQueue, QueueFullError, type QueueOptions } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { leased } from '../queue/delivering.ts'
import { fate, fresh, type MakePlace, numbers, until } from '../queue/place.ts'
import { type Row, tried, triedAbove, triedIndexed } from './row.ts'

const now = { wait: false } as const
const codec = 'json'
const refused = (put: Promise<unknown>) => assert.rejects(put, QueueFullError)

export const boundRows: readonly Row[] = [
  ...tried(
    'whenFull',
    'put.timeout',
    'a batch that waits drops nothing until all of it fits, and nothing if its time ends',
    timeout,
  ),
  ...triedAbove('whenFull', 'put.signal', 'a batch that waits drops nothing where its signal ends that', signal),
  ...triedAbove('whenFull', 'put.wait', 'what the call says goes before what the queue says', wait),
  ...tried('whenFull', 'put.delay', 'what is delayed is not dropped, and drops what is ready', delay),
  ...triedAbove('whenFull', 'copyTo', 'a copy drops nothing of itself', copyDropped),
  ...triedAbove('whenFull', 'nack.to', 'who goes to the back of a full queue drops nothing', (place) => {
    return toBack(place, { maxSize: 2, whenFull: 'drop-oldest' })
  }),
  ...triedAbove('maxSize', 'nack.to', 'who goes to the back needs no room', (place) => toBack(place, { maxSize: 2 })),
  ...tried('maxBytes', 'nack.to', 'who goes to the back needs no bytes', (place) => toBack(place, { maxBytes: 6 })),
  ...tried(
    'maxBytes',
    'copyTo',
    "a copy holds the target's bound, in each kind of target, and goes on in a larger one",
    copied,
  ),
  ...triedIndexed(
    'maxBytes',
    'update',
    'a larger item takes its bytes from the room, and frees them with itself',
    updated,
  ),
  ...triedAbove('maxBytes', 'put.signal', 'the signal ends the wait for bytes', bytesSignal),
  ...tried('maxBytes', 'keepAcked', 'what is kept for the record takes no bytes of the room', kept),
  ...triedIndexed('maxSize', 'order put.priority', 'who waits for room gets it in the order of the calls', prioritized),
  ...triedAbove(
    'maxSize',
    'consume.batch consume.maxWait',
    'a batch that finds no room to fill is handed out in time',
    batches,
  ),
  ...triedAbove(
    'maxSize',
    'highWaterMark',
    'a stream buffers its items beside the room, and reads within it',
    async (place) => {
      await writes(place, { maxSize: 2 })
      await reads(place)
    },
  ),
  ...triedAbove('maxBytes', 'highWaterMark', 'a stream buffers its items beside the room', (place) => {
    return writes(place, { maxBytes: 2 })
  }),
]

/** One of three is ready, the others are in flight. */
async function busy(place: MakePlace, whenFull: 'drop-oldest' | 'reject') {
  const queue = await fresh<number>(place, { maxSize: 3, whenFull })
  await queue.putMany([1, 2, 3])
  return { queue, held: await queue.lease(2) }
}

async function nothingDropped(queue: AsyncQueue<number>): Promise<void> {
  assert.deepEqual(await queue.peek(9), [3])
  assert.equal((await queue.stats()).dropped, 0)
}

async function timeout(place: MakePlace): Promise<void> {
  const { queue, held } = await busy(place, 'drop-oldest')
  await refused(queue.putMany([4, 5], { timeout: 5 }))
  await nothingDropped(queue)
  const waiting = queue.putMany([4, 5], { timeout: 60_000 })
  assert.equal(await fate(waiting), 'pending')
  await nothingDropped(queue)
  await held[0]?.ack()
  assert.deepEqual(await waiting, [4, 5])
  assert.deepEqual(await queue.peek(9), [4, 5])
  assert.equal((await queue.stats()).dropped, 1)
}

async function signal(place: MakePlace): Promise<void> {
  const { queue } = await busy(place, 'drop-oldest')
  const [controller, reason] = [new AbortController(), new Error('enough')]
  const waiting = queue.putMany([4, 5], { signal: controller.signal })
  assert.equal(await fate(waiting), 'pending')
  controller.abort(reason)
  await assert.rejects(waiting, reason)
  await nothingDropped(queue)
  // What is dropped makes room at once: there is no wait to be ended.
  assert.equal(await queue.put(6, { signal: controller.signal }), 4)
  assert.deepEqual(await queue.peek(9), [6])
  const strict = await busy(place, 'reject')
  await refused(strict.queue.putMany([4, 5], { signal: new AbortController().signal }))
}

async function wait(place: MakePlace): Promise<void> {
  const { queue } = await busy(place, 'drop-oldest')
  await refused(queue.putMany([4, 5], now))
  await nothingDropped(queue)
  assert.deepEqual(await queue.putMany([4], now), [4])
  const strict = await busy(place, 'reject')
  await refused(strict.queue.put(4))
  const waiting = strict.queue.put(4, { wait: true })
  assert.equal(await fate(waiting), 'pending')
  await strict.held[1]?.ack()
  assert.equal(await waiting, 4)
}

async function delay(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { maxSize: 2, whenFull: 'drop-oldest' })
  await queue.put('late', { delay: 1e9 })
  await queue.put('a')
  await queue.put('b')
  assert.deepEqual(await queue.peek(9), ['b'])
  await queue.put('later', { delay: 1e9 })
  await refused(queue.put('c', now))
  assert.deepEqual(await queue.counts(), { ready: 0, delayed: 2, inFlight: 0, failed: 0, acked: 0 })
  assert.equal((await queue.stats()).dropped, 2)
}

async function toBack(place: MakePlace, bound: QueueOptions<string>): Promise<void> {
  const queue = await fresh<string>(place, { ...bound, codec })
  await queue.put('a')
  await queue.put('b')
  await (await leased(queue)).nack({ to: 'back' })
  assert.deepEqual(await queue.peek(9), ['b', 'a'])
  const { dropped, bytes } = await queue.stats()
  assert.deepEqual({ dropped, bytes }, { dropped: 0, bytes: 6 })
}

async function copyDropped(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place)
  await queue.putMany(numbers(1, 10))
  // It is copied before the others, which have had no attempt.
  await (await leased(queue)).nack()
  const target = await place()
  await refused(queue.copyTo(target.location, { maxSize: 9, whenFull: 'drop-oldest' }))
  await using copy = await queue.copyTo(target.location, { maxSize: 10, whenFull: 'drop-oldest' })
  assert.deepEqual(await copy.peek(99), numbers(1, 10))
  assert.equal((await copy.stats()).dropped, 0)
}

async function copied(place: MakePlace): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-pairs-'))
  try {
    const queue = await fresh<Buffer>(place, { codec: 'raw' })
    const items = numbers(1, 10).map((n) => Buffer.alloc(100, n))
    // One by one: what is put together may be encoded together, and take some bytes more.
    for (const item of items) await queue.put(item)
    const { location } = await place()
    // Each store copies to its own kind, and one of them to the others.
    const others =
      CHECK || location.startsWith('memory:') ? [`memory:pairs-${Math.random()}`, join(folder, 'queue')] : []
    for (const target of [location, ...others]) {
      await refused(queue.copyTo(target, { maxBytes: 999 }))
      assert.equal(await queue.size(), 10)
      await using copy = await queue.copyTo(target, { maxBytes: 1000 })
      await refused(copy.put(Buffer.alloc(1), now))
      assert.deepEqual(
        (await copy.pop(99)).map((item) => Buffer.from(item)),
        items,
      )
      await copy.put(Buffer.alloc(1000), now)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function updated(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { unique: true, codec, maxBytes: 12 })
  await queue.putMany(['a', 'b']) // 3 bytes each
  assert.equal(await queue.update(1, 'aaaa'), true)
  await refused(queue.put('cc', now))
  assert.equal(await queue.put('a', now), 3) // the key is free, and there were 3 bytes left
  const waiting = queue.put('cccc')
  assert.equal(await fate(waiting), 'pending')
  assert.equal(await queue.update(1, 'b'), false)
  assert.equal(await queue.pop(), 'aaaa')
  assert.equal(await waiting, 4)
  assert.equal((await queue.stats()).bytes, 3 + 3 + 6)
}

async function bytesSignal(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { codec, maxBytes: 3 })
  await queue.put('a')
  const [controller, reason] = [new AbortController(), new Error('enough')]
  const waiting = queue.put('b', { signal: controller.signal })
  const behind = queue.put('c')
  assert.equal(await fate(waiting), 'pending')
  controller.abort(reason)
  await assert.rejects(waiting, reason)
  assert.equal(await queue.pop(), 'a')
  assert.equal(await behind, 2)
}

async function kept(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { codec, maxBytes: 3, keepAcked: 9 })
  for (const item of ['a', 'b', 'c']) {
    await queue.put(item, now)
    await (await leased(queue)).ack()
  }
  const { acked, bytes } = await queue.stats()
  assert.deepEqual({ acked, bytes }, { acked: 3, bytes: 0 })
}

async function prioritized(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { order: 'priority', maxSize: 1 })
  await queue.put('a')
  const waiting = [queue.put('b', { priority: 5 }), queue.put('c', { priority: -5 })]
  for (const item of ['a', 'b', 'c']) assert.equal(await queue.get(), item)
  assert.deepEqual(await Promise.all(waiting), [2, 3])
}

async function batches(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { maxSize: 2 })
  const puts = numbers(1, 5).map((n) => queue.put(n))
  const lots: number[][] = []
  const stop = new AbortController()
  await queue.consume(
    (items) => {
      lots.push(items)
      if (lots.flat().length === 5) stop.abort()
    },
    { batch: 4, maxWait: 20, signal: stop.signal },
  )
  assert.deepEqual(await Promise.all(puts), numbers(1, 5))
  assert.deepEqual(lots.flat(), numbers(1, 5))
  assert.ok(
    lots.every(({ length }) => length <= 2),
    JSON.stringify(lots),
  )
}

async function writes(place: MakePlace, bound: QueueOptions<number>): Promise<void> {
  const queue = await fresh<number>(place, { ...bound, codec, highWaterMark: 4 })
  const stream = queue.createWriteStream()
  assert.deepEqual(
    numbers(1, 4).map((n) => stream.write(n)),
    [true, true, true, false],
  )
  await until(async () => (await queue.size()) === 2)
  stream.end()
  for (const n of numbers(1, 4)) assert.equal(await queue.get(), n)
  await finished(stream)
}

async function reads(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { maxSize: 9, highWaterMark: 2 })
  await queue.putMany(numbers(1, 9))
  const stream = queue.createReadStream()
  stream.on('readable', () => {})
  await until(() => stream.readableLength === 2)
  // What it has buffered is in the queue still.
  await refused(queue.put(10, now))
  assert.equal(stream.readableLength, 2)
  stream.destroy()
  await until(async () => (await queue.size()) === 9)
}
