// What happens when a call of the store, an opening or a close fails: it is told once, where the caller looks, nothing
// stays in flight, and nothing stays open.
// A process of its own: it counts what the process has open.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { Items } from '../../lib/consume/items.ts'
import { Leasing } from '../../lib/consume/leasing.ts'
import { Putting } from '../../lib/consume/putting.ts'
import { ReadStream } from '../../lib/consume/read-stream.ts'
import { Session } from '../../lib/consume/session.ts'
import { setSpentAside } from '../../lib/consume/spent.ts'
import { Taking } from '../../lib/consume/taking.ts'
import { webStream } from '../../lib/consume/web-stream.ts'
import { WriteStream } from '../../lib/consume/write-stream.ts'
import { AsyncQueue, CodecMismatchError, QueueFullError, SettledError, StorageError } from '../../lib/index.ts'
import { turns } from '../queue/place.ts'
import { Script } from './scripted-store.ts'

const full = new StorageError('the disk is full')
const own = {
  name: 'own',
  encode: (item: unknown) => Buffer.from(JSON.stringify(item)),
  decode: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()),
}
const READY = { ready: 3, delayed: 0, inFlight: 0, failed: 0, acked: 0 }

const takes: Readonly<Record<string, (taking: Taking<unknown>) => Promise<unknown>>> = {
  'pop(2)': (taking) => taking.pop(2),
  popOne: (taking) => taking.popOne(),
  get: (taking) => taking.get(1),
  'get(2)': (taking) => taking.get(2, { min: 2 }),
  'delete(2)': (taking) => taking.delete(2),
}

