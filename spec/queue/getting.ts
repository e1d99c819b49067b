// getting.ts: get, which waits.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { QueueClosedError, QueueEmptyError } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { fate, fresh, type MakePlace, numbers, turns } from './place.ts'

const ROUNDS = CHECK ? 100 : 20

export function getting(place: MakePlace): void {
  it('gets what is there at once', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2, 3, 4])
    assert.equal(await queue.get(), 1)
    assert.deepEqual(await queue.get(2), [2, 3])
    assert.deepEqual(await queue.get(9), [4])
  })

  it('waits for an item, from this handle or another', async () => {
    const where = await place()
    const [one, other] = [await where.open<string>(), await where.open<string>()]
    const first = one.get()
    assert.equal(await fate(first), 'pending')
    await one.put('a')
    assert.equal(await first, 'a')
    const second = one.get()
    await turns()
    await other.put('b')
    assert.equal(await second, 'b')
  })

  it('serves waiting gets in the order of their calls', async () => {
    const queue = await fresh<number>(place)
    const gets = [queue.get(), queue.get(1), queue.get(2, { min: 2 }), queue.get()]
    for (const item of numbers(1, 5)) await queue.put(item)
    const got = await Promise.all(gets)
    assert.deepEqual(got, [1, [2], [3, 4], 5])
  })

  it('waits for min items, and takes up to n', async () => {
    const queue = await fresh<number>(place)
    const several = queue.get(3, { min: 2 })
    await queue.put(1)
    assert.equal(await fate(several), 'pending')
    assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    await queue.put(2)
    assert.deepEqual(await several, [1, 2])
    await queue.putMany([3, 4, 5, 6])
    assert.deepEqual(await queue.get(3, { min: 2 }), [3, 4, 5])
    assert.deepEqual(await queue.get(2, { min: 0 }), [6])
    assert.deepEqual(await queue.get(2, { min: 0 }), [])
  })

  it('refuses wrong options', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    await assert.rejects(queue.get({ timeout: -1 }), RangeError)
    await assert.rejects(queue.get(1, { timeout: -1 }), RangeError)
    await assert.rejects(queue.get(1, { min: 2 }), RangeError)
    await assert.rejects(queue.get(1, { min: -1 }), RangeError)
    await assert.rejects(queue.get({ min: 1 } as object), TypeError)
    await assert.rejects(queue.get({ signal: 'now' } as object), TypeError)
    assert.equal(await queue.size(), 1)
  })

  it('gives up after the timeout, and has taken nothing', async () => {
    const queue = await fresh<number>(place)
    await assert.rejects(queue.get({ timeout: 5 }), QueueEmptyError)
    await assert.rejects(queue.get({ timeout: 0 }), QueueEmptyError)
    await queue.put(1)
    await assert.rejects(queue.get(2, { min: 2, timeout: 5 }), QueueEmptyError)
    assert.equal(await queue.get({ timeout: 0 }), 1)
  })

  it('gives up with the reason of the signal, and has taken nothing', async () => {
    const queue = await fresh<number>(place)
    const reason = new Error('changed my mind')
    const controller = new AbortController()
    const waiting = queue.get({ signal: controller.signal })
    await turns()
    controller.abort(reason)
    await assert.rejects(waiting, reason)
    await queue.put(1)
    await assert.rejects(queue.get({ signal: AbortSignal.abort(reason) }), reason)
    assert.equal(await queue.size(), 1)
  })

  it('loses no item to an abort or a timeout, whenever that comes', async () => {
    const queue = await fresh<number>(place)
    const got: number[] = []
    for (let round = 1; round <= ROUNDS; round += 1) {
      const controller = new AbortController()
      const get = queue.get({ signal: controller.signal, timeout: round % 3 === 0 ? 0 : 1000 }).then(
        (item) => got.push(item),
        () => {},
      )
      const put = queue.put(round)
      for (let i = 0; i < round % 9; i += 1) await undefined
      controller.abort()
      await put
      await get
    }
    got.push(...(await queue.pop(999)))
    assert.deepEqual(got, numbers(1, ROUNDS))
  })

  it('goes on to the next waiting get when one gives up', async () => {
    const queue = await fresh<number>(place)
    const controller = new AbortController()
    const large = queue.get(5, { min: 5, signal: controller.signal })
    const small = queue.get()
    await queue.put(1)
    assert.equal(await fate(small), 'pending')
    controller.abort()
    await assert.rejects(large, { name: 'AbortError' })
    assert.equal(await small, 1)
  })

  it('rejects waiting gets when it closes', async () => {
    const queue = await fresh<number>(place)
    const waiting = [queue.get(), queue.get(2, { min: 2 })]
    await turns()
    const refused = waiting.map((get) => assert.rejects(get, QueueClosedError))
    await queue.close()
    await Promise.all(refused)
  })
}
