// putting.ts: items into the queue.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CodecError, UnsupportedError } from '../../lib/index.ts'
import { fresh, type MakePlace, numbers } from './place.ts'

export function putting(place: MakePlace): void {
  it('gives ids from 1 on, which order it', async () => {
    const queue = await fresh<string>(place)
    assert.equal(await queue.put('a'), 1)
    assert.deepEqual(await queue.putMany(['b', 'c']), [2, 3])
    assert.equal(await queue.put('d'), 4)
    assert.deepEqual(await queue.pop(9), ['a', 'b', 'c', 'd'])
    assert.equal(await queue.put('e'), 5)
  })

  it('keeps the order of calls that are not awaited', async () => {
    const queue = await fresh<number>(place)
    const ids = await Promise.all(numbers(1, 500).map((n) => queue.put(n)))
    assert.deepEqual(ids, numbers(1, 500))
    assert.deepEqual(await queue.pop(500), numbers(1, 500))
  })

  it('takes any iterable as a batch, and an empty one for nothing', async () => {
    const queue = await fresh<string>(place)
    assert.deepEqual(await queue.putMany(new Set(['a', 'b'])), [1, 2])
    assert.deepEqual(await queue.putMany([]), [])
    assert.equal(await queue.put('c'), 3)
    await assert.rejects(queue.putMany(7 as unknown as string[]), TypeError)
  })

  it('has null and undefined for items like any other', async () => {
    const queue = await fresh(place)
    await queue.putMany([null, undefined, 0])
    await queue.put(null)
    assert.deepEqual(await queue.peek(4), [null, undefined, 0, null])
    const seen: unknown[] = []
    for await (const item of queue.items({ wait: false })) seen.push(item)
    assert.deepEqual(seen, [null, undefined, 0, null])
  })

  it('stores the item as it was when put was called, also while it still opens', async () => {
    const where = await place()
    const queue = where.start<{ n: number }>()
    const item = { n: 1 }
    const early = [queue.put(item), queue.putMany([item])]
    item.n = 2
    await Promise.all(early)
    const late = [queue.put(item), queue.putMany([item, item])]
    item.n = 3
    await Promise.all(late)
    assert.deepEqual(await queue.pop(9), [{ n: 1 }, { n: 1 }, { n: 2 }, { n: 2 }, { n: 2 }])
  })

  it('takes early puts into the codec that it records', async () => {
    const where = await place()
    await (await where.open({ codec: 'json' })).close()
    const queue = where.start()
    await Promise.all([queue.put({ n: 1 }), queue.putMany([{ n: 2 }, { n: 3 }])])
    await queue.close()
    const again = await where.open({ codec: 'json' })
    assert.deepEqual(await again.pop(9), [{ n: 1 }, { n: 2 }, { n: 3 }])
  })

  it('refuses an item that its codec cannot encode, and puts nothing of its batch', async () => {
    const queue = await fresh(place)
    await assert.rejects(
      queue.put(() => 1),
      CodecError,
    )
    await assert.rejects(queue.putMany([1, 2, () => 3]), CodecError)
    assert.equal(await queue.size(), 0)
    assert.equal(await queue.put('a'), 1)
  })

  it('passes on what an iterable throws, and puts nothing', async () => {
    const queue = await fresh<number>(place)
    const broken = (function* () {
      yield 1
      throw new Error('no more')
    })()
    await assert.rejects(queue.putMany(broken), /no more/)
    assert.equal(await queue.size(), 0)
  })

  it('refuses wrong options of a put, whether it has to wait or not', async () => {
    const queue = await fresh<number>(place)
    const wrong = (options: object): Promise<unknown> => queue.put(1, options)
    await assert.rejects(wrong({ timeout: -1 }), RangeError)
    await assert.rejects(wrong({ timeout: Number.NaN }), RangeError)
    await assert.rejects(wrong({ timeout: '5' }), TypeError)
    await assert.rejects(wrong({ wait: 1 }), TypeError)
    await assert.rejects(wrong({ signal: {} }), TypeError)
    await assert.rejects(wrong({ when: 1 }), TypeError)
    await assert.rejects(wrong({ priority: 1 }), UnsupportedError)
    await assert.rejects(wrong({ delay: Infinity }), RangeError)
    await assert.rejects(queue.putMany([1], { timeout: -1 }), RangeError)
    assert.equal(await queue.size(), 0)
    assert.equal(await queue.put(1, { delay: 0, wait: true, timeout: Infinity }), 1)
  })

  it('lets timers run beside puts and pops that complete at once', async () => {
    const queue = await fresh<number>(place)
    const timer = new Promise<string>((resolve) => setTimeout(resolve, 5, 'the timer'))
    let fired = ''
    timer.then((who) => {
      fired = who
    })
    // Without turns of the event loop this would go on for ever.
    while (fired === '') {
      await queue.put(1)
      await queue.pop()
    }
    assert.equal(fired, 'the timer')
  })
}