describe('the queue, when its store fails,', () => {
  for (const [name, take] of Object.entries(takes)) {
    it(`gives back what ${name} leased, with attempts that are limited, and could not remove`, async () => {
      const script = await Script.with(3, { maxAttempts: 2 })
      script.failing = { settle: full }
      await assert.rejects(take(new Taking(script.core)), full)
      assert.deepEqual(await script.store.counts(), READY)
      assert.equal((await script.store.peek(1))[0]?.attempt, 0)
    })
  }

  for (const name of ['pop(2)', 'get(2)'] as const) {
    it(`gives back what ${name} leased before a lease failed`, async () => {
      const script = await Script.with(3, { maxAttempts: 2 })
      const lease = script.store.lease.bind(script.store)
      let leases = 0
      // One at a time, as a store may.
      script.store.lease = async (_n, first, hold) => {
        leases += 1
        if (leases === 2) throw full
        return lease(1, first, hold)
      }
      await assert.rejects(takes[name]?.(new Taking(script.core)) ?? assert.fail(), full)
      assert.deepEqual(await script.store.counts(), READY)
    })
  }

  it('does not mind that what a loop gives back went back by itself', async () => {
    const script = await Script.with(3)
    const session = new Session(script.core)
    const held = await session.next()
    assert.ok(held !== undefined)
    script.store.settle = async () => {
      throw new SettledError('its lease is over')
    }
    await session.leave()
  })

  it('does not fail a loop because what it acknowledged was somebody else’s by then', async () => {
    const script = await Script.with(3)
    const session = new Session(script.core)
    const held = await session.next()
    if (held !== undefined) session.ack(held)
    script.store.settle = async () => {
      throw new SettledError('its lease is over')
    }
    await session.leave()
  })

  it('leaves what is spent to the next, where a join can not set it aside', async () => {
    const script = await Script.with(1, { maxAttempts: 1 })
    const [piece] = await script.store.lease(1)
    const ids = [{ from: piece?.firstId ?? 0, to: piece?.firstId ?? 0 }]
    await script.store.settle([{ outcome: 'back', ids, counted: true }])
    script.failing = { settle: full }
    assert.equal(await setSpentAside(script.core), false)
    assert.deepEqual(await script.store.counts(), { ...READY, ready: 1 })
    assert.equal(await setSpentAside(script.core), true)
  })

  it('gives back what a loop had at its last attempt, where it can not be set aside', async () => {
    const script = await Script.with(2, { maxAttempts: 1 })
    const session = new Session(script.core)
    await session.next()
    const settle = script.store.settle.bind(script.store)
    script.store.settle = async (settlements) => {
      if (settlements.some(({ outcome }) => outcome === 'fail')) throw full
      await settle(settlements)
    }
    await session.leave()
    assert.deepEqual(await script.store.counts(), { ...READY, ready: 2 })
    assert.deepEqual(
      (await script.store.peek(2)).map(({ attempt }) => attempt),
      [1, 0],
    )
  })

  it('gives back a delivery that goes out of scope while its ack fails, and waits for one that does not', async () => {
    const script = await Script.with(2)
    const [first, second] = await new Leasing(script.core).lease(2, {})
    script.failing = { settle: full }
    const failed = first?.ack()
    void failed?.catch(() => {})
    await first?.[Symbol.asyncDispose]()
    assert.deepEqual(await script.store.counts(), { ...READY, ready: 1, inFlight: 1 })
    await assert.rejects(failed ?? assert.fail(), full)
    void second?.ack()
    await second?.[Symbol.asyncDispose]()
    assert.deepEqual(await script.store.counts(), { ...READY, ready: 1 })
  })

  it('tells close() that the store could not be closed', async () => {
    const { core } = await Script.with(1)
    core.store.close = async () => {
      throw full
    }
    await assert.rejects(core.close(), full)
  })

  it('tells close() what could not be given back', async () => {
    const script = await Script.with(1)
    await new Session(script.core).next()
    script.failing = { settle: full }
    await assert.rejects(script.core.close(), full)
  })

  it('tells a stream that what its sink wrote last could not be acknowledged, and does not end it', async () => {
    const script = await Script.with(1)
    const stream = new ReadStream(async () => script.core, { highWaterMark: 1, wait: false })
    const callbacks: (() => void)[] = []
    let ended = 0
    stream.on('end', () => (ended += 1))
    stream.pipe(new Writable({ objectMode: true, write: (_, __, callback) => callbacks.push(callback) }))
    await turns()
    script.failing = { settle: full }
    const failed = once(stream, 'error')
    callbacks.shift()?.()
    assert.deepEqual(await Promise.race([failed, turns()]), [full])
    assert.equal(ended, 0)
  })

  it('tells the next call that what a stream had could not be given back, which was destroyed', async () => {
    const script = await Script.with(1)
    const stream = new ReadStream(async () => script.core, { highWaterMark: 1 })
    await once(
      stream.on('data', () => {}),
      'data',
    )
    script.failing = { settle: full }
    stream.destroy()
    await once(stream, 'close')
    assert.throws(() => script.core.check(), full)
  })

  it('tells the next call that what a web stream had could not be given back, whose signal aborted', async () => {
    const script = await Script.with(1)
    const stop = new AbortController()
    const reader = webStream(async () => script.core, { signal: stop.signal }).getReader()
    await reader.read()
    script.failing = { settle: full }
    stop.abort()
    await assert.rejects(reader.read(), { name: 'AbortError' })
    await turns()
    assert.throws(() => script.core.check(), full)
  })

  it('tells the call after it that a lease could not be held for longer, and hands on what it has', async () => {
    const script = await Script.with(2, { leaseTimeout: 300 })
    const session = new Session(script.core, { ahead: 2 })
    const held = await session.next()
    if (held !== undefined) session.unseen(held)
    script.store.extend = async () => {
      throw full
    }
    script.clock.pass(100)
    await turns()
    assert.throws(() => script.core.check(), full)
    await session.leave()
  })

  it('hands out what it can not mark, and says so on its channel', async () => {
    const script = await Script.with(1, { maxAttempts: 2 })
    const told: unknown[] = []
    const listen = (message: unknown) => told.push(message)
    subscribe('spoolq:error', listen)
    script.store.mark = () => {
      throw full
    }
    const session = new Session(script.core)
    const held = await session.next()
    session.hold(held === undefined ? [] : [held])
    unsubscribe('spoolq:error', listen)
    assert.deepEqual(told, [{ location: 'here', error: full }])
    assert.equal(held?.item, 1)
  })

  it('tells close() what could not be given back while it stopped', async () => {
    const script = await Script.with(2)
    const session = new Session(script.core, { ahead: 2 })
    const held = await session.next()
    if (held !== undefined) session.ack(held)
    script.failing = { settle: full }
    await script.core.stop()
    await assert.rejects(script.core.close(), full)
  })

  it('tells a loop what failed, and not what fails because of it', async () => {
    const script = await Script.with(2)
    const loop = new Items(async () => new Session(script.core))
    await loop.next()
    script.failing = { lease: full, settle: new StorageError('still full') }
    await assert.rejects(loop.next(), full)
    assert.deepEqual(await loop.next(), { value: undefined, done: true })
  })

  it('tells a stream of its last append', async () => {
    const { core, store } = await Script.with(0)
    const putting = new Putting(core)
    const ports = { put: async () => {}, intake: (last: ReturnType<typeof putting.intake>) => last ?? putting.intake() }
    const stream = new WriteStream(ports, 16)
    store.append = async () => {
      throw full
    }
    let finished = 0
    stream.on('finish', () => (finished += 1))
    stream.end('last')
    const [error] = await once(stream, 'error')
    assert.equal(error, full)
    assert.equal(finished, 0)
  })
})

describe('the queue, when its opening fails,', () => {
  it('tells every call of it, and close() too', async () => {
    const location = `memory:${randomUUID()}`
    await using first = await AsyncQueue.open(location, { codec: own })
    await first.put(1)
    const queue = new AsyncQueue(location, { codec: 'json' })
    for (const call of [queue.opened, queue.put(1), queue.pop(), queue.size(), queue.close()]) {
      await assert.rejects(call, CodecMismatchError)
    }
  })

  it('leaves nothing open', {
    skip: process.platform === 'linux' ? false : 'only Linux tells what is open',
  }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'spoolq-failing-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const openIn = (name: string): number => {
      return readdirSync('/proc/self/fd').filter((fd) => targetOf(fd).startsWith(join(folder, name))).length
    }
    const source = await AsyncQueue.open<string>(join(folder, 'source'), { codec: own })
    await source.putMany(['1234', '1234', '1234'])
    assert.ok(openIn('source') > 0)
    for (const [name, bound] of Object.entries({ bytes: { maxBytes: 10 }, size: { maxSize: 2 } })) {
      await assert.rejects(source.copyTo(join(folder, name), bound), QueueFullError)
      assert.equal(openIn(name), 0)
    }
    await using fits = await source.copyTo(join(folder, 'fits'), { maxBytes: 64 })
    assert.equal(await fits.size(), 3)
    await source.close()
    // It opens the store, and has no codec of that name.
    await assert.rejects(AsyncQueue.open(join(folder, 'source')), CodecMismatchError)
    assert.equal(openIn('source'), 0)
  })
})

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
