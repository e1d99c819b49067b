// looping.ts: for await, items and batches.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fate, fresh, type MakePlace, numbers, turns, until } from './place.ts'

export function looping(place: MakePlace): void {
  it('hands out its items in order, and removes each when its body is done', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 200))
    const seen: number[] = []
    for await (const item of queue) {
      seen.push(item)
      if (seen.length === 200) break
    }
    assert.deepEqual(seen, numbers(1, 200))
    assert.deepEqual(await queue.pop(9), [200])
  })

  it('gives back the item in hand when the loop is left, and the attempt is counted', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 50))
    for await (const item of queue) if (item === 10) break
    await assert.rejects(async () => {
      for await (const item of queue) if (item === 20) throw new Error('body')
    }, /body/)
    assert.deepEqual(await queue.counts(), { ready: 31, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    const [first, second] = await queue.list({ limit: 2 })
    assert.deepEqual([first?.id, first?.attempt], [20, 1])
    assert.deepEqual([second?.id, second?.attempt], [21, 0])
    assert.deepEqual(await queue.pop(99), numbers(20, 50))
  })

  it('ends when nothing is ready where it was told not to wait', async () => {
    const queue = await fresh<number>(place)
    const seen: number[] = []
    for await (const item of queue.items({ wait: false })) seen.push(item)
    await queue.putMany([1, 2])
    for await (const item of queue.items({ wait: false })) seen.push(item)
    assert.deepEqual(seen, [1, 2])
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  })

  it('waits for items, from this handle or another', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>(), await where.open<number>()]
    const items = one.items()
    const first = items.next()
    assert.equal(await fate(first), 'pending')
    await one.put(1)
    assert.deepEqual(await first, { value: 1, done: false })
    const second = items.next()
    await turns()
    await other.put(2)
    assert.deepEqual(await second, { value: 2, done: false })
    await items.return(undefined)
  })

  it('answers concurrent calls of next in order, and acknowledges as the next is asked for', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2])
    const items = queue.items()
    const asked = [items.next(), items.next(), items.next(), items.next()]
    assert.deepEqual(
      (await Promise.all(asked.slice(0, 2))).map(({ value }) => value),
      [1, 2],
    )
    await queue.putMany([3, 4])
    assert.deepEqual(
      (await Promise.all(asked)).map(({ value }) => value),
      [1, 2, 3, 4],
    )
    await items.return(undefined)
    assert.deepEqual(await queue.pop(9), [4])
  })

  it('is an async generator to those who look', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2, 3])
    const items = queue.items()
    assert.equal(items[Symbol.asyncIterator](), items)
    assert.deepEqual(await items.next(), { value: 1, done: false })
    assert.deepEqual(await items.return(undefined), { value: undefined, done: true })
    assert.deepEqual(await items.next(), { value: undefined, done: true })
    const thrown = queue.items()
    assert.deepEqual(await thrown.next(), { value: 1, done: false })
    await assert.rejects(thrown.throw(new Error('mine')), /mine/)
    assert.deepEqual(await thrown.next(), { value: undefined, done: true })
    const disposed = queue.items()
    await disposed.next()
    await disposed[Symbol.asyncDispose]()
    const unused = queue.items()
    assert.deepEqual(await unused.return(undefined), { value: undefined, done: true })
    assert.equal(await queue.size(), 3)
  })

  it('ends a next that waits when its loop is left', async () => {
    const queue = await fresh<number>(place)
    const items = queue.items()
    const waiting = items.next()
    await turns()
    await items.return(undefined)
    assert.deepEqual(await waiting, { value: undefined, done: true })
    await queue.put(1)
    assert.equal(await queue.get(), 1)
  })

  it('rejects with the reason of the signal, after acknowledging what the body had finished', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 9))
    const reason = new Error('enough')
    const controller = new AbortController()
    await assert.rejects(async () => {
      for await (const item of queue.items({ signal: controller.signal })) if (item === 5) controller.abort(reason)
    }, reason)
    assert.deepEqual(await queue.counts(), { ready: 4, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    await assert.rejects(queue.items({ signal: AbortSignal.abort(reason) }).next(), reason)
    await queue.clear()
    const waiting = new AbortController()
    const next = queue.items({ signal: waiting.signal }).next()
    await turns()
    waiting.abort(reason)
    await assert.rejects(next, reason)
    await queue.put(1)
    assert.equal(await queue.pop(), 1)
  })

  it('takes nothing ahead for a slow body, so that others find some', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 100))
    const items = queue.items()
    await items.next()
    assert.equal((await queue.counts()).inFlight, 1)
    for (let i = 0; i < 40; i += 1) await items.next()
    // The body has become slow: what was taken ahead for it is given back.
    await until(async () => (await queue.counts()).inFlight === 1)
    assert.equal(await queue.pop(), 42)
    assert.deepEqual(await items.next(), { value: 43, done: false })
    await items.return(undefined)
  })

  it('takes as far ahead as it was told', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 20))
    const items = queue.items({ prefetch: 5 })
    await items.next()
    assert.equal((await queue.counts()).inFlight, 5)
    await items.return(undefined)
    assert.deepEqual(
      (await queue.list()).map(({ attempt }) => attempt),
      [1, ...Array.from({ length: 19 }, () => 0)],
    )
    assert.throws(() => queue.items({ prefetch: 0 }), RangeError)
    assert.throws(() => queue.items({ prefetch: 'all' as 'auto' }), TypeError)
    assert.throws(() => queue.items({ ahead: 1 } as object), TypeError)
  })

  it('acknowledges within a moment, however long the body takes', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 8))
    const items = queue.items({ prefetch: 8 })
    for (let i = 0; i < 4; i += 1) await items.next()
    await until(async () => (await queue.counts()).inFlight === 5)
    await items.return(undefined)
  })

  it('hands out batches of up to a size, and acknowledges them whole', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 10))
    const batches: number[][] = []
    for await (const batch of queue.batches(4, { wait: false })) batches.push(batch)
    assert.deepEqual(batches, [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10],
    ])
    await queue.putMany(numbers(11, 16))
    for await (const batch of queue.batches(3)) if (batch[0] === 14) break
    assert.deepEqual(await queue.pop(9), [14, 15, 16])
    assert.throws(() => queue.batches(0), RangeError)
    assert.throws(() => queue.batches(2, { maxWait: -1 }), RangeError)
  })

  it('waits maxWait at most for a batch to fill', async () => {
    const queue = await fresh<number>(place)
    const batches = queue.batches(3, { maxWait: 60_000 })
    const first = batches.next()
    for (const item of [1, 2, 3, 4]) {
      await turns()
      await queue.put(item)
    }
    assert.deepEqual(await first, { value: [1, 2, 3], done: false })
    await batches.return(undefined)
    for await (const batch of queue.batches(9, { maxWait: 20 })) {
      assert.deepEqual(batch, [1, 2, 3, 4])
      break
    }
  })

  it('gives back an unseen part of a batch when the signal aborts', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2])
    const controller = new AbortController()
    const next = queue.batches(3, { maxWait: 60_000, signal: controller.signal }).next()
    await turns()
    controller.abort()
    await assert.rejects(next, { name: 'AbortError' })
    assert.deepEqual(
      (await queue.list()).map(({ id, attempt }) => [id, attempt]),
      [
        [1, 0],
        [2, 0],
      ],
    )
  })
}
