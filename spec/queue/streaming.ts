// streaming.ts: what is promised of streams over every store: the order of push, write and put, sinks that call back each
// for its own item, web streams.

import assert from 'node:assert/strict'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { it } from 'node:test'
import { type AsyncQueue, CodecError, QueueClosedError, QueueFullError, type QueueOptions } from '../../lib/index.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import { fate, fresh, type MakePlace, numbers, turns, until } from './place.ts'

export function streaming(place: MakePlace): void {
  ordering(place)
  sinking(place)
  webbing(place)
}

/** Puts `item` one way or another; resolves when it is in the queue. */
const ways: readonly ((queue: AsyncQueue<number>, item: number) => Promise<unknown>)[] = [
  async (queue, item) => queue.push(item),
  (queue, item) => new Promise((resolve, reject) => queue.write(item, (error) => (error ? reject(error) : resolve(0)))),
  (queue, item) => queue.put(item),
  (queue, item) => queue.put(item, { timeout: 60_000 }),
  (queue, item) => queue.putMany([item]),
  async (queue, item) => pipeline(Readable.from([item]), queue, { end: false }),
]

function ordering(place: MakePlace): void {
  it('keeps the order of push, write and put through one handle', async () => {
    const queue = await fresh<number>(place)
    queue.push(0)
    queue.push(1)
    assert.equal(await queue.put(2), 3)
    void queue.put(3)
    queue.push(4)
    void queue.put(5)
    queue.push(6)
    await pipeline(Readable.from([7, 8]), queue, { end: false })
    await queue.put(9)
    assert.deepEqual(await queue.peek(99), numbers(0, 9))
  })

  it('keeps it in any mixture, open or not, with a bound or without, and up to its close', async () => {
    const seed = newSeed()
    const dice = randomFrom(seed)
    for (const options of [{}, { maxSize: 1000 }, { highWaterMark: 2 }, { maxBytes: 1e6 }] satisfies QueueOptions[]) {
      const where = await place()
      const queue = where.start<number>(options)
      const done: Promise<unknown>[] = []
      for (const item of numbers(1, 60)) {
        done.push(ways[Math.floor(dice() * (ways.length - 1))]?.(queue, item) ?? assert.fail())
        if (dice() < 0.2) await turns(Math.floor(dice() * 3))
      }
      await queue.close()
      await Promise.all(done)
      assert.deepEqual(await (await where.open<number>()).peek(99), numbers(1, 60), `SPOOLQ_SEED=${seed}`)
    }
  })

  it('refuses a put that is not to wait behind writes that wait for room, and one whose time is over', async () => {
    const queue = await fresh<number>(place, { maxSize: 2 })
    for (const item of [1, 2, 3, 4]) queue.push(item)
    await until(async () => (await queue.size()) === 2)
    await assert.rejects(queue.put(5, { wait: false }), QueueFullError)
    await assert.rejects(queue.put(5, { timeout: 1 }), QueueFullError)
    const stop = new AbortController()
    const stopped = queue.put(5, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await assert.rejects(stopped, /enough/)
    const last = queue.put(6)
    assert.deepEqual(await queue.get(2, { min: 2 }), [1, 2])
    assert.deepEqual(await queue.get(2, { min: 2 }), [3, 4])
    assert.equal(await queue.get(), 6)
    await last
  })

  it('rejects a put that stood behind a write when the queue is destroyed', async () => {
    const where = await place()
    const queue = await where.open<number>({ maxSize: 1 })
    for (const item of [1, 2]) queue.write(item, () => {})
    const refused = assert.rejects(queue.put(3), QueueClosedError)
    await turns()
    queue.destroy()
    await refused
    await queue.close()
    assert.deepEqual(await (await where.open<number>()).peek(9), [1])
  })

  it('refuses what is written after end(chunk), and has put the chunk', async () => {
    const queue = await fresh<number>(place)
    const stream = queue.createWriteStream()
    stream.on('error', () => {})
    stream.write(1)
    await new Promise<void>((resolve) => stream.end(2, resolve))
    const told = await new Promise<unknown>((resolve) => stream.write(3, resolve))
    assert.equal(told instanceof Error && 'code' in told && told.code, 'ERR_STREAM_WRITE_AFTER_END')
    assert.deepEqual(await queue.peek(9), [1, 2])
  })
}

function sinking(place: MakePlace): void {
  it('has put what was written before an item that cannot be encoded, with a bound or without', async () => {
    const bad = { cannot: () => 'be encoded' }
    for (const options of [{}, { maxSize: 9 }, { maxBytes: 1e6 }] satisfies QueueOptions[]) {
      const queue = await fresh<unknown>(place, options)
      const codes: unknown[] = []
      const stream = queue.createWriteStream().on('error', () => {})
      for (const item of [1, 2, bad, 3]) {
        stream.write(item, (error) => codes.push(error && 'code' in error ? error.code : 'put'))
      }
      await until(() => stream.closed && codes.length === 4)
      assert.deepEqual(codes, ['put', 'put', 'ERR_QUEUE_CODEC', 'ERR_QUEUE_CODEC'])
      await assert.rejects(pipeline(Readable.from([4, 5, bad, 6]), queue.createWriteStream()), CodecError)
      assert.deepEqual(await queue.peek(9), [1, 2, 4, 5])
    }
  })

  it('takes no callback of a sink for that of another item', async () => {
    for (const stream of [true, false]) {
      const where = await place()
      const queue = await where.open<number>()
      await queue.putMany(numbers(1, 8))
      queue.on('error', () => {})
      const written: number[] = []
      const sink = new Writable({
        objectMode: true,
        write: (item: number, _encoding, callback) => {
          if (item === 4) return callback(new Error('refused'))
          written.push(item)
          if (item === 1) setTimeout(callback, 20)
          else callback()
        },
      })
      await assert.rejects(pipeline(stream ? queue.createReadStream() : queue, sink), /refused/)
      await queue.close()
      const again = await where.open<number>()
      const left = await again.pop(9)
      assert.deepEqual([...written, ...left].sort(), numbers(1, 8))
      assert.equal(left[0], 4)
    }
  })

  it('charges an attempt to the item that a sink broke at, and to none that waited beside it', async () => {
    const queue = await fresh<number>(place, { maxAttempts: 2 })
    await queue.putMany(numbers(1, 6))
    for (let round = 1; round <= 2; round += 1) {
      const sink = new Writable({
        objectMode: true,
        write: (_item, _encoding, callback) => setImmediate(callback, new Error('no')),
      })
      await assert.rejects(pipeline(queue.createReadStream(), sink), /no/)
      await until(async () => (await queue.counts()).inFlight === 0)
    }
    const failed = await queue.list({ status: 'failed' })
    assert.deepEqual(
      failed.map(({ item }) => item),
      [1],
    )
    assert.deepEqual(
      (await queue.list()).map(({ attempt }) => attempt),
      [0, 0, 0, 0, 0],
    )
  })

  it('charges nothing that a read stream had only buffered when it is destroyed', async () => {
    const queue = await fresh<number>(place, { maxAttempts: 1 })
    await queue.putMany(numbers(1, 5))
    const stream = queue.createReadStream()
    stream.on('readable', () => {})
    await until(() => stream.readableLength > 0)
    stream.destroy()
    await until(async () => (await queue.counts()).inFlight === 0)
    assert.deepEqual(
      (await queue.list()).map(({ attempt }) => attempt),
      [0, 0, 0, 0, 0],
    )
  })
}

function webbing(place: MakePlace): void {
  it('gives a web stream one item a pull, acknowledges it by the next, and gives back what none followed', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 9))
    const reader = queue.createWebStream().getReader()
    await turns()
    assert.equal((await queue.counts()).inFlight, 0)
    for (const item of [1, 2, 3]) assert.deepEqual(await reader.read(), { value: item, done: false })
    await turns()
    assert.equal((await queue.counts()).inFlight, 1)
    await reader.cancel('enough')
    assert.deepEqual(await queue.peek(9), numbers(3, 9))
    assert.equal((await queue.list())[0]?.attempt, 1)
  })

  it('ends a web stream when nothing is ready and it is not to wait, with all acknowledged', async () => {
    const queue = await fresh<unknown>(place)
    await queue.putMany([1, null, undefined, 0])
    const got: unknown[] = []
    for await (const item of queue.createWebStream({ wait: false })) got.push(item)
    assert.deepEqual(got, [1, null, undefined, 0])
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  })

  it('leaves a web stream by break, by its signal and by a cancelled read', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2])
    for await (const item of queue.createWebStream()) {
      assert.equal(item, 1)
      break
    }
    const stop = new AbortController()
    const reader = queue.createWebStream({ signal: stop.signal }).getReader()
    await reader.read()
    stop.abort(new Error('enough'))
    await assert.rejects(reader.read(), /enough/)
    await until(async () => (await queue.counts()).inFlight === 0)
    assert.deepEqual(await queue.pop(9), [1, 2])
    const waiting = queue.createWebStream().getReader()
    const read = waiting.read()
    assert.equal(await fate(read), 'pending')
    await waiting.cancel()
    assert.deepEqual(await read, { value: undefined, done: true })
    await queue.put(3)
    assert.equal(await queue.pop(), 3)
    assert.throws(() => queue.createWebStream({ wait: 1 as never }), TypeError)
  })
}
