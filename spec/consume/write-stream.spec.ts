import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { CodecError, QueueClosedError, QueueFullError } from '../../lib/errors.ts'
import { AsyncQueue } from '../../lib/queue.ts'
import { closed, nothingUntold, numbers, open, places, readyAt, source, turns, until } from './stream-kit.ts'

nothingUntold()

/** What became of each write: the code of its failure, or 'ok'. */
class Told {
  readonly outcomes: string[] = []

  at(index: number): (error?: (Error & { code?: string }) | null) => void {
    return (error) => {
      assert.equal(this.outcomes[index], undefined, 'each callback is called once')
      this.outcomes[index] = error ? (error.code ?? error.message) : 'ok'
    }
  }
}

function writeAll(stream: Writable, items: readonly unknown[]): Told {
  const told = new Told()
  for (const [index, item] of items.entries()) stream.write(item, told.at(index))
  return told
}

for (const place of places) {
  describe(`createWriteStream() over ${place.name}`, () => {
    it("has every item in the queue at 'finish', in order, and leaves the queue open", async () => {
      const location = place.fresh()
      const queue = await open(location)
      await pipeline(source(numbers(1, 1000)), queue.createWriteStream())
      assert.deepEqual(await readyAt(location), numbers(1, 1000))
      assert.equal(await queue.put(1001), 1001)
      await queue.close()
    })

    it('serves many sources at once, each in its order', async () => {
      const queue = await AsyncQueue.open<string>(place.fresh())
      const names = ['a', 'b', 'c', 'd']
      const streams = names.map((name) => {
        const items = numbers(1, 200).map((item) => `${name}${item}`)
        return pipeline(source(items), queue.createWriteStream())
      })
      await Promise.all(streams)
      const items = await queue.pop(1000)
      assert.equal(items.length, 800)
      for (const name of names) {
        const own = items.filter((item) => item.startsWith(name))
        assert.deepEqual(
          own,
          numbers(1, 200).map((item) => `${name}${item}`),
        )
      }
      await queue.close()
    })

    it('calls back for an item when it is in the queue, and not before', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const reader = await open(location)
      const stream = queue.createWriteStream()
      for (const item of numbers(1, 20)) {
        await new Promise((resolve) => stream.write(item, resolve))
        assert.equal(await reader.size(), item)
      }
      await Promise.all([queue.close(), reader.close()])
    })

    it('gathers what is written while it writes, and tells to wait when it buffers highWaterMark items', async () => {
      const queue = await open(place.fresh(), { highWaterMark: 10 })
      const stream = queue.createWriteStream()
      const more = numbers(1, 10).map((item) => stream.write(item))
      assert.deepEqual(more, [...Array(9).fill(true), false])
      await once(stream, 'drain')
      await until(async () => (await queue.size()) === 10)
      await queue.close()
    })

    it('fails at an item that cannot be encoded: those before it are put, and only the others hear of it', async () => {
      const location = place.fresh()
      const queue = await AsyncQueue.open<unknown>(location)
      const stream = queue.createWriteStream()
      const errors: unknown[] = []
      stream.on('error', (error) => errors.push(error))
      const told = writeAll(stream, [1, 2, 3, 4, 5, () => {}, 7, 8])
      await closed(stream)
      await turns()
      const refused = 'ERR_QUEUE_CODEC'
      assert.deepEqual(told.outcomes, ['ok', 'ok', 'ok', 'ok', 'ok', refused, refused, refused])
      assert.equal(errors.length, 1)
      assert.ok(errors[0] instanceof CodecError)
      assert.deepEqual(await queue.peek(10), numbers(1, 5))
      await queue.put('the queue goes on')
      await queue.close()
    })

    it('waits for room where the queue has a bound, with batches that fit', async () => {
      const queue = await open(place.fresh(), { maxSize: 5 })
      const stream = queue.createWriteStream()
      const told = writeAll(stream, numbers(1, 100))
      const got: number[] = []
      while (got.length < 100) {
        got.push(await queue.get())
        assert.ok((await queue.size()) <= 5)
      }
      assert.deepEqual(got, numbers(1, 100))
      await until(() => told.outcomes.length === 100)
      assert.ok(told.outcomes.every((outcome) => outcome === 'ok'))
      await queue.close()
    })

    it('fills the room there is while it waits for more, so that whoever waits for a full queue is served', async () => {
      const queue = await open(place.fresh(), { maxSize: 7 })
      const stream = queue.createWriteStream()
      writeAll(stream, numbers(1, 21))
      for (const first of [1, 8, 15]) assert.deepEqual(await queue.get(7, { min: 7 }), numbers(first, first + 6))
      await queue.close()
    })

    for (const maxSize of [1, 3, 10, 17]) {
      it(`fills a queue of maxSize ${maxSize} to the brim before it is refused, where whenFull is 'reject'`, async () => {
        const queue = await open(place.fresh(), { maxSize, whenFull: 'reject' })
        const stream = queue.createWriteStream()
        const failed = once(stream, 'error')
        const told = writeAll(stream, numbers(1, 30))
        const [error] = await failed
        assert.ok(error instanceof QueueFullError)
        await closed(stream)
        await turns()
        assert.deepEqual(told.outcomes.slice(0, maxSize), Array(maxSize).fill('ok'))
        assert.ok(told.outcomes.slice(maxSize).every((outcome) => outcome === 'ERR_QUEUE_FULL'))
        assert.equal(told.outcomes.length, 30)
        assert.deepEqual(await queue.peek(100), numbers(1, maxSize))
        await queue.close()
      })
    }

    it('tells the truth of a write under way when it is destroyed', async () => {
      const location = place.fresh()
      const queue = await open(location)
      const stream = queue.createWriteStream()
      const told = writeAll(stream, numbers(1, 40))
      stream.destroy()
      await until(() => told.outcomes.filter(Boolean).length === 40)
      await queue.close()
      const put = await readyAt(location)
      assert.deepEqual(put, numbers(1, put.length))
      assert.deepEqual(told.outcomes, [
        ...put.map(() => 'ok'),
        ...numbers(put.length + 1, 40).map(() => 'ERR_STREAM_DESTROYED'),
      ])
    })

    it('refuses null at once, and goes on', async () => {
      const queue = await open(place.fresh())
      const stream = queue.createWriteStream()
      assert.throws(() => stream.write(null), { code: 'ERR_STREAM_NULL_VALUES' })
      const told = writeAll(stream, [1, 2])
      stream.end()
      await once(stream, 'finish')
      await turns()
      assert.deepEqual(told.outcomes, ['ok', 'ok'])
      assert.deepEqual(await queue.peek(10), [1, 2])
      await queue.close()
    })

    it('takes undefined, and an item and a callback with end()', async () => {
      const queue = await AsyncQueue.open<number | undefined>(place.fresh())
      const stream = queue.createWriteStream()
      stream.write(undefined, 'utf8')
      await new Promise<void>((resolve) => stream.end(2, resolve))
      assert.deepEqual(await queue.pop(10), [undefined, 2])
      await queue.close()
    })

    it('fails once the queue has closed', async () => {
      const queue = await open(place.fresh())
      const stream = queue.createWriteStream()
      await new Promise((resolve) => stream.write(1, resolve))
      await queue.close()
      await assert.rejects(pipeline(source([2]), stream), QueueClosedError)
    })

    it('fails once the writing side of its handle has ended', async () => {
      const queue = await open(place.fresh())
      const stream = queue.createWriteStream()
      queue.end()
      await assert.rejects(pipeline(source([2]), stream), QueueClosedError)
      assert.equal(queue.destroyed, false)
      await queue.close()
    })

    it('fails when the queue closes while it waits for room', async () => {
      const location = place.fresh()
      const queue = await open(location, { maxSize: 3 })
      const stream = queue.createWriteStream()
      const failed = once(stream, 'error')
      const told = writeAll(stream, numbers(1, 10))
      await until(async () => (await queue.size()) === 3)
      await queue.close()
      const [error] = await failed
      assert.ok(error instanceof QueueClosedError)
      await turns()
      assert.deepEqual(told.outcomes, [...Array(3).fill('ok'), ...Array(7).fill('ERR_QUEUE_CLOSED')])
      assert.deepEqual(await readyAt(location), [1, 2, 3])
    })

    it('puts what was written before the queue was open', async () => {
      const location = place.fresh()
      const queue = new AsyncQueue<number>(location)
      await pipeline(source(numbers(1, 100)), queue.createWriteStream())
      assert.equal(await queue.size(), 100)
      await queue.close()
    })
  })
}
