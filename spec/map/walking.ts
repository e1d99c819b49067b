// walking.ts: keys, values and entries, a page at a time, whatever changes in between.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { collect, fresh, keysOf, type MakePlace } from './suite.ts'

export function walking(place: MakePlace): void {
  it('goes by insertion: a key that is set again keeps its place, one that was deleted goes to the end', async () => {
    const map = await fresh<number>(place)
    for (const key of ['c', 'a', 'b']) await map.set(key, 1)
    await map.set('c', 2)
    await map.delete('a')
    await map.set('a', 3)
    const entries = [
      ['c', 2],
      ['b', 1],
      ['a', 3],
    ]
    assert.deepEqual(await collect(map), entries)
    assert.deepEqual(await collect(map.entries()), entries)
    assert.deepEqual(await collect(map.keys()), ['c', 'b', 'a'])
    assert.deepEqual(await collect(map.values()), [2, 1, 3])
  })

  it('goes through many entries, and large ones, as through few', async () => {
    const map = await fresh<string>(place)
    const keys = keysOf(1, 1000)
    await Promise.all(keys.map((key, i) => map.set(key, 'x'.repeat(i % 100 === 0 ? 100_000 : 10))))
    assert.deepEqual(await collect(map.keys()), keys)
    assert.deepEqual(
      (await collect(map.values())).map(({ length }) => length),
      keys.map((_, i) => (i % 100 === 0 ? 100_000 : 10)),
    )
  })

  it('does what a Map does with what its loop changes', async () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const map = await fresh<number>(place)
      const model = new Map<string, number>()
      for (const key of keysOf(1, 40)) {
        await map.set(key, 0)
        model.set(key, 0)
      }
      const changes = changing(seed)
      const seen: unknown[] = []
      for await (const entry of map) {
        seen.push(entry)
        for (const [key, n] of changes(seen.length)) {
          if (n === undefined) await map.delete(key)
          else await map.set(key, n)
        }
      }
      const expected: unknown[] = []
      for (const entry of model) {
        expected.push(entry)
        for (const [key, n] of changes(expected.length)) {
          if (n === undefined) model.delete(key)
          else model.set(key, n)
        }
      }
      assert.deepEqual(seen, expected, `seed ${seed}`)
      assert.deepEqual(await collect(map), [...model], `seed ${seed}`)
    }
  })

  it('ends early when all that is left is cleared, and goes on with what comes after that', async () => {
    const map = await fresh<number>(place)
    for (const key of keysOf(1, 5)) await map.set(key, 1)
    const keys = map.keys()
    assert.equal((await keys.next()).value, 'key 1')
    await map.clear()
    await map.set('new', 2)
    assert.deepEqual(await collect(keys), ['new'])
    assert.deepEqual(await keys.next(), { value: undefined, done: true })
    await map.set('too late', 3)
    assert.deepEqual(await keys.next(), { value: undefined, done: true })
  })

  it('meets what other handles change, at the latest with its next page', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>(), await where.open<number>()]
    const keys = keysOf(1, 1000)
    await Promise.all(keys.map((key) => one.set(key, 1)))
    const walk = one.entries()
    await walk.next()
    await Promise.all(keys.slice(500).map((key, i) => (i % 2 === 0 ? other.delete(key) : other.set(key, 2))))
    await other.set('new', 3)
    const seen = new Map(await collect(walk))
    assert.equal(seen.size, 499 + 250 + 1)
    assert.deepEqual(
      [seen.get('key 500'), seen.get('key 501'), seen.get('key 502'), seen.get('new')],
      [1, undefined, 2, 3],
    )
  })

  it('answers concurrent calls of next in order', async () => {
    const map = await fresh<number>(place)
    const keys = keysOf(1, 50)
    for (const key of keys) await map.set(key, 1)
    const walk = map.keys()
    const results = await Promise.all(Array.from({ length: 52 }, () => walk.next()))
    assert.deepEqual(
      results.map(({ value }) => value),
      [...keys, undefined, undefined],
    )
  })

  it('is an async generator to those who look', async () => {
    const map = await fresh<number>(place)
    for (const key of ['a', 'b', 'c']) await map.set(key, 1)
    const left = map.keys()
    for await (const key of left) {
      assert.equal(key, 'a')
      break
    }
    assert.deepEqual(await left.next(), { value: undefined, done: true })
    const thrown = map.keys()
    const reason = new Error('enough')
    await assert.rejects(thrown.throw(reason), reason)
    assert.deepEqual(await thrown.next(), { value: undefined, done: true })
    const returned = map.keys()
    const waiting = returned.next()
    assert.deepEqual(await returned.return(undefined), { value: undefined, done: true })
    await waiting
    assert.deepEqual(await returned.next(), { value: undefined, done: true })
    assert.equal(returned[Symbol.asyncIterator](), returned)
  })
}

/** Changes to make after the n-th entry: the same for whoever asks. */
function changing(seed: number): (step: number) => readonly (readonly [string, number | undefined])[] {
  return (step) => {
    const pick = (n: number) => `key ${((step * 7919 + seed * 104_729 + n * 31) % 60) + 1}`
    // At some point it has to end.
    const added: readonly (readonly [string, number])[] = step < 100 ? [[pick(2), step]] : []
    return step % 3 === 0 ? [] : [[pick(1), undefined], ...added]
  }
}
