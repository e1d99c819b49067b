// renewing.spec.ts: what a session holds and nobody works on yet keeps its lease, by a clock that the spec moves.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { json } from '../../lib/codec/json.ts'
import { Batches } from '../../lib/consume/batches.ts'
import { Consuming } from '../../lib/consume/consuming.ts'
import { Core } from '../../lib/consume/core.ts'
import { ReadStream } from '../../lib/consume/read-stream.ts'
import { Session } from '../../lib/consume/session.ts'
import { MemoryStore } from '../../lib/memory/memory-store.ts'
import { defaults } from '../../lib/options.ts'
import type { Store } from '../../lib/store.ts'
import { fate, turns } from '../queue/place.ts'
import { ManualClock } from '../wait/manual-clock.ts'
import { plainOptions } from './scripted-store.ts'

const LEASE = 300

/** A queue of 1 to `count` whose leases end, and time that goes by when the spec says so. */
class Timed {
  readonly clock = new ManualClock()
  readonly core: Core<unknown>
  readonly store: Store
  readonly #owner = {}

  static async with(count: number): Promise<Timed> {
    const clock = new ManualClock()
    const timed = new Timed(await MemoryStore.open('', plainOptions, clock), clock)
    const items = Array.from({ length: count }, (_, i) => i + 1)
    if (count > 0) await timed.store.append(timed.core.writer.many(items, true))
    return timed
  }

  private constructor(store: Store, clock: ManualClock) {
    this.store = store
    this.clock = clock
    const parts = { ...defaults, codec: json, location: 'here', maxSize: Infinity, maxBytes: Infinity }
    this.core = new Core<unknown>(
      { ...parts, store, clock, leaseTimeout: LEASE, whenFull: 'wait', unique: false },
      new WeakRef(this.#owner),
    )
  }

  /** So much time goes by in small steps, and whatever becomes due in it is done. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10) {
      this.clock.pass(10)
      await turns(3)
    }
  }

  /** A store may need several steps for many. */
  async popAll(n: number): Promise<void> {
    for (let left = n; left > 0; ) {
      const pieces = await this.store.pop(left)
      assert.ok(pieces.length > 0)
      left -= pieces.reduce((sum, { count }) => sum + count, 0)
    }
  }

  async inFlight(): Promise<number> {
    return (await this.store.counts()).inFlight
  }
}

/** A sink that is done with an item when it is told so. */
class Slow extends Writable {
  readonly written: number[] = []
  #done: (() => void) | undefined

  constructor() {
    super({ objectMode: true, highWaterMark: 16 })
  }

  override _write(item: number, _: BufferEncoding, done: () => void): void {
    this.written.push(item)
    this.#done = done
  }

