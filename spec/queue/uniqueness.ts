// uniqueness.ts: a put whose equal is still waiting or in flight is ignored.

import assert from 'node:assert/strict'
import { pipeline } from 'node:stream/promises'
import { it } from 'node:test'
import { QueueFullError } from '../../lib/index.ts'
import { fate, fresh, type MakePlace, numbers } from './place.ts'

export function uniqueness(place: MakePlace): void {
  it('ignores a put whose equal waits, is delayed or in flight, and takes it again once that is settled', async () => {
    const queue = await fresh<string>(place, { unique: true })
    assert.equal(await queue.put('a'), 1)
    assert.equal(await queue.put('a'), undefined)
    assert.equal(await queue.put('later', { delay: 1e9 }), 2)
    assert.equal(await queue.put('later'), undefined)
    const delivery = await queue.lease()
    assert.equal(await queue.put('a'), undefined)
    await delivery?.nack()
    assert.equal(await queue.put('a'), undefined)
    assert.equal(await queue.pop(), 'a')
    assert.equal(await queue.put('a'), 3)
    await (await queue.lease())?.ack()
    assert.equal(await queue.put('a'), 4)
    assert.equal(await queue.delete(), 1)
    assert.equal(await queue.put('a'), 5)
    assert.equal(await queue.clear(), 2)
    assert.deepEqual(await queue.putMany(['a', 'later']), [6, 7])
    assert.equal((await queue.stats()).put, 7)
  })

  it('resolves a batch to an id for each item, undefined for those that it ignored', async () => {
    const queue = await fresh<string>(place, { unique: true })
    await queue.put('b')
    assert.deepEqual(await queue.putMany(['a', 'b', 'a', 'c']), [2, undefined, undefined, 3])
    assert.deepEqual(await queue.putMany(['a', 'b', 'a', 'c']), Array(4).fill(undefined))
    assert.deepEqual(await queue.pop(9), ['b', 'a', 'c'])
    const ids = await Promise.all(numbers(1, 200).map((n) => queue.put(`${n % 20}`)))
    assert.deepEqual(ids.filter((id) => id !== undefined).length, 20)
    assert.equal(await queue.size(), 20)
  })

  it('takes items for equal that come out alike, whatever the order of their keys, at any depth', async () => {
    const queue = await fresh(place, { unique: true })
    const equals: [unknown, unknown][] = [
      [
        { a: 1, b: { c: [1, { x: 1, y: 2 }], d: 2 } },
        { b: { d: 2, c: [1, { y: 2, x: 1 }] }, a: 1 },
      ],
      [
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ],
      [new Set([1, 2]), new Set([2, 1])],
      [new Date(5), new Date(5)],
      [Uint8Array.of(1, 2), Buffer.of(1, 2)],
      [0, -0],
      [Number.NaN, Number.NaN],
    ]
    for (const [one, other] of equals) {
      assert.equal(typeof (await queue.put(one)), 'number')
      assert.equal(await queue.put(other), undefined)
    }
  })

  it('takes no two items for equal that differ', async () => {
    const queue = await fresh(place, { unique: true })
    const all = [
      ...[
        1,
        '1',
        1n,
        true,
        'true',
        null,
        'null',
        undefined,
        'undefined',
        '',
        0,
        [],
        {},
        [[]],
        [{}],
        [null],
        [undefined],
      ],
      ...[
        { a: 1 },
        { a: '1' },
        { a: undefined },
        [1, 2],
        [2, 1],
        ['1,2'],
        '[1,2]',
        new Date(1),
        '1970-01-01T00:00:00.001Z',
      ],
      ...[
        new Map(),
        new Set(),
        new Map([[1, 2]]),
        new Set([1]),
        new Set(['1']),
        Uint8Array.of(1),
        Uint16Array.of(1),
        [1],
      ],
      ...['\ud800', '\udc00', '\ufffd', { 'a":1,"b': 2 }, { a: 1, b: 2 }, new Error('a'), new Error('b')],
    ]
    for (const item of all) assert.equal(typeof (await queue.put(item)), 'number', String(item))
    assert.equal(await queue.size(), all.length)
  })

  it("takes the user's word for what is equal, and refuses what is no string", async () => {
    const unique = ({ url }: { url: string; n?: number }): string => url
    const queue = await fresh(place, { unique })
    assert.equal(await queue.put({ url: 'a', n: 1 }), 1)
    assert.equal(await queue.put({ url: 'a', n: 2 }), undefined)
    assert.equal(await queue.put({ url: 'x'.repeat(100_000) }), 2)
    assert.equal(await queue.put({ url: `${'x'.repeat(99_999)}y` }), 3)
    await assert.rejects(queue.put({ url: 7 as never }), TypeError)
    await assert.rejects(queue.putMany([{ url: 'b' }, {} as never]), TypeError)
    assert.equal(await queue.size(), 3)
  })

  it('keeps that across a restart, and over two handles', async () => {
    const where = await place()
    const first = await where.open<number>({ unique: true })
    const keeper = await where.open<number>({ unique: true })
    await first.putMany([1, 2])
    await first.close()
    const again = await where.open<number>({ unique: true })
    assert.equal(await again.put(2), undefined)
    assert.equal(await keeper.put(1), undefined)
    assert.equal(await keeper.pop(), 1)
    assert.equal(await again.put(1), 3)
  })

  it('ignores equals that were put before it was open, as they will come out', async () => {
    const where = await place()
    await (await where.open({ codec: 'json' })).close()
    const queue = where.start<unknown>({ unique: true })
    const date = new Date(7)
    const put = [queue.put({ date }), queue.put({ date: date.toJSON() }), queue.put(1)]
    assert.deepEqual(await Promise.all(put), [1, undefined, 2])
    const named = (await place()).start<{ n: number }>({ unique: ({ n }) => `${n % 2}` })
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => named.put({ n }))), [1, 2, undefined])
  })

  it('frees the key of an item that is set aside, and retries none whose equal waits', async () => {
    const queue = await fresh<string>(place, { unique: true })
    await queue.put('a')
    await (await queue.lease())?.fail()
    assert.equal(await queue.put('a'), 2)
    await (await queue.lease())?.fail()
    assert.equal((await queue.counts()).failed, 2)
    assert.equal(await queue.retry(), 1)
    assert.equal(await queue.retry(), 0)
    assert.equal(await queue.put('a'), undefined)
    assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 1, acked: 0 })
    await (await queue.lease())?.nack({ to: 'back' })
    assert.equal(await queue.put('a'), undefined)
    assert.equal(await queue.pop(), 'a')
    assert.equal(await queue.retry(), 1)
    assert.equal(await queue.pop(), 'a')
  })

  it('needs no room for what it ignores', async () => {
    const queue = await fresh<number>(place, { unique: true, maxSize: 2, maxBytes: 2, codec: 'json' })
    assert.deepEqual(await queue.putMany([1, 1, 2]), [1, undefined, 2])
    assert.equal(await queue.put(2), undefined)
    assert.deepEqual(await queue.putMany([1, 2, 1, 2]), Array(4).fill(undefined))
    await assert.rejects(queue.put(3, { wait: false }), QueueFullError)
    await assert.rejects(queue.putMany([1, 3], { wait: false }), QueueFullError)
    const waiting = queue.put(3)
    assert.equal(await fate(waiting), 'pending')
    assert.equal(await queue.pop(), 1)
    assert.equal(await waiting, 3)
  })

  it('drops no item for a batch in which an equal of it is ignored', async () => {
    const queue = await fresh<string>(place, { unique: true, maxSize: 3, whenFull: 'drop-oldest', codec: 'json' })
    await queue.putMany(['a', 'b', 'c'])
    assert.deepEqual(await queue.putMany(['a', 'd']), [undefined, 4])
    assert.deepEqual(await queue.peek(9), ['a', 'c', 'd'])
    assert.deepEqual(await queue.putMany(['a', 'd', 'e']), [undefined, undefined, 5])
    assert.deepEqual(await queue.peek(9), ['a', 'd', 'e'])
    await assert.rejects(queue.putMany(['a', 'd', 'e', 'f'], { wait: false }), QueueFullError)
    const sized = await fresh<string>(place, { unique: true, maxBytes: 9, whenFull: 'drop-oldest', codec: 'json' })
    await sized.putMany(['a', 'b', 'c'])
    assert.deepEqual(await sized.putMany(['a', 'b', 'd']), [undefined, undefined, 4])
    assert.deepEqual(await sized.pop(9), ['a', 'b', 'd'])
  })

  it('stops asking for the items of a batch as soon as the different ones can no longer fit', async () => {
    const queue = await fresh<number>(place, { unique: true, maxSize: 3 })
    let asked = 0
    function* items(): Generator<number> {
      while (asked < 100_000) yield Math.floor(asked++ / 2)
    }
    await assert.rejects(queue.putMany(items()), QueueFullError)
    assert.equal(asked, 7)
    assert.equal(await queue.size(), 0)
  })

  it('lets streams through whose items are ignored', async () => {
    const queue = await fresh<number>(place, { unique: true })
    await pipeline(
      numbers(1, 500).map((n) => n % 50),
      queue.createWriteStream(),
    )
    assert.equal(await queue.size(), 50)
    await pipeline(
      numbers(1, 100).map((n) => n),
      queue,
    )
    await queue.opened
  })

  it('puts equal items through a handle that is not unique', async () => {
    const where = await place()
    const unique = await where.open<number>({ unique: true })
    const any = await where.open<number>()
    await unique.put(1)
    assert.equal(await any.put(1), 2)
    assert.equal(await unique.put(1), undefined)
  })

  it('copies into a unique queue each of equal items once', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 500).map((n) => n % 100))
    await using copy = await queue.copyTo((await place()).location, { unique: true })
    assert.deepEqual(await copy.pop(999), [...numbers(1, 99), 0])
  })
}
