import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { AsyncQueue, PersistentMap } from '../../lib/index.ts'
import { mapSuite } from './suite.ts'

mapSuite('memory', async () => ({ location: `memory:${randomUUID()}?map=some`, remove: async () => {} }))

describe('a map in memory', () => {
  it('is nobody else’s where it has no name', async () => {
    await using one = await PersistentMap.open('memory:')
    await using other = await PersistentMap.open('memory:')
    await one.set('a', 1)
    assert.equal(await other.size(), 0)
  })

  it('is another one than the queue of that name, and than other maps of it', async () => {
    const name = `memory:${randomUUID()}`
    await using queue = await AsyncQueue.open(name)
    await using map = await PersistentMap.open(name)
    await using other = await PersistentMap.open(`${name}?map=other`)
    await using same = await PersistentMap.open(`${name}?map=map`)
    await queue.put('item')
    await map.set('a', 1)
    await other.set('b', 2)
    assert.deepEqual([await queue.size(), await map.size(), await other.size(), await same.get('a')], [1, 1, 1, 1])
  })
})
