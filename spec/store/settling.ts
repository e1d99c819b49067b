// settling.ts: what becomes of items in flight, and what a store tells of its items.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SettledError } from '../../lib/errors.ts'
import { ack, back, filled, type MakePlace, told } from './words.ts'

export function settling(place: MakePlace): void {
  it('gives back to the old place, counted or not', async () => {
    const store = await filled(place)
    await store.lease(3)
    await store.settle([back(1), ack(2), { ...back(3), counted: false }])
    const again = await store.lease(9)
    assert.deepEqual(told(again), ['1 a', '3 c', '4 d', '5 e'])
    const attempts = again.flatMap(({ count, attempt }) => Array.from({ length: count }, () => attempt))
    assert.deepEqual(attempts, [2, 1, 1, 1])
  })

  it('settles out of order', async () => {
    const store = await filled(place)
    await store.lease(5)
    for (const id of [4, 2, 5, 1]) await store.settle([ack(id)], true)
    await store.settle([back(3)])
    assert.deepEqual(told(await store.pop(9)), ['3 c'])
  })

  it('sets aside with the reason', async () => {
    const store = await filled(place)
    await store.lease(2)
    await store.settle([{ outcome: 'fail', ids: [{ from: 2, to: 2 }], reason: 'too hot' }, ack(1)])
    const [listed] = await store.list({ status: 'failed', after: 0, limit: 9 })
    assert.deepEqual([listed?.status, listed?.reason, listed?.piece.firstId], ['failed', 'too hot', 2])
  })

  it('does not count the attempt of what was set aside without being handed out', async () => {
    const store = await filled(place)
    await store.lease(1)
    const ids = [{ from: 1, to: 1, attempt: 1 }]
    await store.settle([{ outcome: 'fail', ids, reason: 'spent', counted: false }])
    const [listed] = await store.list({ status: 'failed', after: 0, limit: 9 })
    assert.equal(listed?.piece.attempt, 0)
  })

  it('hands out once more what it holds, which nobody else gets in between', async () => {
    const store = await filled(place)
    await store.lease(3)
    const ids = [{ from: 2, to: 3, attempt: 1 }]
    await store.settle([{ outcome: 'again', ids, hold: {} }])
    assert.deepEqual(await store.counts(), { ready: 2, delayed: 0, inFlight: 3, failed: 0, acked: 0 })
    const held = await store.list({ status: 'inFlight', after: 0, limit: 9 })
    const attempts = held.flatMap(({ piece }) => Array.from({ length: piece.count }, () => piece.attempt))
    assert.deepEqual(attempts, [1, 2, 2])
    await assert.rejects(store.settle([{ outcome: 'ack', ids }]), SettledError)
    await store.settle([{ outcome: 'ack', ids: [{ from: 2, to: 3, attempt: 2 }] }])
  })

  it('refuses to settle what it does not hold, and changes nothing then', async () => {
    const store = await filled(place)
    await store.lease(2)
    await store.settle([ack(1)])
    await assert.rejects(store.settle([ack(1)]), SettledError)
    await assert.rejects(store.settle([ack(2), ack(3)]), SettledError)
    assert.deepEqual(await store.counts(), { ready: 3, delayed: 0, inFlight: 1, failed: 0, acked: 0 })
  })
}

export function looking(place: MakePlace): void {
  it('lists one status by id, from an id on, up to a limit', async () => {
    const store = await filled(place)
    await store.lease(2)
    const list = async (status: 'ready' | 'inFlight', after: number, limit: number): Promise<string[]> => {
      return told((await store.list({ status, after, limit })).map(({ piece }) => piece))
    }
    assert.deepEqual(await list('ready', 0, 9), ['3 c', '4 d', '5 e'])
    assert.deepEqual(await list('ready', 3, 1), ['4 d'])
    assert.deepEqual(await list('inFlight', 0, 9), ['1 a', '2 b'])
    assert.deepEqual(await store.list({ status: 'delayed', after: 0, limit: 9 }), [])
    assert.deepEqual(await store.list({ status: 'acked', after: 0, limit: 9 }), [])
  })

  it('knows its bytes, its oldest item and its next id', async () => {
    const before = Date.now()
    const store = await filled(place)
    const { bytes, oldest = 0, nextId, lost } = await store.stats()
    assert.ok(bytes > 0 && oldest >= before && oldest <= Date.now())
    assert.deepEqual([nextId, lost], [6, 0])
    await store.clear()
    assert.equal((await store.stats()).oldest, undefined)
  })

  it('flushes without touching what is live', async () => {
    const store = await filled(place)
    await store.pop(2)
    await store.lease(1)
    assert.ok((await store.flush()).reclaimed >= 0)
    assert.deepEqual(told(await store.peek(9)), ['4 d', '5 e'])
    await store.settle([back(3)])
    assert.deepEqual(told(await store.pop(9)), ['3 c', '4 d', '5 e'])
  })
}
