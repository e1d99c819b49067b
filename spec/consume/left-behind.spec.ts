// What is left behind when something that waited, read, wrote or handled is over: no listener of a signal or a sink, no
// timer, no mark, no place in a line, nothing that the queue would have to look at for ever.
// A process of its own: it counts its timers.

import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { type Readable, Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { callHandler } from '../../lib/consume/attempt.ts'
import { Batches } from '../../lib/consume/batches.ts'
import { Consuming } from '../../lib/consume/consuming.ts'
import { Deliveries } from '../../lib/consume/deliveries.ts'
import type { Delivery } from '../../lib/consume/delivery.ts'
import { Items } from '../../lib/consume/items.ts'
import { join } from '../../lib/consume/join.ts'
import { Putting } from '../../lib/consume/putting.ts'
import { ReadStream } from '../../lib/consume/read-stream.ts'
import { Session } from '../../lib/consume/session.ts'
import { Taking } from '../../lib/consume/taking.ts'
import { webStream } from '../../lib/consume/web-stream.ts'
import { WriteStream } from '../../lib/consume/write-stream.ts'
import { AsyncQueue, QueueClosedError } from '../../lib/index.ts'
import { fate, turns } from '../queue/place.ts'
import { Script } from './scripted-store.ts'

/** Far more than a test takes. */
const LONG_MS = 5000

interface Way {
  readonly script: Script
  readonly stop: AbortController
}

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

/** What of it all there is now. */
function there({ script, stop }: Way): object {
  const { core, clock } = script
  const slot = core.slots.take()
  core.slots.release(slot)
  return {
    consumers: core.consumers.size,
    partings: core.partings.size,
    unwritten: core.unwritten.size,
    waiting: [core.gets, core.loops, core.puts, core.joins].map(({ length }) => length),
    isHeld: core.held,
    slot,
    listeners: getEventListeners(stop.signal, 'abort').length,
    timers: timers() + clock.pending,
  }
}

const aborted = { name: 'AbortError' }

const consume = ({ script, stop }: Way, handler: (items: unknown[]) => unknown, options: object) => {
  const all = { signal: stop.signal, timeout: LONG_MS, ...options }
  return new Consuming(script.core, { handler, options: all, holder: {} }).run()
}
const session = ({ script, stop }: Way) => Promise.resolve(new Session(script.core, { signal: stop.signal }))
const failing = () => {
  throw new Error('no')
}
const retry = { minDelay: LONG_MS, maxDelay: LONG_MS }

const ways: Readonly<Record<string, (way: Way) => Promise<unknown>>> = {
  'a consume that is done': (way) => consume(way, () => {}, { wait: false }),
  'a consume whose signal aborts while it waits': async (way) => {
    const consumed = consume(way, () => {}, {})
    await turns()
    way.stop.abort()
    await consumed
  },
  'a consume whose signal aborts while a batch waits for its retry': async (way) => {
    const consumed = consume(way, failing, { batch: 3, retry })
    await turns()
    way.stop.abort()
    await turns()
    assert.deepEqual(await way.script.store.counts(), { ready: 3, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    await consumed
  },
  'a consume whose handler fails at its last attempt': (way) =>
    consume(way, failing, { wait: false, retry: { attempts: 1 } }),
  'a loop that is left': async (way) => {
    const loop: AsyncIterable<unknown> = new Items(() => session(way))
    for await (const _ of loop) break
  },
  'a loop whose signal aborts while it waits': async (way) => {
    const loop = new Items(() => session(way))
    for (let i = 0; i < 3; i += 1) await loop.next()
    const next = loop.next()
    await turns()
    way.stop.abort()
    await assert.rejects(next, aborted)
  },
  'a loop over batches that is left': async (way) => {
    const shape = { size: 2, maxWaitMs: 0, clock: way.script.clock }
    const loop: AsyncIterable<unknown> = new Batches(() => session(way), shape)
    for await (const _ of loop) break
  },
  'a loop over deliveries that is left': async (way) => {
    const loop: AsyncIterable<Delivery<unknown>> = new Deliveries(() => session(way))
    for await (const delivery of loop) {
      if (delivery.id === 2) break
      await delivery.ack()
    }
  },
  'a get whose signal aborts': async (way) => {
    const { core } = way.script
    await new Taking(core).pop(3)
    const got = [1, 2].map((n) => new Taking(core).get(n, { signal: way.stop.signal, timeout: LONG_MS }))
    await turns()
    way.stop.abort()
    for (const one of await Promise.allSettled(got)) assert.equal(one.status, 'rejected')
  },
  'a get that is served': async (way) => {
    const { script, stop } = way
    await new Taking(script.core).pop(3)
    const got = new Taking(script.core).get(1, { signal: stop.signal, timeout: LONG_MS })
    await turns()
    await script.put(1)
    assert.deepEqual(await got, [4])
  },
  'a join whose signal aborts': async ({ script, stop }) => {
    const joined = join(script.core, { signal: stop.signal })
    await turns()
    stop.abort()
    await assert.rejects(joined, aborted)
  },
  'a put for which there is no room, and whose signal aborts': async ({ script, stop }) => {
    const put = new Putting(script.core).one('x', { signal: stop.signal, timeout: LONG_MS })
    await turns()
    stop.abort()
    await assert.rejects(put, aborted)
  },
  'a read stream that is destroyed': async (way) => {
    const stream = new ReadStream(async () => way.script.core, { highWaterMark: 2 })
    await once(
      stream.on('data', () => stream.pause()),
      'data',
    )
    stream.destroy()
    await once(stream, 'close')
  },
  'a read stream whose signal aborts': async (way) => {
    const stream = new ReadStream(async () => way.script.core, { highWaterMark: 2, signal: way.stop.signal })
    const failed = once(stream, 'error')
    stream.resume()
    await turns()
    way.stop.abort()
    await failed
    await turns()
  },
  'a read stream that has come to its end': async (way) => {
    const stream = new ReadStream(async () => way.script.core, { highWaterMark: 2, wait: false })
    await once(stream.resume(), 'close')
  },
  'a web stream that is cancelled': async ({ script, stop }) => {
    const stream = webStream(async () => script.core, { signal: stop.signal })
    const reader = stream.getReader()
    await reader.read()
    await reader.cancel()
  },
  'a web stream that has come to its end': async ({ script, stop }) => {
    for await (const _ of webStream(async () => script.core, { signal: stop.signal, wait: false }));
  },
  'a web stream whose signal aborts': async ({ script, stop }) => {
    const reader = webStream(async () => script.core, { signal: stop.signal }).getReader()
    await reader.read()
    stop.abort()
    await assert.rejects(reader.read(), aborted)
    await turns()
  },
  'a write stream that has ended': async ({ script }) => {
    const unbounded = await Script.with(0)
    const putting = new Putting(unbounded.core)
    const ports = { put: async () => {}, intake: (last: ReturnType<typeof putting.intake>) => last ?? putting.intake() }
    const stream = new WriteStream(ports, 16)
    stream.write('a')
    stream.end('b')
    await once(stream, 'finish')
    assert.equal(unbounded.core.unwritten.size, 0)
    assert.equal(unbounded.core.held, script.core.held)
  },
}

describe('the queue keeps nothing', () => {
  for (const [name, over] of Object.entries(ways)) {
    it(`of ${name}`, async () => {
      const way = { script: await Script.with(3, { maxAttempts: 5, maxSize: 3 }), stop: new AbortController() }
      const before = there(way)
      await over(way)
      await turns()
      // What is written behind a millisecond.
      way.script.clock.pass(1)
      await turns()
      assert.deepEqual(there(way), before)
      assert.equal((await way.script.store.counts()).inFlight, 0)
    })
  }
})

describe('the queue, when something is over,', () => {
  it('does not listen any more for what would end a handler', async () => {
    const [overdue, cutOff] = [new AbortController().signal, new AbortController().signal]
    const call = { items: [1], ids: [1], attempt: 1, timeout: LONG_MS, overdue, cutOff }
    assert.equal(await callHandler({ handler: () => {}, ...call }), 'done')
    assert.notEqual(await callHandler({ handler: failing, ...call }), 'done')
    assert.deepEqual(
      [overdue, cutOff].map((signal) => getEventListeners(signal, 'abort').length),
      [0, 0],
    )
  })

  it('lets no next of a loop wait that is left', async () => {
    const { core } = await Script.with(0)
    const session = new Session(core)
    const loop = new Items(async () => session)
    const next = loop.next()
    await turns()
    const left = loop.return()
    assert.deepEqual([await fate(next), await fate(left)], ['resolved', 'resolved'])
    await core.close()
  })

  it('refuses what was written and waits for room, and the puts behind it, when it closes', async () => {
    const queue = new AsyncQueue<number>('memory:', { maxSize: 1 })
    queue.on('error', () => {})
    await queue.put(1)
    const written = new Promise<unknown>((resolve) => queue.write(2, resolve))
    const put = queue.put(3)
    await turns()
    const closed = queue.close()
    assert.deepEqual([await fate(written), await fate(put), await fate(closed)], ['resolved', 'rejected', 'resolved'])
    assert.ok((await written) instanceof QueueClosedError)
  })
})

/** How many listeners a sink has, by their event. */
function listenersOf(sink: Writable): object {
  return Object.fromEntries(sink.eventNames().map((name) => [String(name), sink.listenerCount(name)]))
}

type Callback = (error?: Error | null) => void

/** A sink that calls back when it is told to. */
function sinkOf(): { readonly sink: Writable; readonly callbacks: Callback[] } {
  const callbacks: Callback[] = []
  const sink = new Writable({
    objectMode: true,
    highWaterMark: 1,
    write: (_, __, callback) => callbacks.push(callback),
  })
  return { sink, callbacks }
}

const partings: Readonly<Record<string, (stream: Readable, sink: Writable, callbacks: Callback[]) => unknown>> = {
  'is unpiped': (stream, sink, callbacks) => {
    callbacks.shift()?.()
    stream.unpipe(sink)
  },
  'is unpiped while it writes': (stream, sink, callbacks) => {
    stream.unpipe(sink)
    callbacks.shift()?.()
  },
  'has broken': (_, sink, callbacks) => {
    sink.on('error', () => {})
    callbacks.shift()?.(new Error('no'))
  },
  'was destroyed': (_, sink) => sink.destroy(),
  'was read by a stream that is destroyed': (stream, _, callbacks) => {
    stream.destroy()
    callbacks.shift()?.()
  },
}

describe('the queue leaves no listener', () => {
  for (const [name, part] of Object.entries(partings)) {
    it(`on a sink that ${name}`, async () => {
      const { core } = await Script.with(3)
      const stream = new ReadStream(async () => core, { highWaterMark: 1 })
      const { sink, callbacks } = sinkOf()
      const before = listenersOf(sink)
      stream.pipe(sink)
      await turns()
      assert.notDeepEqual(listenersOf(sink), before)
      part(stream, sink, callbacks)
      await turns()
      sink.removeAllListeners('error')
      assert.deepEqual(listenersOf(sink), before)
      stream.destroy()
    })
  }
})
