// updating.ts: values that are computed from what was there.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CodecError } from '../../lib/index.ts'
import { collect, fresh, type MakePlace } from './suite.ts'

export function updating(place: MakePlace): void {
  it('makes a value of the old one, and resolves to it', async () => {
    const map = await fresh<number>(place)
    assert.equal(await map.update('a', (n) => (n === undefined ? 1 : -1)), 1)
    assert.equal(await map.update('a', (n = 0) => n + 1), 2)
    assert.equal(await map.get('a'), 2)
  })

  it('loses no increment, through however many handles', async () => {
    const where = await place()
    const handles = [await where.open<number>(), await where.open<number>(), await where.open<number>()]
    const results = Array.from({ length: 300 }, (_, i) => handles[i % 3]?.update('n', (n = 0) => n + 1))
    const seen = (await Promise.all(results)).map(Number).toSorted((a, b) => a - b)
    assert.deepEqual(
      seen,
      Array.from({ length: 300 }, (_, i) => i + 1),
    )
    assert.equal(await handles[0]?.get('n'), 300)
  })

  it('gathers updates of one key into few writes, in the order of their calls', async () => {
    const map = await fresh<string>(place)
    let calls = 0
    const add = (letter: string) =>
      map.update('a', (old = '') => {
        calls += 1
        return old + letter
      })
    assert.deepEqual(await Promise.all(['a', 'b', 'c', 'd'].map(add)), ['a', 'ab', 'abc', 'abcd'])
    assert.equal(calls, 4)
  })

  it('calls again, with what is there now, where somebody else was quicker', async () => {
    const where = await place()
    const [one, other] = [await where.open<string>(), await where.open<string>()]
    await one.set('a', 'x')
    for (const disturb of [
      () => other.set('a', 'set'),
      () => other.set('a', 'x'),
      () => other.delete('a'),
      () => Promise.all([other.delete('a'), other.set('a', 'x')]),
      () => other.clear(),
    ]) {
      await one.set('a', 'x')
      const seen: unknown[] = []
      let disturbed: Promise<unknown> = Promise.resolve()
      await one.update('a', (old) => {
        if (seen.length === 0) disturbed = disturb()
        seen.push(old)
        return `${old}!`
      })
      await disturbed
      assert.equal(seen.length, 2)
      assert.equal(await one.get('a'), `${seen[1]}!`)
    }
  })

  it('decodes the old value afresh for each function', async () => {
    const map = await fresh<number[]>(place)
    const [one, two] = await Promise.all([
      map.update('a', (list = []) => [...list, 1]),
      map.update('a', (list = []) => {
        list.push(2)
        return list
      }),
    ])
    one.push(9)
    two.push(9)
    assert.deepEqual(await map.get('a'), [1, 2])
  })

  it('sets nothing where the function throws, and goes on with those behind it', async () => {
    const map = await fresh<number>(place)
    await map.set('a', 1)
    const broken = new Error('no')
    const results = await Promise.allSettled([
      map.update('a', (n = 0) => n + 1),
      map.update('a', () => {
        throw broken
      }),
      map.update('a', (n = 0) => n + 1),
    ])
    assert.deepEqual(results, [
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: broken },
      { status: 'fulfilled', value: 3 },
    ])
    await assert.rejects(
      map.update('b', () => {
        throw broken
      }),
      broken,
    )
    assert.equal(await map.has('b'), false)
  })

  it('refuses what is no function, returns a promise, or makes what has no encoding', async () => {
    const map = await fresh(place)
    await assert.rejects(map.update('a', 1 as unknown as () => unknown), TypeError)
    await assert.rejects(
      map.update('a', async () => 1),
      TypeError,
    )
    await assert.rejects(
      map.update('a', () => Promise.reject(new Error('unseen'))),
      TypeError,
    )
    await assert.rejects(
      map.update('a', () => Symbol('none')),
      CodecError,
    )
    assert.equal(await map.size(), 0)
  })

  it('keeps the place of an entry that is updated', async () => {
    const map = await fresh<number>(place)
    await map.set('a', 1)
    await map.set('b', 1)
    await map.update('a', (n = 0) => n + 1)
    await map.update('c', (n = 0) => n + 1)
    assert.deepEqual(await collect(map.keys()), ['a', 'b', 'c'])
  })
}
