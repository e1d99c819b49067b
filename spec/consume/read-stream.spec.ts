import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { CodecError } from '../../lib/errors.ts'
import { AsyncQueue } from '../../lib/queue.ts'
import {
  broken,
  closed,
  filled,
  manners,
  nothingHeld,
  nothingUntold,
  numbers,
  open,
  places,
  readyAt,
  Sink,
  turns,
  until,
} from './stream-kit.ts'

nothingUntold()

for (const place of places) {
  describe(`createReadStream() over ${place.name}`, () => {
    for (const manner of manners) {
      it(`ends with wait: false when nothing is ready, and leaves the queue open (${manner})`, async () => {
        const queue = await filled(place.fresh(), 300)
        const sink = new Sink({ manner })
        await pipeline(queue.createReadStream({ wait: false }), sink)
        assert.deepEqual(sink.items, numbers(1, 300))
        assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
        await queue.put(301)
        assert.equal(await queue.pop(), 301)
        await queue.close()
      })
    }

    it("emits 'end' after the last callback", async () => {
      const queue = await filled(place.fresh(), 20)
      const stream = queue.createReadStream({ wait: false })
      const sink = new Sink({ stallAt: 20, highWaterMark: 100 })
      let ended = false
      stream.on('end', () => {
        ended = true
      })
      stream.pipe(sink)
      await until(() => sink.stalled)
      await turns()
      assert.equal(ended, false)
      sink.release()
      await once(sink, 'finish')
      assert.equal(ended, true)
      assert.deepEqual(sink.items, numbers(1, 20))
      await queue.close()
    })

    it('waits for items by default, and ends when the writing side has ended and nothing is ready', async () => {
      const queue = await open(place.fresh())
      const sink = new Sink()
      const done = pipeline(queue.createReadStream(), sink)
      await queue.put(1)
      await until(() => sink.items.length === 1)
      await queue.put(2)
      queue.end()
      await done
      assert.deepEqual(sink.items, [1, 2])
      assert.equal(queue.destroyed, false)
      await queue.close()
    })

    it('gives back what a broken sink had not written, and the next stream goes on with it', async () => {
      const queue = await filled(place.fresh(), 200)
      await assert.rejects(pipeline(queue.createReadStream(), new Sink({ failAt: 58 })), broken)
      const sink = new Sink()
      await pipeline(queue.createReadStream({ wait: false }), sink)
      assert.deepEqual(sink.items, numbers(58, 200))
      await queue.close()
    })

    it('shares the queue with other streams: each item goes to one of them', async () => {
      const queue = await filled(place.fresh(), 2000)
      const sinks = [new Sink({ manner: 'turn' }), new Sink({ manner: 'turn' }), new Sink({ manner: 'writev' })]
      await Promise.all(sinks.map((sink) => pipeline(queue.createReadStream({ wait: false }), sink)))
      for (const { items } of sinks) assert.ok(items.length > 0)
      assert.deepEqual(sinks.flatMap(({ items }) => items).sort(ascending), numbers(1, 2000))
      await queue.close()
    })

    it("acknowledges what 'data' listeners got when the next one is asked for", async () => {
      const location = place.fresh()
      const queue = await filled(location, 50)
      const stream = queue.createReadStream()
      const got: number[] = []
      stream.on('data', (item: number) => {
        got.push(item)
        if (item === 30) stream.pause()
      })
      await until(() => got.length === 30)
      await turns()
      assert.deepEqual(got, numbers(1, 30))
      stream.destroy()
      await closed(stream)
      assert.deepEqual(await queue.peek(100), numbers(30, 50))
      await queue.close()
    })

    it("acknowledges the last item when 'data' listeners have got it", async () => {
      const queue = await filled(place.fresh(), 5)
      const stream = queue.createReadStream()
      const got: number[] = []
      stream.on('data', (item: number) => got.push(item))
      await until(async () => got.length === 5 && (await queue.counts()).inFlight === 0)
      stream.destroy()
      await closed(stream)
      assert.equal(await queue.size(), 0)
      await queue.close()
    })

    it('keeps the item of a paused listener in flight until it resumes', async () => {
      const queue = await filled(place.fresh(), 3)
      const stream = queue.createReadStream({ wait: false })
      const inFlight: number[] = []
      stream.on('data', async () => {
        stream.pause()
        await turns()
        inFlight.push((await queue.counts()).inFlight)
        stream.resume()
      })
      await once(stream, 'end')
      assert.equal(inFlight.length, 3)
      assert.ok(inFlight.every((count) => count >= 1))
      await closed(stream)
      assert.equal((await queue.counts()).inFlight, 0)
      await queue.close()
    })

    it('is read by hand: read() acknowledges what it returned before', async () => {
      const queue = await filled(place.fresh(), 40)
      const stream = queue.createReadStream()
      for (const item of numbers(1, 25)) assert.equal(await next(stream), item)
      stream.destroy()
      await closed(stream)
      assert.deepEqual(await queue.peek(100), numbers(25, 40))
      await queue.close()
    })

    it("is read by 'readable' listeners to its end", async () => {
      const queue = await filled(place.fresh(), 100)
      const stream = queue.createReadStream({ wait: false })
      const got: number[] = []
      stream.on('readable', () => {
        for (let item = stream.read(); item !== null; item = stream.read()) got.push(item)
      })
      await once(stream, 'end')
      assert.deepEqual(got, numbers(1, 100))
      await closed(stream)
      assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
      await queue.close()
    })

    for (const leaving of ['break', 'throw'] as const) {
      it(`gives the current item back when a loop over it leaves by ${leaving}`, async () => {
        const queue = await filled(place.fresh(), 100)
        const stream = queue.createReadStream()
        const failure = new Error('the body broke')
        const loop = async (): Promise<void> => {
          for await (const item of stream) {
            if (item < 20) continue
            if (leaving === 'break') break
            throw failure
          }
        }
        if (leaving === 'break') await loop()
        else await assert.rejects(loop(), failure)
        await closed(stream)
        assert.deepEqual(await queue.peek(100), numbers(20, 100))
        assert.equal(await queue.put(101), 101)
        await queue.close()
      })
    }

    it('buffers no more than highWaterMark items for a reader that reads nothing', async () => {
      const queue = await filled(place.fresh(), 500, { highWaterMark: 4 })
      const stream = queue.createReadStream()
      stream.on('readable', () => {})
      await until(() => stream.readableLength === 4)
      await until(async () => (await queue.counts()).inFlight === 4, 'what was taken ahead being given back')
      stream.destroy()
      await closed(stream)
      assert.deepEqual(await queue.peek(500), numbers(1, 500))
      await queue.close()
    })

    it('takes an item back that was unshifted, and acknowledges it once', async () => {
      const queue = await filled(place.fresh(), 10)
      const stream = queue.createReadStream({ wait: false })
      assert.equal(await next(stream), 1)
      stream.unshift(1)
      stream.unshift(0)
      assert.deepEqual([await next(stream), await next(stream), await next(stream)], [0, 1, 2])
      stream.destroy()
      await closed(stream)
      assert.deepEqual(await queue.peek(100), numbers(2, 10))
      await queue.close()
    })

    it('fails with CodecError at a null item in its turn, and gives it back', async () => {
      for (const read of [byData, byHand, byLoop, bySink]) {
        const queue = await AsyncQueue.open<number | null>(place.fresh())
        await queue.putMany([1, 2, null, 3])
        const stream = queue.createReadStream({ wait: false })
        const got: unknown[] = []
        await assert.rejects(read(stream, got), CodecError, read.name)
        await closed(stream)
        assert.deepEqual(got, [1, 2], read.name)
        assert.deepEqual(await queue.peek(10), [null, 3], read.name)
        assert.equal(await queue.pop(), null)
        await queue.close()
      }
    })

    it('carries undefined in every way of reading', async () => {
      for (const read of [byData, byHand, byLoop, bySink]) {
        const queue = await AsyncQueue.open<number | undefined>(place.fresh())
        await queue.putMany([undefined, 1, undefined])
        const got: unknown[] = []
        await read(queue.createReadStream({ wait: false }), got)
        assert.deepEqual(got, [undefined, 1, undefined], read.name)
        assert.equal((await queue.counts()).inFlight, 0)
        await queue.close()
      }
    })

    it('stops when its signal aborts, tells why, and gives back', async () => {
      const queue = await filled(place.fresh(), 100)
      const stop = new AbortController()
      const sink = new Sink({ stallAt: 20 })
      const done = pipeline(queue.createReadStream({ signal: stop.signal }), sink)
      const failed = assert.rejects(done, { name: 'AbortError', cause: 'enough' })
      await until(() => sink.stalled)
      stop.abort('enough')
      await failed
      await nothingHeld(queue)
      assert.deepEqual(await queue.peek(100), numbers(20, 100))
      await queue.close()
    })

    it('never begins when its signal has aborted', async () => {
      const queue = await filled(place.fresh(), 3)
      const stream = queue.createReadStream({ signal: AbortSignal.abort() })
      await assert.rejects(pipeline(stream, new Sink()), { name: 'AbortError' })
      assert.deepEqual(await queue.counts(), { ready: 3, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
      await queue.close()
    })

    it('gives back everything when it is destroyed before, while and after it opens its session', async () => {
      const queue = await filled(place.fresh(), 100)
      for (let ticks = 0; ticks < 40; ticks += 1) {
        const stream = queue.createReadStream()
        stream.on('readable', () => {})
        for (let i = 0; i < ticks; i += 1) await null
        if (ticks % 4 === 3) await turns(ticks >> 2)
        stream.destroy()
        await closed(stream)
        await nothingHeld(queue)
      }
      assert.deepEqual(await queue.peek(100), numbers(1, 100))
      await queue.close()
    })

    it('ends when the queue closes, and gives back what a reader had in hand', async () => {
      const location = place.fresh()
      const queue = await filled(location, 30)
      const got: number[] = []
      const loop = (async () => {
        for await (const item of queue.createReadStream()) {
          got.push(item)
          if (item === 10) await queue.close({ grace: 0 })
        }
      })()
      await loop
      assert.deepEqual(got, numbers(1, 10))
      assert.deepEqual(await readyAt(location), numbers(10, 30))
    })

    it('ends when the queue closes while it waits', async () => {
      const queue = await open(place.fresh())
      const done = pipeline(queue.createReadStream(), new Sink())
      await turns()
      await queue.close()
      await done
    })

    it('is destroyed with its pipeline when the queue closes and a sink still holds items', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const sink = new Sink({ stallAt: 20 })
      const done = assert.rejects(pipeline(queue.createReadStream(), sink), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
      await until(() => sink.stalled)
      await queue.close({ grace: 0 })
      await done
      assert.ok(sink.destroyed)
      assert.deepEqual(sink.items, numbers(1, 19))
      assert.deepEqual(await readyAt(location), numbers(20, 100))
    })

    it('tells a failed opening where it is used, and nowhere else', async () => {
      const location = place.fresh()
      const first = await AsyncQueue.open(location, { codec: 'json' })
      const queue = new AsyncQueue(location, { codec: 'v8' })
      await assert.rejects(pipeline(queue.createReadStream(), new Sink()), { code: 'ERR_QUEUE_CODEC_MISMATCH' })
      await assert.rejects(queue.close(), { code: 'ERR_QUEUE_CODEC_MISMATCH' })
      await first.close()
    })

    it('refuses wrong options at once', async () => {
      const queue = await open(place.fresh())
      assert.throws(() => queue.createReadStream({ wait: 1 as never }), TypeError)
      assert.throws(() => queue.createReadStream({ signal: {} as never }), TypeError)
      assert.throws(() => queue.createReadStream({ delay: 1 } as never), TypeError)
      await queue.close()
    })

    it('fails on a queue that is closed', async () => {
      const queue = await open(place.fresh())
      await queue.close()
      await assert.rejects(pipeline(queue.createReadStream(), new Sink()), { code: 'ERR_QUEUE_CLOSED' })
    })

    it('works with the iterator helpers of streams, which leave the queue open', async () => {
      const queue = await filled(place.fresh(), 60)
      const read = (): Readable => queue.createReadStream({ wait: false })
      assert.deepEqual(await read().take(5).toArray(), numbers(1, 5))
      // Whoever took the fifth never asked for a sixth.
      await nothingHeld(queue)
      assert.deepEqual(await queue.peek(1), [5])
      const odd = await read()
        .filter((item: number) => item % 2 === 1)
        .map((item: number) => item * 10, { concurrency: 3 })
        .take(4)
        .toArray()
      assert.deepEqual(odd, [50, 70, 90, 110])
      // Concurrency reads ahead of the one that was taken last.
      await nothingHeld(queue)
      const [next = 0] = await queue.peek(1)
      assert.ok(next >= 11 && next <= 20, `next is ${next}`)
      let seen = 0
      await read().forEach(
        async () => {
          await turns(1)
          seen += 1
        },
        { concurrency: 8 },
      )
      assert.equal(seen, 60 - next + 1)
      await nothingHeld(queue)
      assert.equal(await queue.size(), 0)
      await queue.close()
    })

    it('turns into a web stream', async () => {
      const queue = await filled(place.fresh(), 50)
      const got: number[] = []
      for await (const item of Readable.toWeb(queue.createReadStream({ wait: false }))) got.push(item)
      assert.deepEqual(got, numbers(1, 50))
      await nothingHeld(queue)
      assert.equal(await queue.size(), 0)
      await queue.close()
    })
  })
}

async function byData(stream: Readable, got: unknown[]): Promise<void> {
  stream.on('data', (item) => got.push(item))
  await once(stream, 'end')
}

async function byHand(stream: Readable, got: unknown[]): Promise<void> {
  stream.on('readable', () => {
    for (let item = stream.read(); item !== null; item = stream.read()) got.push(item)
  })
  await once(stream, 'end')
}

async function byLoop(stream: Readable, got: unknown[]): Promise<void> {
  for await (const item of stream) got.push(item)
}

async function bySink(stream: Readable, got: unknown[]): Promise<void> {
  const sink = new Writable({
    objectMode: true,
    write(item, _encoding, callback) {
      got.push(item)
      setImmediate(callback)
    },
  })
  await pipeline(stream, sink)
}

/** The next item, read by hand. */
async function next(stream: Readable): Promise<unknown> {
  for (;;) {
    const item = stream.read()
    if (item !== null) return item
    await once(stream, 'readable')
  }
}

function ascending(left: unknown, right: unknown): number {
  return Number(left) - Number(right)
}
