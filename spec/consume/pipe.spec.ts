import assert from 'node:assert/strict'
import { EventEmitter, errorMonitor, once } from 'node:events'
import { Duplex, Writable } from 'node:stream'
import { describe, it } from 'node:test'
import {
  closed,
  filled,
  nothingHeld,
  nothingUntold,
  numbers,
  places,
  readyAt,
  Sink,
  turns,
  until,
} from './stream-kit.ts'

nothingUntold()

for (const place of places) {
  describe(`queue.pipe() over ${place.name}`, () => {
    it('returns the sink, tells it, and ends it after the end', async () => {
      const location = place.fresh()
      const queue = await filled(location, 50)
      const sink = new Sink()
      const told: unknown[] = []
      sink.on('pipe', (from) => told.push('pipe', from))
      sink.on('unpipe', (from) => told.push('unpipe', from))
      assert.equal(queue.pipe(sink), sink)
      queue.end()
      await once(sink, 'finish')
      await closed(queue)
      assert.deepEqual(sink.items, numbers(1, 50))
      assert.ok(told[1] === queue && told[3] === queue && told.length === 4)
      assert.deepEqual(await readyAt(location), [])
    })

    it('leaves the sink open with end: false', async () => {
      const queue = await filled(place.fresh(), 5)
      const sink = new Sink()
      queue.pipe(sink, { end: false })
      queue.end()
      await closed(queue)
      await turns()
      assert.equal(sink.writableEnded, false)
      assert.deepEqual(sink.items, numbers(1, 5))
      sink.end('one more')
      await once(sink, 'finish')
    })

    it('leaves no listener on a sink that it has left', async () => {
      const queue = await filled(place.fresh(), 30)
      const sink = new Sink()
      const before = listenersOf(sink)
      queue.pipe(sink, { end: false })
      await until(() => sink.items.length === 30)
      queue.unpipe(sink)
      await turns()
      assert.deepEqual(listenersOf(sink), before)
      assert.equal(queue.listenerCount('data'), 0)
      assert.equal(queue.listenerCount('end'), 0)
      await queue.close()
    })

    it('stays open when its sink breaks, and the next sink gets everything that was not written, in order', async () => {
      const queue = await filled(place.fresh(), 300)
      for (const [from, to] of [
        [1, 57],
        [58, 99],
      ] as const) {
        const sink = new Sink({ failAt: to - from + 2 })
        sink.on('error', () => {})
        queue.pipe(sink)
        await closed(sink)
        assert.deepEqual(sink.items, numbers(from, to))
        await nothingHeld(queue)
        assert.deepEqual(await queue.peek(1000), numbers(to + 1, 300))
      }
      assert.equal(queue.destroyed, false)
      const sink = new Sink()
      queue.pipe(sink)
      queue.end()
      await once(sink, 'finish')
      assert.deepEqual(sink.items, numbers(100, 300))
      await closed(queue)
    })

    it('begins with what a broken sink had not written even if the next sink is there at once', async () => {
      const queue = await filled(place.fresh(), 300)
      const first = new Sink({ failAt: 58 })
      const second = new Sink()
      first.on('error', () => queue.pipe(second))
      queue.end()
      queue.pipe(first)
      await once(second, 'finish')
      assert.deepEqual(second.items, numbers(58, 300))
    })

    it('gives back what a sink held that was destroyed', async () => {
      const queue = await filled(place.fresh(), 100)
      const sink = new Sink({ stallAt: 20 })
      queue.pipe(sink)
      await until(() => sink.stalled)
      sink.destroy()
      await closed(sink)
      await nothingHeld(queue)
      assert.deepEqual(await queue.peek(100), numbers(20, 100))
      await queue.close()
    })

    it("leaves a sink's failure to those who listen for it", async () => {
      const queue = await filled(place.fresh(), 10)
      const sink = new Sink({ failAt: 3 })
      const errors: unknown[] = []
      queue.on('error', (error) => errors.push(error))
      sink.on('error', () => {})
      queue.pipe(sink)
      assert.equal(sink.listenerCount('error'), 1)
      await closed(sink)
      await turns()
      assert.deepEqual(errors, [])
      await queue.close()
    })

    it('acknowledges what was handed on before unpipe when the sink calls back for it', async () => {
      const queue = await filled(place.fresh(), 100)
      const sink = new Sink({ stallAt: 5 })
      queue.pipe(sink)
      await until(() => sink.stalled && sink.writableNeedDrain)
      queue.unpipe(sink)
      const held = 4 + sink.writableLength
      sink.release()
      await until(() => sink.items.length === held)
      await until(async () => (await queue.peek(1))[0] === held + 1)
      await nothingHeld(queue)
      assert.deepEqual(await queue.peek(100), numbers(held + 1, 100))
      assert.deepEqual(sink.items, numbers(1, held))
      await queue.close()
    })

    it('pauses and resumes as its user says', async () => {
      const queue = await filled(place.fresh(), 100)
      const sink = new Sink()
      queue.pipe(sink)
      await until(() => sink.items.length >= 5)
      queue.pause()
      assert.equal(queue.readableFlowing, false)
      await turns()
      const { length } = sink.items
      await turns(50)
      assert.equal(sink.items.length, length)
      queue.resume()
      await until(() => sink.items.length === 100)
      assert.deepEqual(sink.items, numbers(1, 100))
      await queue.close()
    })

    it('hands each item to every sink, and acknowledges it when all have called back', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      const [fast, slow] = [new Sink(), new Sink({ stallAt: 30 })]
      queue.pipe(fast)
      queue.pipe(slow)
      await until(() => slow.stalled && fast.items.length > 30)
      await turns(50)
      const { inFlight } = await queue.counts()
      assert.ok(inFlight >= slow.writableLength, `${inFlight} of ${slow.writableLength}`)
      slow.release()
      queue.end()
      await Promise.all([once(fast, 'finish'), once(slow, 'finish')])
      assert.deepEqual(fast.items, numbers(1, 100))
      assert.deepEqual(slow.items, numbers(1, 100))
      await closed(queue)
      assert.deepEqual(await readyAt(location), [])
    })

    it('loses nothing for any sink when one of two breaks', async () => {
      const queue = await filled(place.fresh(), 100)
      const [whole, failing] = [new Sink(), new Sink({ failAt: 30 })]
      failing.on('error', () => {})
      queue.pipe(whole)
      queue.pipe(failing)
      await closed(failing)
      // The last pipe that is left goes on when it is told to.
      queue.resume()
      queue.end()
      await once(whole, 'finish')
      assert.deepEqual(failing.items, numbers(1, 29))
      assert.deepEqual(
        [...new Set(whole.items)].sort((a, b) => Number(a) - Number(b)),
        numbers(1, 100),
      )
      await closed(queue)
    })

    it('works with a sink that does not call back: its item is acknowledged when the next is handed on', async () => {
      const location = place.fresh()
      const queue = await filled(location, 20)
      const sink = new Old()
      queue.pipe(sink as never)
      queue.end()
      await once(sink, 'ended')
      assert.deepEqual(sink.items, numbers(1, 20))
      await closed(queue)
      assert.deepEqual(await readyAt(location), [])
    })

    it('joins a sink that is full without handing it more', async () => {
      const queue = await filled(place.fresh(), 20)
      const sink = new Sink({ stallAt: 1, highWaterMark: 1 })
      sink.write(0)
      queue.pipe(sink)
      await turns()
      assert.equal(sink.writableLength, 1)
      sink.release()
      await until(() => sink.items.length === 21)
      await queue.close()
    })

    it('goes on into a sink that drains while it writes', async () => {
      const queue = await filled(place.fresh(), 500)
      const sink = new Sink({ manner: 'sync', highWaterMark: 1 })
      queue.pipe(sink)
      queue.end()
      await once(sink, 'finish')
      assert.deepEqual(sink.items, numbers(1, 500))
    })

    it('loses nothing when its sink ends by itself', async () => {
      const location = place.fresh()
      const queue = await filled(location, 100)
      let seen = 0
      const sink = new Writable({
        objectMode: true,
        write(_item, _encoding, callback) {
          seen += 1
          if (seen === 30) this.end()
          callback()
        },
      })
      sink.on('error', () => {})
      queue.pipe(sink)
      await closed(sink)
      await queue.close()
      const [first = 0] = await readyAt(location)
      assert.equal(first, seen + 1)
    })

    it('is read behind a composed stream', async () => {
      const queue = await filled(place.fresh(), 30)
      queue.end()
      const doubled = Duplex.from(async function* (items: AsyncIterable<number>) {
        for await (const item of items) yield item * 2
      })
      const got: number[] = []
      for await (const item of queue.pipe(doubled)) got.push(item)
      assert.deepEqual(
        got,
        numbers(1, 30).map((item) => item * 2),
      )
      await closed(queue)
    })
  })
}

/** A writable stream as it was before Node had Writable. */
class Old extends EventEmitter {
  readonly writable = true
  readonly items: unknown[] = []

  write(item: unknown): boolean {
    this.items.push(item)
    if (this.items.length % 3 !== 0) return true
    setImmediate(() => this.emit('drain'))
    return false
  }

  end(): void {
    this.emit('ended')
  }
}

function listenersOf(sink: Writable): Record<string, number> {
  const names = ['drain', 'error', errorMonitor, 'close', 'finish', 'unpipe', 'pipe'] as const
  return Object.fromEntries(names.map((name) => [String(name), sink.listenerCount(name)]))
}
