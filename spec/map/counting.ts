// counting.ts: size, delete, clear, and several handles.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { collect, fresh, keysOf, type MakePlace } from './suite.ts'

export function counting(place: MakePlace): void {
  it('counts its keys, however they came and went', async () => {
    const map = await fresh<number>(place)
    assert.equal(await map.size(), 0)
    await map.set('a', 1)
    await map.set('b', 2)
    await map.set('a', 3)
    assert.equal(await map.size(), 2)
    assert.equal(await map.delete('a'), true)
    assert.equal(await map.delete('a'), false)
    assert.equal(await map.delete('never there'), false)
    assert.equal(await map.size(), 1)
    await map.update('c', () => 1)
    await map.update('c', (n = 0) => n + 1)
    assert.equal(await map.size(), 2)
    assert.equal(await map.clear(), 2)
    assert.equal(await map.clear(), 0)
    assert.deepEqual([await map.size(), await map.has('b'), await collect(map)], [0, false, []])
    await map.set('b', 4)
    assert.deepEqual(await collect(map), [['b', 4]])
  })

  it('takes calls in their order, also where nobody awaits them', async () => {
    const map = await fresh<number>(place)
    const keys = keysOf(1, 300)
    const sets = keys.map((key, i) => map.set(key, i))
    const read = map.get('key 300')
    const deletes = keys.slice(0, 100).map((key) => map.delete(key))
    const again = map.set('key 1', -1)
    const size = map.size()
    await Promise.all([...sets, again])
    assert.deepEqual(new Set(await Promise.all(deletes)), new Set([true]))
    assert.deepEqual([await read, await size, await map.get('key 1')], [299, 201, -1])
    assert.deepEqual(await collect(map.keys()), [...keys.slice(100), 'key 1'])
  })

  it('is shared by its handles: sizes are right in each', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>(), await where.open<number>()]
    await one.set('a', 1)
    await other.set('b', 2)
    await other.set('a', 3)
    assert.deepEqual([await one.size(), await other.size()], [2, 2])
    assert.equal(await one.get('a'), 3)
    assert.deepEqual(await Promise.all([one.delete('a'), other.delete('b')]), [true, true])
    assert.deepEqual([await one.size(), await other.size()], [0, 0])
    assert.equal(await other.delete('a'), false)
    await one.close()
    await other.set('c', 5)
    assert.deepEqual(await collect(other), [['c', 5]])
  })

  it('deletes a key once, however many try', async () => {
    const where = await place()
    const handles = [await where.open<number>(), await where.open<number>()]
    await handles[0]?.set('a', 1)
    const tries = Array.from({ length: 20 }, (_, i) => handles[i % 2]?.delete('a'))
    assert.equal((await Promise.all(tries)).filter((deleted) => deleted === true).length, 1)
    assert.equal(await handles[1]?.size(), 0)
  })
}
