import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { Putting } from '../../lib/consume/putting.ts'
import { Session } from '../../lib/consume/session.ts'
import { Taking } from '../../lib/consume/taking.ts'
import { QueueClosedError } from '../../lib/errors.ts'
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
    assert.throws(() => script.core.check(), /disk full/)
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
