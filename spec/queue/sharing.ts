// sharing.ts: several loops and handles on one queue.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { AsyncQueue } from '../../lib/index.ts'
import { fresh, type MakePlace, numbers, turns } from './place.ts'

export function sharing(place: MakePlace): void {
  it('gives each item to one of its loops, on one handle or several', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>(), await where.open<number>()]
    const seen: number[] = []
    let closed: Promise<unknown> | undefined
    const loop = async (queue: AsyncQueue<number>): Promise<void> => {
      for await (const item of queue) {
        seen.push(item)
        if (seen.length % 7 === 0) await turns(1)
        if (seen.length === 400) closed = Promise.all([one.close(), other.close()])
      }
    }
    const loops = [loop(one), loop(one), loop(other)]
    for (let from = 1; from <= 400; from += 40) await one.putMany(numbers(from, from + 39))
    await Promise.all(loops)
    await closed
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      numbers(1, 400),
    )
  })

  it('is one queue to its handles', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>(), await where.open<number>()]
    await one.putMany([1, 2])
    await other.put(3)
    assert.deepEqual(await other.peek(9), [1, 2, 3])
    assert.equal(await one.size(), 3)
    const items = other.items()
    await items.next()
    assert.deepEqual(await one.pop(9), [2, 3])
    const closed = other.close()
    assert.deepEqual(await items.next(), { value: undefined, done: true })
    await closed
    assert.equal(await one.size(), 0)
    const loop = (await where.open<number>()).items()
    await one.put(4)
    await loop.next()
    await loop.return(undefined)
    const [again] = await one.list()
    assert.deepEqual([again?.id, again?.attempt], [4, 1])
  })

  it('goes on where it was after closing and opening again', async () => {
    const where = await place()
    const queue = await where.open<number>()
    await queue.putMany(numbers(1, 10))
    await queue.pop(2)
    for await (const item of queue) if (item === 5) break
    await queue.close()
    const again = await where.open<number>()
    assert.equal(await again.size(), 6)
    assert.equal(await again.put(11), 11)
    assert.deepEqual(await again.pop(9), numbers(5, 11))
  })

  it('serves gets and loops beside each other', async () => {
    const queue = await fresh<number>(place)
    const items = queue.items()
    const next = items.next()
    const get = queue.get()
    await turns()
    await queue.putMany([1, 2])
    const values = [(await next).value, await get]
    assert.deepEqual(values.sort(), [1, 2])
    await items.return(undefined)
  })
}
