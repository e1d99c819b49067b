import assert from 'node:assert/strict'
import { PassThrough, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { CodecError, QueueClosedError } from '../../lib/errors.ts'
import { AsyncQueue } from '../../lib/queue.ts'
import {
  broken,
  closed,
  filled,
  manners,
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
  describe(`pipeline(source, queue) over ${place.name}`, () => {
    it('resolves when every item is durable, in order', async () => {
      const location = place.fresh()
      const queue = await open(location)
      await pipeline(source(numbers(1, 1000)), queue)
      assert.deepEqual(await readyAt(location), numbers(1, 1000))
      await queue.close()
    })

    it('takes any iterable for a source', async () => {
      const location = place.fresh()
      const queue = await open(location)
      await pipeline(numbers(1, 100), queue)
      assert.equal(await queue.size(), 100)
      await queue.close()
    })

    it('ends the writing side only: puts are refused, taking goes on, and loops and gets end', async () => {
      const queue = await open(place.fresh())
      await pipeline(source(numbers(1, 5)), queue)
      await assert.rejects(queue.put(6), QueueClosedError)
      await assert.rejects(queue.putMany([6]), QueueClosedError)
      assert.equal(await queue.pop(), 1)
      assert.equal(await queue.get(), 2)
      const got: number[] = []
      for await (const item of queue) got.push(item)
      assert.deepEqual(got, [3, 4, 5])
      await assert.rejects(queue.get(), QueueClosedError)
      await queue.close()
    })

    it('rejects as its source fails, keeps what was written before, and closes the handle', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const failure = new Error('the source broke')
      await assert.rejects(pipeline(source(numbers(1, 100), failure), queue), failure)
      await closed(queue)
      const ready = await readyAt(location)
      assert.deepEqual(ready, numbers(1, ready.length))
      await assert.rejects(queue.put(1), QueueClosedError)
    })

    it('rejects with CodecError at an item that cannot be encoded, and has put all those before it', async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<unknown>(location)
      const items = [...numbers(1, 40), () => {}, ...numbers(41, 60)]
      await assert.rejects(pipeline(source(items), queue), CodecError)
      await closed(queue)
      assert.deepEqual(await readyAt(location), numbers(1, 40))
    })

    it('stops when its signal aborts', async () => {
      const queue = await open(place.fresh())
      const stop = new AbortController()
      const endless = async function* () {
        for (let i = 0; ; i += 1) {
          if (i === 50) stop.abort()
          yield i
        }
      }
      await assert.rejects(pipeline(endless, queue, { signal: stop.signal }), { name: 'AbortError' })
      await closed(queue)
    })
  })

  describe(`pipeline(queue, sink) over ${place.name}`, () => {
    for (const manner of manners) {
      it(`writes everything and ends once end() was called (${manner})`, async () => {
        const location = place.fresh()
        const queue = await filled(location, 1000)
        const sink = new Sink({ manner })
        queue.end()
        await pipeline(queue, sink)
        assert.deepEqual(sink.items, numbers(1, 1000))
        await closed(queue)
        assert.deepEqual(await readyAt(location), [])
      })

      for (const failAt of [1, 17, 58, 1000]) {
        it(`acknowledges exactly what was written when the sink fails at item ${failAt} (${manner})`, async () => {
          const location = place.fresh()
          const queue = await filled(location, 1200)
          const sink = new Sink({ manner, failAt })
          await assert.rejects(pipeline(queue, sink), broken)
          await closed(queue)
          const written = sink.items.length
          assert.ok(manner === 'writev' ? written < failAt : written === failAt - 1)
          assert.deepEqual(sink.items, numbers(1, written))
          assert.deepEqual(await readyAt(location), numbers(written + 1, 1200))
        })
      }
    }

    it('follows the queue: it waits for what is put later', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const sink = new Sink()
      const done = pipeline(queue, sink)
      for (const item of numbers(1, 30)) {
        await queue.put(item)
        await until(() => sink.items.length === item, `item ${item}`)
      }
      queue.end()
      await done
      assert.deepEqual(sink.items, numbers(1, 30))
      await closed(queue)
    })

    it('goes through a transform', async () => {
      const location = place.fresh()
      const queue = await filled(location, 200)
      const doubled = new Transform({
        objectMode: true,
        transform: (item: number, _encoding, callback) => callback(null, item * 2),
      })
      const sink = new Sink()
      queue.end()
      await pipeline(queue, doubled, sink)
      assert.deepEqual(
        sink.items,
        numbers(1, 200).map((item) => item * 2),
      )
      await closed(queue)
      assert.deepEqual(await readyAt(location), [])
    })

    it('loses nothing when a sink behind a transform fails', async () => {
      const location = place.fresh()
      const queue = await filled(location, 300)
      const sink = new Sink({ failAt: 58, highWaterMark: 1 })
      const through = new PassThrough({ objectMode: true, highWaterMark: 1 })
      await assert.rejects(pipeline(queue, through, sink), broken)
      await closed(queue)
      const ready = await readyAt(location)
      // The transform had called back for what it and the sink's buffer held.
      const [first = 0] = ready
      assert.ok(first >= 58 && first <= 58 + 4, `first is ${first}`)
      assert.deepEqual(ready, numbers(first, 300))
    })

    it('gives back what a sink holds that is destroyed', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const sink = new Sink({ stallAt: 20 })
      const done = assert.rejects(pipeline(queue, sink), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
      await until(() => sink.stalled)
      sink.destroy()
      await done
      await closed(queue)
      assert.deepEqual(sink.items, numbers(1, 19))
      assert.deepEqual(await readyAt(location), numbers(20, 100))
    })

    it('holds no more than the sink buffers and what is taken ahead, however slow the sink', async () => {
      const location = place.fresh()
      const queue = await filled(location, 2000)
      const sink = new Sink({ stallAt: 700 })
      queue.end()
      const done = pipeline(queue, sink)
      await until(() => sink.stalled)
      await until(async () => (await queue.counts()).inFlight === sink.writableLength, 'only the sink holding items')
      assert.ok(sink.writableLength <= 16)
      assert.equal(queue.readableLength, 0)
      assert.equal(await queue.size(), 2000 - 699 - sink.writableLength)
      sink.release()
      await done
      assert.deepEqual(sink.items, numbers(1, 2000))
    })

    it('rejects as a byte stream refuses an object, and loses nothing', async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<unknown>(location)
      await queue.putMany([{ a: 1 }, { b: 2 }])
      const bytes = new PassThrough()
      await assert.rejects(pipeline(queue, bytes), { code: 'ERR_INVALID_ARG_TYPE' })
      await closed(queue)
      assert.deepEqual(await readyAt(location), [{ a: 1 }, { b: 2 }])
    })

    it('writes lines of a byte stream through callbacks', async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<string>(location)
      await queue.putMany(['one\n', 'two\n', 'three\n'])
      queue.end()
      const bytes = new PassThrough()
      const chunks: string[] = []
      bytes.on('data', (chunk) => chunks.push(String(chunk)))
      await pipeline(queue, bytes)
      assert.equal(chunks.join(''), 'one\ntwo\nthree\n')
      await closed(queue)
      assert.deepEqual(await readyAt(location), [])
    })

    it('fails with CodecError at a null item, after what was before it, and gives it back', async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<number | null>(location)
      await queue.putMany([1, 2, null, 3])
      const sink = new Sink({ manner: 'turn' })
      await assert.rejects(pipeline(queue, sink), CodecError)
      await closed(queue)
      assert.deepEqual(sink.items, [1, 2])
      assert.deepEqual(await readyAt(location), [null, 3])
    })

    it('carries undefined like any other item', async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<number | undefined>(location)
      await queue.putMany([undefined, 1, undefined])
      const sink = new Sink()
      queue.end()
      await pipeline(queue, sink)
      assert.deepEqual(sink.items, [undefined, 1, undefined])
      await closed(queue)
      assert.deepEqual(await readyAt(location), [])
    })

    it('stops when its signal aborts, and what was not written is ready again', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const stop = new AbortController()
      const sink = new Sink({ stallAt: 20 })
      const done = assert.rejects(pipeline(queue, sink, { signal: stop.signal }), { name: 'AbortError' })
      await until(() => sink.stalled)
      stop.abort()
      await done
      await closed(queue)
      assert.deepEqual(await readyAt(location), numbers(20, 100))
    })

    it('moves items from one queue into another, acknowledged once they are durable there', async () => {
      const [from, to] = [place.fresh(), place.fresh()]
      const [left, right] = [await filled(from, 500), await open(to)]
      left.end()
      await pipeline(left, right)
      assert.deepEqual(await readyAt(to), numbers(1, 500))
      await closed(left)
      assert.deepEqual(await readyAt(from), [])
      await right.close()
    })
  })

  describe(`pipeline(queue, function) over ${place.name}`, () => {
    it('acknowledges as the function asks for the next, and closes the handle at the end', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const errors: unknown[] = []
      queue.on('error', (error) => errors.push(error))
      queue.end()
      const sum = await pipeline(queue, async (items: AsyncIterable<number>) => {
        let total = 0
        for await (const item of items) total += item
        return total
      })
      assert.equal(sum, 5050)
      await closed(queue)
      assert.deepEqual(errors, [])
      assert.deepEqual(await readyAt(location), [])
    })

    it('gives the current item back when the function returns early, and closes the handle', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const errors: unknown[] = []
      queue.on('error', (error) => errors.push(error))
      await pipeline(queue, async (items: AsyncIterable<number>) => {
        for await (const item of items) if (item === 20) return
      })
      await closed(queue)
      assert.deepEqual(errors, [])
      assert.deepEqual(await readyAt(location), numbers(20, 100))
    })

    it('rejects as the function does, and gives the current item back', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const failure = new Error('the function broke')
      const failing = async (items: AsyncIterable<number>): Promise<void> => {
        for await (const item of items) if (item === 20) throw failure
      }
      await assert.rejects(pipeline(queue, failing), failure)
      await closed(queue)
      assert.deepEqual(await readyAt(location), numbers(20, 100))
    })

    it('goes through a generator into a sink', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const sink = new Sink()
      queue.end()
      await pipeline(
        queue,
        async function* (items: AsyncIterable<number>) {
          for await (const item of items) yield -item
        },
        sink,
      )
      assert.deepEqual(
        sink.items,
        numbers(1, 100).map((item) => -item),
      )
      await closed(queue)
      assert.deepEqual(await readyAt(location), [])
    })
  })

  describe(`pipeline(source, queue, sink) over ${place.name}`, () => {
    for (const manner of manners) {
      it(`is a buffer between two speeds (${manner})`, async () => {
        const location = place.fresh()
        const queue = await open(location)
        const sink = new Sink({ manner })
        await pipeline(source(numbers(1, 500)), queue, sink)
        assert.deepEqual(sink.items, numbers(1, 500))
        await closed(queue)
        assert.deepEqual(await readyAt(location), [])
      })
    }

    it('keeps what was put and not written when the sink fails', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const sink = new Sink({ failAt: 58 })
      await assert.rejects(pipeline(source(numbers(1, 500)), queue, sink), broken)
      await closed(queue)
      const ready = await readyAt(location)
      assert.equal(sink.items.length, 57)
      assert.deepEqual(ready, numbers(58, 57 + ready.length))
    })

    it('keeps what was put and not written when the source fails', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const sink = new Sink({ stallAt: 20 })
      const failure = new Error('the source broke')
      const failing = async function* () {
        yield* numbers(1, 200)
        await until(() => sink.stalled)
        throw failure
      }
      await assert.rejects(pipeline(Readable.from(failing()), queue, sink), failure)
      await closed(queue)
      const ready = await readyAt(location)
      assert.deepEqual(ready, numbers(20, 19 + ready.length))
      assert.ok(ready.length >= 200 - 20 - 16)
    })

    it('lets the source run ahead of a sink that stalls: the queue holds what waits', async () => {
      const queue = await open(place.fresh())
      const sink = new Sink({ stallAt: 20 })
      const done = pipeline(source(numbers(1, 1000)), queue, sink)
      await until(() => sink.stalled && queue.writableFinished)
      await until(async () => (await queue.counts()).inFlight === sink.writableLength)
      assert.equal(await queue.size(), 1000 - 19 - sink.writableLength)
      sink.release()
      await done
      assert.deepEqual(sink.items, numbers(1, 1000))
      await closed(queue)
    })

    it('holds up the source when the queue has a bound and the sink stalls', async () => {
      const queue = await open(place.fresh(), { maxSize: 50 })
      const sink = new Sink({ stallAt: 20 })
      let made = 0
      const counting = async function* () {
        while (made < 1000) yield ++made
      }
      const done = pipeline(Readable.from(counting()), queue, sink)
      // Too full for another batch of the writing side.
      const full = async (): Promise<boolean> => {
        const { ready, inFlight } = await queue.counts()
        return ready + inFlight > 50 - 16
      }
      await until(async () => sink.stalled && queue.writableNeedDrain && (await full()))
      await turns()
      // Called back for, within maxSize, in the writing side's buffer, and made ahead by the source.
      assert.ok(made <= 19 + 50 + 2 * 16 + 1, `made ${made}`)
      sink.release()
      await done
      assert.deepEqual(sink.items, numbers(1, 1000))
      await closed(queue)
    })
  })
}
