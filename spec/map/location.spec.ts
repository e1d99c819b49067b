// Where a map can be, and where not.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PersistentMap, UnsupportedError } from '../../lib/index.ts'

describe('the place of a map', () => {
  it('is not one of a store without maps, which says who has them', async () => {
    for (const location of [
      './folder',
      '/abs/folder',
      'file:///tmp/x',
      'mysql://localhost/db',
      'mariadb://h/db',
      'nats://h/n',
    ]) {
      const failure = await PersistentMap.open(location).catch((error: unknown) => error)
      assert.ok(failure instanceof UnsupportedError, location)
      assert.match(failure.message, /sqlite:.*memory:/, location)
      assert.throws(() => new PersistentMap(location), UnsupportedError)
    }
  })

  it('is told by a string or a URL that makes sense', async () => {
    for (const location of [
      '',
      'ftp://x',
      'sqlite:',
      'sqlite:?map=x',
      'sqlite:a\0b',
      'sqlite:x.db?queue=y',
      'memory:x?queue=y',
      'memory:x?map=',
      `memory:x?map=${'x'.repeat(256)}`,
    ]) {
      await assert.rejects(PersistentMap.open(location), TypeError, location)
    }
    await assert.rejects(PersistentMap.open(7 as unknown as string), TypeError)
    await using map = await PersistentMap.open(new URL('memory:url?map=%F0%9F%90%A2%20%26'))
    await using same = await PersistentMap.open('memory:url?map=🐢 %26')
    await map.set('a', 1)
    assert.equal(await same.get('a'), 1)
  })
})
