import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { Consuming } from '../../lib/consume/consuming.ts'
import { Leasing } from '../../lib/consume/leasing.ts'
import { Putting } from '../../lib/consume/putting.ts'
import { Session } from '../../lib/consume/session.ts'
import { Taking } from '../../lib/consume/taking.ts'
import { QueueClosedError, StorageError } from '../../lib/errors.ts'
import { Teller } from '../../lib/opening.ts'
import type { HeldRange, Piece } from '../../lib/store.ts'
import { turns } from '../queue/place.ts'
import { Script } from './scripted-store.ts'

describe('the queue, when something fails that no call waits for,', () => {
  it('tells diagnostics_channel of it, and the next put, take or close, once', async () => {
    const told: unknown[] = []
    const listen = (message: unknown): void => {
      told.push(message)
    }
    subscribe('spoolq:error', listen)
    const { core } = await Script.with(3)
    const [putting, taking, session] = [new Putting(core), new Taking(core), new Session(core)]
    const calls = {
      put: async () => putting.one(1),
      putMany: async () => putting.many([1]),
      popOne: async () => taking.popOne(),
      pop: async () => taking.pop(1),
      get: async () => taking.get(1),
      delete: async () => taking.delete(1),
      clear: async () => taking.clear(),
      loop: async () => session.next(),
    }
    for (const [name, call] of Object.entries(calls)) {
      const error = new Error(name)
      core.failLater(error)
      core.failLater(new Error('and one more'))
      await assert.rejects(call, error)
      await putting.one(1)
      assert.deepEqual(told.splice(0)[0], { location: 'here', error })
    }
    unsubscribe('spoolq:error', listen)
    core.failLater(new Error('at the end'))
    await assert.rejects(core.close(), /at the end/)
    await assert.rejects(core.store.counts(), QueueClosedError)
  })

  it('keeps the items that were taken beside one that cannot be set aside', async () => {
    const script = await Script.with(1)
    await script.core.store.append([{ bytes: Buffer.from('{not json'), count: 1 }])
    await script.put(1)
    script.core.store.fail = async () => {
      throw new Error('disk full')
    }
    const taking = new Taking(script.core)
    assert.deepEqual(await taking.pop(9), [1, 3])
    await taking.pop(9)
  })

  it('hears of work in the background on its channel alone, but of a sync with the next put', async () => {
    const { core } = await Script.with(2)
    const teller = new Teller<unknown>('here', new EventEmitter())
    teller.failed(new Error('while it opened'))
    teller.opened(core)
    teller.failed(new Error('a flush'))
    const taking = new Taking(core)
    assert.equal(await taking.popOne(), 1)
    teller.failed(new Error('a sync'), 'sync')
    assert.equal(await taking.popOne(), 2)
    await assert.rejects(async () => new Putting(core).one(1), /a sync/)
    await core.close()
  })

  it('tells a failed sync to the next put, and to no take', async () => {
    const { core } = await Script.with(2)
    const [putting, taking, session] = [new Putting(core), new Taking(core), new Session(core)]
    core.syncFailed(new Error('not synced'))
    assert.equal(await taking.popOne(), 1)
    assert.equal((await session.next())?.item, 2)
    await session.leave()
    await assert.rejects(async () => putting.one(3), /not synced/)
    assert.equal(await putting.one(3), 3)
    core.syncFailed(new Error('not synced either'))
    await assert.rejects(core.close(), /not synced either/)
  })
})

describe('the queue, where items can not be set aside,', () => {
  const ways: Record<string, (core: Script['core']) => Promise<unknown>> = {
    pop: (core) => new Taking(core).popOne(),
    'pop(n)': async (core) => (await new Taking(core).pop(1))[0],
    lease: async (core) => (await new Leasing(core).lease(1, {}))[0]?.item,
    loop: async (core) => (await new Session(core).next())?.item,
  }
  for (const [name, way] of Object.entries(ways)) {
    it(`gives out the others by ${name}, and tries again later`, async () => {
      const script = await Script.with(2, { maxAttempts: 1 })
      const { core, clock } = script
      await core.store.settle([{ outcome: 'back', ids: heldOf(await core.store.lease(1)), counted: true }])
      script.failing.settle = new Error('the disk is full')
      assert.equal(await way(core), 2)
      assert.equal((await core.store.counts()).failed, 0)
      core.check()
      for (const [wait, failed] of [
        [99, 0],
        [1, 0],
        [199, 0],
        [1, 1],
      ] as const) {
        if (wait === 1 && failed === 0) script.failing.settle = new Error('still full')
        clock.pass(wait)
        await turns()
        assert.equal((await core.store.counts()).failed, failed, `after ${wait} ms more`)
      }
      await core.close()
    })
  }
})