  async next(): Promise<void> {
    const done = this.#done
    this.#done = undefined
    done?.()
    await turns(5)
  }
}

describe('what is taken and not begun', () => {
  it('keeps its lease in the buffers of a stream and its sink, however long they are: each item once', async () => {
    const timed = await Timed.with(40)
    const sink = new Slow()
    const stream = new ReadStream<unknown>(async () => timed.core, { wait: false, highWaterMark: 16 })
    stream.pipe(sink)
    await turns(20)
    // Each takes a third of a lease, and those in the buffers wait ten leases.
    for (let i = 0; i < 40; i += 1) {
      await timed.pass(LEASE / 3)
      await sink.next()
    }
    await timed.pass(10)
    assert.deepEqual(
      sink.written,
      Array.from({ length: 40 }, (_, i) => i + 1),
    )
    assert.deepEqual(await timed.store.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    stream.destroy()
  })

  it('is for others when a sink has hung for a whole lease; the stream goes on with the rest', async () => {
    const timed = await Timed.with(40)
    const sink = new Slow()
    const stream = new ReadStream<unknown>(async () => timed.core, { wait: false, highWaterMark: 16 })
    stream.pipe(sink)
    await turns(20)
    await timed.pass(LEASE + 10)
    // The one that the sink works on has lapsed, and the stream's buffer went back; what waits in the sink comes next.
    assert.equal(await timed.inFlight(), 15)
    await timed.pass(3 * LEASE)
    assert.equal(await timed.inFlight(), 0)
    await timed.popAll(30)
    for (let i = 0; i < 60; i += 1) await sink.next()
    const late = sink.written.filter((item) => item > 30)
    assert.deepEqual(late, [31, 32, 33, 34, 35, 36, 37, 38, 39, 40])
    // No more than the sink had in its own hands.
    assert.ok(sink.written.length <= 10 + 17, String(sink.written.length))
    stream.destroy()
  })

  it('is for others when nobody reads on for a whole lease, and is not handed out any more', async () => {
    const timed = await Timed.with(20)
    const stream = new ReadStream<unknown>(async () => timed.core, { wait: false, highWaterMark: 8 })
    stream.read(0)
    await turns(20)
    const held = await timed.inFlight()
    assert.ok(held >= 8)
    await timed.pass(4 * LEASE)
    assert.equal(await timed.inFlight(), 0)
    await timed.popAll(held)
    const seen: unknown[] = []
    for await (const item of stream) seen.push(item)
    assert.deepEqual(
      seen,
      Array.from({ length: 20 - held }, (_, i) => held + i + 1),
    )
  })

  it('keeps its lease in a batch that fills', async () => {
    const timed = await Timed.with(2)
    const shape = { size: 3, maxWaitMs: 10 * LEASE, clock: timed.clock }
    const batches = new Batches<unknown>(async () => new Session(timed.core, { ahead: 3 }), shape)
    const next = batches.next()
    await timed.pass(9 * LEASE)
    assert.equal(await fate(next), 'pending')
    assert.equal(await timed.inFlight(), 2)
    assert.deepEqual(await timed.store.pop(9), [])
    await timed.pass(LEASE + 20)
    assert.deepEqual(await next, { value: [1, 2], done: false })
    await batches.return()
  })

  it('in hand it ends by its lease', async () => {
    const timed = await Timed.with(1)
    const session = new Session<unknown>(timed.core)
    const held = await session.next()
    await timed.pass(LEASE + 10)
    assert.equal(await timed.inFlight(), 0)
    if (held !== undefined) session.ack(held)
    await session.leave()
    assert.equal((await timed.store.counts()).ready, 1)
  })
})

describe('a batch of consume', () => {
  it('keeps its lease while it waits to fill', async () => {
    const timed = await Timed.with(2)
    const seen: unknown[][] = []
    const handler = (items: unknown[]): void => void seen.push(items)
    const wanted = { handler, options: { batch: 3, maxWait: 5 * LEASE, wait: false }, holder: {} }
    const done = new Consuming<unknown>(timed.core, wanted).run()
    await timed.pass(4 * LEASE)
    assert.equal(await timed.inFlight(), 2)
    await timed.pass(LEASE + 20)
    assert.equal((await done).acked, 2)
    assert.deepEqual(seen, [[1, 2]])
  })

  it('keeps its lease while it waits for its retry', async (t) => {
    const timed = await Timed.with(2)
    const stop = new AbortController()
    t.after(() => stop.abort())
    const handler = (): never => {
      throw new Error('not yet')
    }
    const retry = { attempts: 2, minDelay: 600_000, maxDelay: 600_000 }
    const wanted = { handler, options: { batch: 2, retry, signal: stop.signal }, holder: {} }
    const done = new Consuming<unknown>(timed.core, wanted).run()
    await timed.pass(3 * LEASE)
    assert.equal(await timed.inFlight(), 2)
    assert.deepEqual(await timed.store.pop(9), [])
    stop.abort()
    assert.equal((await done).delivered, 2)
    assert.equal((await timed.store.counts()).ready, 2)
  })
})
