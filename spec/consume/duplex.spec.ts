import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex, finished, PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { CodecError, QueueClosedError, QueueFullError } from '../../lib/errors.ts'
import { AsyncQueue } from '../../lib/queue.ts'
import {
  broken,
  closed,
  filled,
  nothingHeld,
  nothingUntold,
  numbers,
  open,
  places,
  readyAt,
  Sink,
  source,
  turns,
  until,
} from './stream-kit.ts'

nothingUntold()

for (const place of places) {
  describe(`the queue as a Duplex over ${place.name}`, () => {
    it('is one of Node’s, in object mode, and buffers 16 items unless it is told otherwise', async () => {
      const [queue, other] = [await open(place.fresh()), await open(place.fresh(), { highWaterMark: 3 })]
      assert.ok(queue instanceof Duplex && queue instanceof Readable && queue instanceof Writable)
      assert.deepEqual([queue.readable, queue.writable, queue.readableFlowing], [true, true, null])
      assert.deepEqual([queue.readableObjectMode, queue.writableObjectMode], [true, true])
      assert.deepEqual([queue.readableHighWaterMark, queue.writableHighWaterMark], [16, 16])
      assert.deepEqual([other.readableHighWaterMark, other.writableHighWaterMark], [3, 3])
      await Promise.all([queue.close(), other.close()])
      assert.deepEqual([queue.destroyed, queue.readable, queue.writable], [true, false, false])
    })

    it('takes nothing while nobody reads it', async () => {
      const queue = await filled(place.fresh(), 10)
      await turns()
      assert.deepEqual(await queue.counts(), { ready: 10, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
      await queue.close()
    })

    it('puts what is pushed, in order, and tells to wait when it buffers highWaterMark items', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const more = numbers(1, 16).map((item) => queue.push(item))
      assert.deepEqual(more, [...Array(15).fill(true), false])
      await once(queue, 'drain')
      await until(async () => (await queue.size()) === 16)
      assert.deepEqual(await queue.peek(100), numbers(1, 16))
      assert.ok(queue.push(17))
      await until(async () => (await queue.size()) === 17)
      await queue.close()
    })

    it('puts what was written before close(), without being asked to end', async () => {
      const location = place.fresh()
      const queue = await open(location)
      for (const item of numbers(1, 500)) queue.push(item)
      await queue.close()
      assert.deepEqual(await readyAt(location), numbers(1, 500))
    })

    it('puts what was written before it was open', async () => {
      const location = place.fresh()
      const queue = new AsyncQueue<number>(location)
      for (const item of numbers(1, 100)) queue.write(item)
      await queue.close()
      assert.deepEqual(await readyAt(location), numbers(1, 100))
    })

    it('refuses null as Node does, and goes on', async () => {
      const queue = await open(place.fresh())
      assert.throws(() => queue.push(null as never), { code: 'ERR_STREAM_NULL_VALUES' })
      assert.throws(() => queue.write(null), { code: 'ERR_STREAM_NULL_VALUES' })
      queue.push(1)
      await until(async () => (await queue.size()) === 1)
      await queue.close()
    })

    it('ends its writing side with end(): what was written is put, later puts are refused, taking goes on', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const waiting = queue.get()
      for (const item of numbers(1, 40)) queue.write(item)
      queue.end(41)
      await assert.rejects(queue.put(42), QueueClosedError)
      await once(queue, 'finish')
      assert.equal(await waiting, 1)
      assert.deepEqual(await queue.pop(100), numbers(2, 41))
      assert.equal(await queue.pop(), undefined)
      const other = await open(location)
      await other.put(43)
      assert.equal(await queue.get(), 43)
      assert.equal(queue.destroyed, false)
      await Promise.all([queue.close(), other.close()])
    })

    it('ends loops and gets that wait when its writing side ends', async () => {
      const queue = await open(place.fresh())
      const got: number[] = []
      const loop = (async () => {
        for await (const item of queue) got.push(item)
      })()
      await queue.put(1)
      await until(() => got.length === 1)
      const refused = assert.rejects(queue.get(), QueueClosedError)
      await turns()
      queue.end()
      await Promise.all([loop, refused])
      assert.deepEqual(got, [1])
      await queue.close()
    })

    it('refuses parked puts when its writing side ends', async () => {
      const queue = await open(place.fresh(), { maxSize: 1 })
      await queue.put(1)
      const refused = assert.rejects(queue.put(2), QueueClosedError)
      await turns()
      queue.end()
      await refused
      assert.deepEqual(await queue.pop(10), [1])
      await queue.close()
    })

    it('closes by itself when both sides have ended', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const ends: string[] = []
      for (const name of ['finish', 'end', 'close']) queue.on(name, () => ends.push(name))
      queue.on('data', () => {})
      queue.write(1)
      queue.end()
      await closed(queue)
      assert.deepEqual(ends.sort(), ['close', 'end', 'finish'])
      await assert.rejects(queue.size(), QueueClosedError)
      await queue.close()
      assert.deepEqual(await readyAt(location), [])
    })

    it("is read by 'data' listeners, by read() and by loops, each acknowledging as it asks for the next", async () => {
      const queue = await filled(place.fresh(), 100)
      const got: number[] = []
      queue.on('data', (item: number) => {
        got.push(item)
        if (item === 10) queue.pause()
      })
      await until(() => got.length === 10)
      queue.removeAllListeners('data')
      await turns()
      // The tenth is still in hand, and what read() finds buffered follows it.
      assert.equal(queue.read() ?? 11, 11)
      queue.destroy()
      await closed(queue)
    })

    it('leaves the queue usable when a loop is broken off by break or throw', async () => {
      const queue = await filled(place.fresh(), 30)
      for await (const item of queue) if (item === 5) break
      const failure = new Error('the body broke')
      const failing = async (): Promise<void> => {
        for await (const item of queue) if (item === 10) throw failure
      }
      await assert.rejects(failing(), failure)
      assert.equal(queue.destroyed, false)
      await nothingHeld(queue)
      assert.deepEqual(await queue.peek(100), numbers(10, 30))
      await queue.close()
    })

    it('works with the iterator helpers of streams, which leave it usable', async () => {
      const queue = await filled(place.fresh(), 60)
      assert.deepEqual(await queue.take(3).toArray(), [1, 2, 3])
      await nothingHeld(queue)
      // Whoever took the third never asked for a fourth.
      assert.deepEqual(await queue.peek(2), [3, 4])
      assert.equal(await queue.find((item: number) => item === 5), 5)
      await nothingHeld(queue)
      // Most helpers read one ahead of what they pass on.
      const [found = 0] = await queue.peek(1)
      assert.ok(found >= 5 && found <= 7, `found ${found}`)
      const doubled = queue.drop(2).map((item: number) => item * 2)
      assert.deepEqual(await doubled.take(2).toArray(), [(found + 2) * 2, (found + 3) * 2])
      await nothingHeld(queue)
      assert.equal(queue.destroyed, false)
      queue.end()
      let running = 0
      let most = 0
      await queue.forEach(
        async () => {
          running += 1
          most = Math.max(most, running)
          await turns(2)
          running -= 1
        },
        { concurrency: 4 },
      )
      assert.ok(most > 1 && most <= 4, `at most ${most}`)
      assert.equal(await queue.size(), 0)
      await nothingHeld(queue)
      await queue.close()
    })

    it('is reduced, filtered and gathered to its end', async () => {
      const queue = await filled(place.fresh(), 100)
      queue.end()
      assert.equal(
        await queue.filter((item: number) => item % 2 === 0).reduce((sum: number, item: number) => sum + item, 0),
        2550,
      )
      assert.deepEqual(await queue.toArray(), [])
      await queue.close()
    })

    it('is told null and undefined apart by loops, where null is an item', async () => {
      const queue = await AsyncQueue.open<unknown>(place.fresh())
      await queue.putMany([null, undefined, 0, null])
      queue.end()
      const got: unknown[] = []
      for await (const item of queue) got.push(item)
      assert.deepEqual(got, [null, undefined, 0, null])
      await queue.close()
    })

    it('fails with CodecError when it is read as a stream and meets a null item, and gives it back', async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<number | null>(location)
      await queue.putMany([1, null, 2])
      const got: unknown[] = []
      queue.on('data', (item) => got.push(item))
      const [error] = await once(queue, 'error')
      assert.ok(error instanceof CodecError)
      await closed(queue)
      assert.deepEqual(got, [1])
      assert.deepEqual(await readyAt(location), [null, 2])
    })

    it('gives back what it buffered when it is destroyed, and tells the truth of puts under way', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const told: string[] = []
      queue.on('readable', () => {})
      await until(() => queue.readableLength > 0)
      const put = queue.put(101).then(
        () => told.push('put'),
        () => told.push('refused'),
      )
      for (const item of [102, 103, 104]) queue.write(item, (error) => told.push(error ? 'failed' : 'written'))
      queue.destroy()
      await put
      await closed(queue)
      await until(() => told.length === 4)
      const ready = await readyAt(location)
      const succeeded = told.filter((outcome) => outcome === 'put' || outcome === 'written').length
      assert.deepEqual(ready, numbers(1, 100 + succeeded))
      await assert.rejects(queue.put(105), QueueClosedError)
    })

    it('emits the error that it is destroyed with, once, and has closed', async () => {
      const queue = await open(place.fresh())
      const errors: unknown[] = []
      queue.on('error', (error) => errors.push(error))
      queue.destroy(broken)
      queue.destroy(broken)
      await closed(queue)
      assert.deepEqual(errors, [broken])
      await queue.close()
    })

    it("emits no 'error' when a promise has told the failure", async () => {
      const queue = await AsyncQueue.open<unknown>(place.fresh(), { maxSize: 2, whenFull: 'reject' })
      const errors: unknown[] = []
      queue.on('error', (error) => errors.push(error))
      await assert.rejects(
        queue.put(() => {}),
        CodecError,
      )
      await queue.putMany([1, 2])
      await assert.rejects(queue.put(3), QueueFullError)
      await assert.rejects(queue.get({ signal: AbortSignal.abort() }), { name: 'AbortError' })
      assert.deepEqual(await queue.pop(10), [1, 2])
      await queue.close()
      await turns()
      assert.deepEqual(errors, [])
    })

    it("tells a failed write by its callback and one 'error', and closes", async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<unknown>(location)
      const told: unknown[] = []
      queue.on('error', (error: Error & { code?: string }) => told.push('event', error.code))
      queue.write(1, (error) => told.push('callback', error))
      queue.write(
        () => {},
        (error) => told.push('callback', (error as CodecError).code),
      )
      await closed(queue)
      assert.deepEqual(told, ['callback', null, 'callback', 'ERR_QUEUE_CODEC', 'event', 'ERR_QUEUE_CODEC'])
      assert.deepEqual(await readyAt(location), [1])
      await assert.rejects(queue.pop(), QueueClosedError)
    })

    it('leaves other handles alone when it fails', async () => {
      const location = place.fresh()
      const [queue, other] = [await AsyncQueue.open<unknown>(location), await AsyncQueue.open<unknown>(location)]
      await assert.rejects(pipeline(source([1, () => {}]), queue), CodecError)
      await other.put(2)
      assert.deepEqual(await other.pop(10), [1, 2])
      await other.close()
    })

    it('tells a failed opening to whoever uses it, as a stream or by promises, and never to nobody', async () => {
      const location = place.fresh()
      const first = await AsyncQueue.open(location, { codec: 'json' })
      await first.put(1)
      const mismatch = { code: 'ERR_QUEUE_CODEC_MISMATCH' }
      const failing = (): AsyncQueue<number> => new AsyncQueue<number>(location, { codec: 'v8' })
      await assert.rejects(failing().opened, mismatch)
      await assert.rejects(failing().put(1), mismatch)
      await assert.rejects(pipeline(source([1, 2]), failing()), mismatch)
      await assert.rejects(pipeline(failing(), new Sink()), mismatch)
      await assert.rejects(pipeline(source([1, 2]), failing(), new Sink()), mismatch)
      const read = failing()
      read.on('data', () => {})
      const [error] = await once(read, 'error')
      assert.equal(error.code, mismatch.code)
      const silent = failing()
      silent.destroy()
      await closed(silent)
      await turns()
      await first.close()
    })

    it('ends a pipeline over it that waits, with ERR_STREAM_PREMATURE_CLOSE, when it closes', async () => {
      const location = place.fresh()
      const queue = await filled(location, 30)
      const sink = new Sink({ stallAt: 20 })
      const done = assert.rejects(pipeline(queue, sink), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
      await until(() => sink.stalled)
      await queue.close({ grace: 0 })
      await done
      assert.deepEqual(await readyAt(location), numbers(20, 30))
    })

    it('unpipes, and tells finished() of its end', async () => {
      const queue = await filled(place.fresh(), 20)
      const through = new PassThrough({ objectMode: true })
      const sink = new Sink()
      const told = Promise.all([new Promise((resolve) => finished(queue, resolve)), once(sink, 'finish')])
      queue.pipe(through).pipe(sink)
      queue.end()
      const [failure] = await told
      assert.equal(failure, undefined)
      assert.deepEqual(sink.items, numbers(1, 20))
    })

    it('becomes a pair of web streams', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const { readable, writable } = Duplex.toWeb(queue)
      const writer = writable.getWriter()
      for (const item of numbers(1, 30)) await writer.write(item)
      const ended = writer.close()
      const got: unknown[] = []
      for await (const item of readable) got.push(item)
      await ended
      assert.deepEqual(got, numbers(1, 30))
      await closed(queue)
      assert.deepEqual(await readyAt(location), [])
    })

    it('is composed with other streams', async () => {
      const queue = await filled(place.fresh(), 20)
      queue.end()
      const doubled = queue.compose(async function* (items: AsyncIterable<number>) {
        for await (const item of items) yield item * 2
      })
      const got: unknown[] = []
      for await (const item of doubled) got.push(item)
      assert.deepEqual(
        got,
        numbers(1, 20).map((item) => item * 2),
      )
      await closed(queue)
    })
  })
}