function heldOf(pieces: readonly Piece[]): HeldRange[] {
  return pieces.map(({ firstId, count }) => ({ from: firstId, to: firstId + count - 1 }))
}

describe('the queue, as long as the disk is full,', () => {
  it('takes back what is nacked at its last attempt, and sets it aside later', async () => {
    const script = await Script.with(1, { maxAttempts: 1 })
    const [delivery] = await new Leasing(script.core).lease(1, {})
    script.failing.settle = new StorageError('the disk is full')
    await delivery?.nack()
    assert.deepEqual(await script.core.store.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    assert.equal(await new Taking(script.core).popOne(), undefined)
    assert.equal((await script.core.store.counts()).failed, 1)
  })

  it('goes on consuming beside a batch that has failed, and sets that aside later', async () => {
    const script = await Script.with(3, { maxAttempts: 1 })
    const { core, clock } = script
    let isFull = true
    const settle = core.store.settle.bind(core.store)
    core.store.settle = async (settlements) => {
      if (isFull && settlements.some(({ outcome }) => outcome === 'fail')) throw new StorageError('the disk is full')
      await settle(settlements)
    }
    const handler = (items: unknown[]) => {
      if (items[0] === 2) throw new Error('no')
    }
    const consuming = new Consuming(core, { handler, options: { wait: false }, holder: {} })
    const { acked, failed } = await consuming.run()
    assert.deepEqual({ acked, failed }, { acked: 2, failed: 1 })
    assert.equal((await core.store.counts()).inFlight, 1)
    isFull = false
    clock.pass(100)
    await turns()
    const [listed] = await core.store.list({ status: 'failed', after: 0, limit: 9 })
    assert.equal(listed?.reason, 'all 1 attempt spent: no')
  })
})

describe('the queue, consuming in batches,', () => {
  it('does not wait for one to fill that comes again', async () => {
    const { core } = await Script.with(1)
    const [delivery] = await new Leasing(core).lease(1, {})
    await delivery?.nack()
    const stop = new AbortController()
    const handled: unknown[][] = []
    const handler = (items: unknown[]) => handled.push(items)
    // By a clock that stands still.
    const options = { batch: 2, maxWait: 1000, signal: stop.signal }
    const consumed = new Consuming(core, { handler, options, holder: {} }).run()
    await turns()
    assert.deepEqual(handled, [[1]])
    await new Putting(core).one(2)
    await turns()
    assert.deepEqual(handled, [[1]])
    stop.abort()
    await consumed
    await core.close()
  })

  it('hands out nothing more once an acknowledgement has failed', async () => {
    const script = await Script.with(3)
    script.failing.settle = new Error('the disk is gone')
    let handled = 0
    const handler = () => {
      handled += 1
    }
    const consuming = new Consuming(script.core, { handler, options: { wait: false }, holder: {} })
    await assert.rejects(consuming.run(), /the disk is gone/)
    assert.equal(handled, 1)
    assert.deepEqual(await script.store.counts(), { ready: 3, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  })
})

describe('the queue, when its writing side has ended,', () => {
  it('ends loops and gets once nothing is ready, and refuses parked puts', async () => {
    const { core } = await Script.with(2)
    const taking = new Taking(core)
    const session = new Session(core)
    core.endWriting()
    assert.equal((await session.next())?.item, 1)
    assert.deepEqual(await taking.get(2, { min: 2 }), [2])
    await assert.rejects(taking.getOne(), QueueClosedError)
    await assert.rejects(taking.get(2, { min: 2 }), QueueClosedError)
    assert.equal(await session.next(), undefined)
    await session.leave()
  })

  it('wakes the gets that wait', async () => {
    const { core } = await Script.with(0)
    const taking = new Taking(core)
    const waiting = [taking.getOne(), taking.get(3, { min: 2 })].map((get) => assert.rejects(get, QueueClosedError))
    await turns()
    core.endWriting()
    await Promise.all(waiting)
  })
})
