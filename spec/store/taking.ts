// taking.ts: items out of a store, and into flight.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ack, filled, type MakePlace, told, words } from './words.ts'

export function taking(place: MakePlace): void {
  it('peeks at the front and changes nothing', async () => {
    const store = await filled(place)
    assert.deepEqual(told(await store.peek(2)), ['1 a', '2 b'])
    assert.deepEqual(told(await store.peek(2)), ['1 a', '2 b'])
    assert.deepEqual(told(await store.peek(0)), [])
    assert.equal((await store.counts()).ready, 5)
  })

  it('hands out pieces of one document in a row with the same document object, where it has such', async () => {
    const store = await (await place()).open()
    await store.append([words('a', 'b', 'c')])
    const [one] = await store.pop(1)
    const [two] = await store.pop(1)
    assert.equal(one?.document === two?.document, store.supports.documents)
    assert.equal(two?.skip, store.supports.documents ? 1 : 0)
  })

  it('pops from the front, in order, as many as there are', async () => {
    const store = await filled(place)
    assert.deepEqual(told(await store.pop(2)), ['1 a', '2 b'])
    assert.deepEqual(told(await store.pop(0)), [])
    assert.deepEqual(told(await store.pop(9)), ['3 c', '4 d', '5 e'])
    assert.deepEqual(told(await store.pop(9)), [])
    assert.equal((await store.counts()).ready, 0)
  })

  it('gives each item to one of many concurrent pops', async () => {
    const store = await (await place()).open()
    for (let i = 0; i < 20; i += 1) await store.append([words(`x${i}`, `y${i}`)])
    const popped = (await Promise.all(Array.from({ length: 40 }, () => store.pop(1)))).flat()
    assert.deepEqual(
      popped.map(({ firstId }) => firstId),
      Array.from({ length: 40 }, (_, i) => i + 1),
    )
  })

  it('deletes from the front and says how many', async () => {
    const store = await filled(place)
    assert.equal(await store.delete(2), 2)
    assert.deepEqual(told(await store.peek(9)), ['3 c', '4 d', '5 e'])
    assert.equal(await store.delete(9), 3)
    assert.equal(await store.delete(9), 0)
  })

  it('clears what is ready; what is in flight and failed stays', async () => {
    const store = await filled(place)
    await store.lease(2)
    await store.settle([{ outcome: 'fail', ids: [{ from: 1, to: 1 }], reason: 'bad' }])
    assert.equal(await store.clear(), 3)
    assert.deepEqual(await store.counts(), { ready: 0, delayed: 0, inFlight: 1, failed: 1, acked: 0 })
  })

  it('sets aside a popped item that does not decode', async () => {
    const store = await filled(place)
    const [piece] = await store.pop(1)
    assert.ok(piece)
    await store.fail(piece, 'codec')
    assert.equal((await store.counts()).failed, 1)
    const [listed] = await store.list({ status: 'failed', after: 0, limit: 9 })
    assert.equal(listed?.reason, 'codec')
    assert.deepEqual(listed && told([listed.piece]), ['1 a'])
  })
}

export function leasing(place: MakePlace): void {
  it("leases from the front: what is in flight is nobody else's", async () => {
    const store = await filled(place)
    const leased = await store.lease(2)
    assert.deepEqual(told(leased), ['1 a', '2 b'])
    assert.deepEqual(
      leased.map(({ attempt }) => attempt),
      leased.map(() => 1),
    )
    assert.deepEqual(told(await store.peek(1)), ['3 c'])
    assert.deepEqual(told(await store.pop(1)), ['3 c'])
    assert.deepEqual(told(await store.lease(9)), ['4 d', '5 e'])
    assert.deepEqual(await store.counts(), { ready: 0, delayed: 0, inFlight: 4, failed: 0, acked: 0 })
  })

  it('settles in the same step as it leases, also where nothing is left to lease', async () => {
    const store = await filled(place)
    await store.lease(4)
    assert.deepEqual(told(await store.lease(1, [ack(1), ack(4)])), ['5 e'])
    assert.deepEqual(told(await store.lease(9, [ack(2, 3)])), [])
    assert.deepEqual(told(await store.lease(9, [ack(5)])), [])
    assert.deepEqual(await store.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  })
}
