// picking.ts: an item by its id: leased, or another put in its place; and the refusals of a store that has no index.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type AsyncQueue, CodecError, SettledError, UnsupportedError } from '../../lib/index.ts'
import { cut, fresh, type MakePlace, numbers } from './place.ts'

export function picking(place: MakePlace): void {
  it('leases the item with an id, and none that is not ready', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 5))
    const three = await queue.lease({ id: 3 })
    assert.deepEqual([three?.id, three?.item, three?.attempt], [3, 3, 1])
    assert.equal(await queue.lease({ id: 3 }), undefined)
    assert.equal(await queue.lease({ id: 6 }), undefined)
    assert.equal(await queue.lease({ id: 0 }), undefined)
    assert.deepEqual(await queue.pop(2), [1, 2])
    assert.equal(await queue.lease({ id: 1 }), undefined)
    await three?.nack()
    assert.equal((await queue.lease({ id: 3 }))?.attempt, 2)
    assert.deepEqual(await queue.pop(9), [4, 5])
  })

  it('leases the next one behind an id, and after the last the first', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 4))
    const ids: (number | undefined)[] = []
    for (const after of [2, 2, 2, 4, 0]) ids.push((await queue.lease({ after }))?.id)
    assert.deepEqual(ids, [3, 4, 1, 2, undefined])
    const lifo = await fresh<number>(place, { order: 'lifo' })
    await lifo.putMany(numbers(1, 4))
    const down: (number | undefined)[] = []
    for (const after of [3, 3, 3, 9]) down.push((await lifo.lease({ after }))?.id)
    assert.deepEqual(down, [2, 1, 4, 3])
  })

  it('gives an item by its id to one of many that ask for it', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 3))
    const asked = await Promise.all(numbers(1, 20).map(() => queue.lease({ id: 2 })))
    assert.equal(asked.filter((delivery) => delivery !== undefined).length, 1)
  })

  it('refuses what names neither an id nor what is before it, or both', async () => {
    const queue = await fresh<number>(place)
    const lease = (which: unknown): Promise<unknown> => queue.lease(which as { id: number })
    for (const which of [{}, { id: 1, after: 1 }, { id: '1' }, { ids: 1 }, null]) {
      await assert.rejects(lease(which), which === null ? /./ : TypeError)
    }
    for (const which of [{ id: -1 }, { after: 1.5 }]) await assert.rejects(lease(which), RangeError)
  })

  it('sets aside what is spent or does not decode on the way, by its id too', async () => {
    const queue = await fresh<number>(place, { maxAttempts: 1 })
    await queue.putMany([1, 2])
    await using first = await queue.lease({ id: 1 })
    await first?.nack()
    assert.deepEqual(
      (await queue.list({ status: 'failed' })).map(({ id }) => id),
      [1],
    )
    assert.equal((await queue.lease({ after: 0 }))?.id, 2)
  })

  it('passes over what is spent on its way to the next one behind an id, but takes no other for one by its id', async () => {
    const where = await place()
    const before = await where.open<number>()
    await before.putMany([1, 2, 3])
    for (const id of [1, 2]) await (await before.lease({ id }))?.nack()
    const queue = await where.open<number>({ maxAttempts: 1 })
    assert.equal(await queue.lease({ id: 2 }), undefined)
    assert.equal((await queue.lease({ after: 0 }))?.id, 3)
    const failed = await queue.list({ status: 'failed' })
    assert.deepEqual(
      failed.map(({ id, attempt }) => [id, attempt]),
      [
        [1, 1],
        [2, 1],
      ],
    )
  })

  it('puts another item in the place of one, which keeps its id, place, attempts and times', async () => {
    const queue = await fresh<string>(place)
    await queue.putMany(['a', 'b', 'c'])
    const [before] = await queue.list({ after: 1, limit: 1 })
    assert.equal(await queue.update(2, 'B'), true)
    const [after] = await queue.list({ after: 1, limit: 1 })
    assert.deepEqual(after, { ...before, item: 'B' })
    assert.deepEqual(await queue.pop(9), ['a', 'B', 'c'])
    assert.equal(await queue.update(2, 'x'), false)
    assert.equal(await queue.update(9, 'x'), false)
  })

  it('updates what is delayed, in flight or failed', async () => {
    const queue = await fresh<string>(place)
    await queue.put('late', { delay: 1e9 })
    await queue.putMany(['held', 'failed'])
    const held = await queue.lease()
    await (await queue.lease())?.fail('why')
    for (const id of [1, 2, 3]) assert.equal(await queue.update(id, `new ${id}`), true)
    assert.equal((await queue.list({ status: 'delayed' }))[0]?.item, 'new 1')
    const [failed] = await queue.list({ status: 'failed' })
    assert.deepEqual([failed?.item, failed?.reason], ['new 3', 'why'])
    assert.equal(held?.item, 'held')
    await held?.nack()
    assert.equal(await queue.retry(), 1)
    assert.deepEqual(await queue.pop(9), ['new 2', 'new 3'])
  })

  it('keeps its bounds, its bytes and its keys right over an update', async () => {
    const queue = await fresh<string>(place, { unique: true, maxBytes: 12, codec: 'json' })
    await queue.putMany(['12345678', 'b'].map((text) => text.slice(0, 3)))
    assert.equal(await queue.update(2, '123'), false) // its equal waits
    assert.equal(await queue.update(2, 'bb'), true)
    assert.equal(await queue.put('b', { wait: false }), 3)
    await assert.rejects(queue.update(1, (() => {}) as never), CodecError)
    assert.equal(await queue.update(1, 'c'), true)
    assert.equal(
      await queue.put('123', { wait: false, timeout: 0 }).then(
        () => true,
        () => false,
      ),
      false,
    )
    assert.equal(await queue.pop(), 'c')
    assert.equal(await queue.put('123', { wait: false }), 4)
    assert.equal((await queue.stats()).bytes, 4 + 3 + 5)
  })

  it('makes room for those who wait, where an update is smaller', async () => {
    const queue = await fresh<string>(place, { maxBytes: 10, codec: 'json' })
    await queue.put('12345678')
    const waiting = queue.put('ab')
    assert.equal(await queue.update(1, '123'), true)
    assert.equal(await waiting, 2)
  })

  it('refuses an id that is no whole number, and changes nothing', async () => {
    const queue = await fresh<string>(place)
    await queue.put('a')
    await assert.rejects(queue.update(-1, 'x'), RangeError)
    await assert.rejects(queue.update('1' as never, 'x'), TypeError)
    assert.equal(await queue.peek(), 'a')
  })

  it('takes the updated item as it was at the call, also before it is open', async () => {
    const where = await place()
    await (await where.open<object>()).put({ n: 0 })
    const queue = where.start<{ n: number }>()
    const item = { n: 1 }
    const updated = queue.update(1, item)
    item.n = 2
    assert.equal(await updated, true)
    const again = queue.update(1, item)
    item.n = 3
    assert.equal(await again, true)
    assert.deepEqual(await queue.pop(), { n: 2 })
  })

  it('keeps its sums and its keys right where an item is updated while another handle holds it', async () => {
    const where = await place()
    const holder = await where.open<string>({ unique: true, codec: 'json', maxAttempts: 9 })
    const other = await where.open<string>({ unique: true })
    await holder.putMany(['a', 'b', 'c', 'd', 'e'])
    const held = await holder.lease(5)
    for (const id of [1, 2, 3, 4, 5]) assert.equal(await other.update(id, `${id}`.repeat(10 * id)), true)
    assert.equal(await other.put('1'.repeat(10)), undefined)
    assert.equal(await other.put('a'), 6)
    assert.equal((await other.stats()).bytes, 10 + 20 + 30 + 40 + 50 + 5 * 2 + 3)
    await held[0]?.ack()
    await held[1]?.nack()
    await held[2]?.fail('no')
    await held[3]?.nack({ to: 'back' })
    assert.equal((await other.stats()).bytes, 20 + 40 + 50 + 3 * 2 + 3)
    assert.equal(await other.put('1'.repeat(10)), 8)
    assert.equal(await other.put('3'.repeat(30)), 9)
    assert.equal(await other.put('4'.repeat(40)), undefined)
    await other.delete(9)
    assert.equal((await other.stats()).bytes, 50 + 2)
    await cut(holder)
    assert.deepEqual(await other.pop(9), ['5'.repeat(50)])
    assert.equal((await other.stats()).bytes, 0)
  })

  it('has the key that an update gave, or none', async () => {
    const where = await place()
    const unique = await where.open<string>({ unique: true })
    const any = await where.open<string>()
    await unique.put('a')
    assert.equal(await any.update(1, 'b'), true)
    assert.equal(await unique.put('a'), 2)
    assert.equal(await unique.put('b'), 3)
    await any.put('c')
    assert.equal(await unique.update(4, 'd'), true)
    assert.equal(await unique.put('d'), undefined)
    assert.equal(await unique.put('c'), 5)
    assert.deepEqual(await unique.pop(9), ['b', 'a', 'b', 'd', 'c'])
    assert.deepEqual(await unique.putMany(['a', 'b', 'c', 'd']), [6, 7, 8, 9])
  })

  it('settles an item that was leased by its id once', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const delivery = await queue.lease({ after: 0 })
    await delivery?.ack()
    await assert.rejects(delivery?.ack() ?? Promise.resolve(), SettledError)
    assert.equal(await queue.size(), 0)
  })
}

/** Of a store without an index. */
export function refusing(place: MakePlace): void {
  it('refuses what needs an index, names the stores that have one, and goes on', async () => {
    const where = await place()
    const queue: AsyncQueue<number> = await where.open<number>({ order: 'fifo', unique: false })
    await queue.put(1)
    const calls = [
      () => queue.update(1, 2),
      () => queue.lease({ id: 1 }),
      () => queue.lease({ after: 0 }),
      () => where.open({ order: 'lifo' }),
      () => where.open({ order: 'priority' }),
      () => where.open({ unique: true }),
      () => where.open({ unique: String }),
    ]
    for (const call of calls) {
      await assert.rejects(
        call(),
        (error) => error instanceof UnsupportedError && /sqlite:, mysql:/.test(error.message),
      )
    }
    await assert.rejects(queue.put(2, { priority: 1 }), UnsupportedError)
    assert.deepEqual(await queue.pop(9), [1])
  })
}
