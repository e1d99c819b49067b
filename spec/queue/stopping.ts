// stopping.ts: close({ grace }), and what becomes of everything under way when an error destroys the handle.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { it } from 'node:test'
import { type AsyncQueue, QueueClosedError } from '../../lib/index.ts'
import { fate, fresh, type MakePlace, numbers, turns, until } from './place.ts'

/** A promise, and what resolves it. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

/** Everything that takes. */
const takes: Readonly<Record<string, (queue: AsyncQueue<number>) => Promise<unknown>>> = {
  pop: (queue) => queue.pop(),
  get: (queue) => queue.get(),
  delete: (queue) => queue.delete(1),
  clear: (queue) => queue.clear(),
  lease: (queue) => queue.lease(),
  consume: (queue) => queue.consume(() => {}),
  join: (queue) => queue.join(),
  items: (queue) => queue.items().next(),
  batches: (queue) => queue.batches(2).next(),
  deliveries: (queue) => queue.deliveries().next(),
  createReadStream: (queue) => queue.createReadStream().toArray(),
  createWebStream: (queue) => queue.createWebStream().getReader().read(),
}

export function stopping(place: MakePlace): void {
  it('lets what is in hand end when it closes, hands out nothing more, and takes puts meanwhile', async () => {
    const where = await place()
    const [queue, other] = [await where.open<number>(), await where.open<number>()]
    await queue.putMany(numbers(1, 20))
    const [handlers, body, sinks] = [gate(), gate(), gate()]
    const seen: number[] = []
    const note = (item: number): number => seen.push(item)
    const consumed = queue.consume(([item = 0]) => handlers.passed.then(() => note(item)), { concurrency: 2 })
    const loop = (async () => {
      for await (const [item = 0] of queue.batches(1)) {
        await body.passed
        note(item)
      }
    })()
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (item: number, _encoding, done) => {
        void sinks.passed.then(() => {
          note(item)
          done()
        })
      },
    })
    const piped = pipeline(queue.createReadStream(), sink)
    await until(async () => sink.writableLength > 0 && (await queue.counts()).inFlight >= 4)
    await turns()
    const delivery = await queue.lease()
    const waiting = assert.rejects(queue.join(), QueueClosedError)
    const closed = queue.close({ grace: 60_000 })
    await waiting
    for (const [name, take] of Object.entries(takes)) await assert.rejects(take(queue), QueueClosedError, name)
    assert.equal(await queue.put(21), 21)
    assert.deepEqual((await queue.list({ limit: 1, after: 20 }))[0]?.item, 21)
    // What was only taken ahead went back at once.
    await until(async () => (await other.counts()).inFlight === 5)
    assert.equal(await fate(closed), 'pending')
    for (const { open } of [handlers, body, sinks]) open()
    await delivery?.ack()
    await closed
    assert.equal((await consumed).acked, 2)
    await Promise.all([loop, piped])
    note(delivery?.item ?? 0)
    assert.equal(seen.length, 5)
    assert.deepEqual(
      [...seen, ...(await other.pop(99))].sort((one, two) => one - two),
      numbers(1, 21),
    )
  })

  it('aborts the signals when its grace is over, and gives back a second later, uncharged, what is not settled', async () => {
    const where = await place()
    const [queue, other] = [await where.open<number>({ maxAttempts: 1 }), await where.open<number>()]
    await queue.putMany(numbers(1, 6))
    const reasons: unknown[] = []
    let started = 0
    const delivery = await queue.lease()
    const [abandoned] = [queue.items()]
    await abandoned.next()
    const consumed = queue.consume(
      ([item], { signal }) => {
        started += 1
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            // One ends in time, one fails because of it, one never ends.
            if (item === 3) resolve(item)
            if (item === 4) reject(signal.reason)
          })
        })
      },
      { concurrency: 3 },
    )
    await until(async () => started === 3 && (await other.counts()).inFlight === 5)
    const began = performance.now()
    const closings = [queue.close({ grace: 600_000 }), queue.close({ grace: 1_200_000 }), queue.close({ grace: 0 })]
    await closings[0]
    // Ten times what it takes.
    assert.ok(performance.now() - began < 10_000 + 600_000 / 100)
    await Promise.all(closings)
    assert.ok(reasons.length === 3 && reasons.every((reason) => reason instanceof QueueClosedError))
    assert.equal((await consumed).acked, 1)
    await assert.rejects(delivery?.ack() ?? Promise.resolve(), QueueClosedError)
    assert.deepEqual(await abandoned.next(), { value: undefined, done: true })
    const left = (await other.list()).map(({ item, attempt }) => [item, attempt])
    assert.deepEqual(left, [
      [1, 0],
      [2, 0],
      [4, 0],
      [5, 0],
      [6, 0],
    ])
    assert.equal((await other.counts()).failed, 0)
  })

  it('waits for nobody where nothing is in hand: parked puts and gets are refused at once', async () => {
    const queue = await fresh<number>(place, { maxSize: 1 })
    await queue.put(1)
    const put = assert.rejects(queue.put(2), QueueClosedError)
    await turns()
    const got = queue.items({ prefetch: 1 })
    await got.next()
    await got.return(undefined)
    const began = performance.now()
    await queue.close()
    await put
    // Ten times less than its grace.
    assert.ok(performance.now() - began < 8000 - 800)
  })

  it('refuses a grace that is none, at once, and stays open', async () => {
    const queue = await fresh<number>(place)
    await assert.rejects(queue.close({ grace: -1 }), RangeError)
    await assert.rejects(queue.close({ grace: Number.NaN }), RangeError)
    await assert.rejects(queue.close({ grace: '1' as never }), TypeError)
    await assert.rejects(queue.close({ gracious: 1 } as never), TypeError)
    await assert.rejects(queue.close(null as never), TypeError)
    assert.equal(await queue.put(1), 1)
  })

  it('rejects everything under way and to come when an error has destroyed it, with that error as the cause', async () => {
    const where = await place()
    const [queue, other] = [await where.open<number>({ maxSize: 3 }), await where.open<number>()]
    queue.on('error', () => {})
    await queue.putMany([1, 2, 3])
    const why = new Error('why')
    const refused = { name: 'QueueClosedError', code: 'ERR_QUEUE_CLOSED', cause: why }
    const delivery = await queue.lease()
    const looping = (async () => {
      for await (const _ of queue) await until(() => queue.destroyed)
    })()
    let signal: AbortSignal | undefined
    const consumed = queue.consume((_, context) => {
      signal = context.signal
      return new Promise(() => {})
    })
    await until(async () => signal !== undefined && (await other.counts()).inFlight === 3)
    const underWay = [looping, consumed, queue.join(), queue.get(9, { min: 9 }), queue.put(5)]
    const all = Promise.all(underWay.map((promise) => assert.rejects(promise, refused)))
    await turns()
    queue.destroy(why)
    await all
    assert.ok(signal?.aborted)
    for (const [name, take] of Object.entries(takes)) {
      // A web stream and a stream of Node's are told too.
      await assert.rejects(take(queue), { code: 'ERR_QUEUE_CLOSED', cause: why }, name)
    }
    await assert.rejects(queue.put(4), refused)
    await assert.rejects(queue.size(), refused)
    await assert.rejects(delivery?.ack() ?? Promise.resolve(), refused)
    await queue.close()
    const left = await other.list()
    assert.ok(left.length >= 2)
    assert.ok(left.every(({ attempt }) => attempt === 0))
  })

  it('ends a read stream and a web stream that are in use with the error that destroyed it', async () => {
    const queue = await fresh<number>(place)
    const why = new Error('why')
    const reader = queue.createWebStream().getReader()
    const read = assert.rejects(reader.read(), { cause: why })
    const streamed = assert.rejects(queue.createReadStream().toArray(), { cause: why })
    await turns()
    queue.on('error', () => {})
    queue.destroy(why)
    await Promise.all([read, streamed])
  })

  it('gives back what a loop over batches was still filling when it closes, uncharged, and hands out no part of it', async () => {
    const where = await place()
    const queue = await where.open<number>()
    await queue.putMany([1, 2])
    const next = queue.batches(4, { maxWait: 60_000 }).next()
    await until(async () => (await queue.counts()).inFlight === 2)
    await queue.close()
    assert.deepEqual(await next, { value: undefined, done: true })
    assert.deepEqual(
      (await (await where.open<number>()).list()).map(({ item, attempt }) => [item, attempt]),
      [
        [1, 0],
        [2, 0],
      ],
    )
  })

  it('hands out batches of their size, also where more comes while one fills', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const loop = queue.batches(4, { maxWait: 60_000 })
    const first = loop.next()
    await until(async () => (await queue.counts()).inFlight === 1)
    await queue.putMany(numbers(2, 9))
    assert.deepEqual((await first).value, numbers(1, 4))
    assert.deepEqual((await loop.next()).value, numbers(5, 8))
    await loop.return(undefined)
  })
}
