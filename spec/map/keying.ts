// keying.ts: any string is a key, and nothing else is.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { collect, fresh, type MakePlace } from './suite.ts'

/** Each is another key than all the others. */
const odd = [
  '',
  ' ',
  '0',
  '1',
  '1.0',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'a',
  'A',
  'a ',
  'a\0',
  'a\0b',
  '\0',
  "'; DROP TABLE x; --",
  '"',
  '%',
  '_',
  '*',
  '🐢',
  '\ud83d',
  '\udc22',
  '\udc22\ud83d',
  '\ufffd',
  '\ufffe',
  '\uffff',
  'é',
  'e\u0301',
  '\r\n',
  'ß',
  'SS',
  'x'.repeat(1_000_000),
  `${'x'.repeat(999_999)}y`,
]

export function keying(place: MakePlace): void {
  it('takes any string for a key, and tells each from all others', async () => {
    const where = await place()
    const map = await where.open<number>()
    for (const [i, key] of odd.entries()) {
      assert.equal(await map.has(key), false, JSON.stringify(key.slice(0, 20)))
      await map.set(key, i)
    }
    await map.close()
    const again = await where.open<number>()
    for (const [i, key] of odd.entries()) assert.equal(await again.get(key), i, JSON.stringify(key.slice(0, 20)))
    assert.ok(isSame(await collect(again.keys()), odd))
    assert.ok(
      isSame(
        await collect(again.entries()),
        odd.map((key, i) => [key, i]),
      ),
    )
    for (const key of odd) assert.equal(await again.delete(key), true)
    assert.equal(await again.size(), 0)
  })

  it('refuses a key that is no string', async () => {
    const map = await fresh<number>(place)
    const calls = [map.get, map.has, map.delete, map.set, map.update] as ((key: unknown) => Promise<unknown>)[]
    for (const call of calls) {
      for (const key of [1, null, undefined, Symbol('key'), {}, ['a'], 1n]) {
        await assert.rejects(call.call(map, key), TypeError)
      }
    }
    assert.equal(await map.size(), 0)
  })

  it('pollutes nothing with a key named __proto__', async () => {
    const map = await fresh<object>(place)
    await map.set('__proto__', { polluted: true })
    await map.update('constructor', () => ({ polluted: true }))
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
    assert.equal('polluted' in Object.fromEntries(await collect(map)), false)
    assert.deepEqual(await map.get('__proto__'), { polluted: true })
  })
}

/** deepEqual would print megabytes. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
