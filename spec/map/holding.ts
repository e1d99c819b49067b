// holding.ts: values in and out.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Codec, CodecError, CodecMismatchError, PersistentMap } from '../../lib/index.ts'
import { collect, fresh, type MakePlace } from './suite.ts'

export function holding(place: MakePlace): void {
  it('gives what was set, and undefined for what was not', async () => {
    const map = await fresh<number>(place)
    assert.equal(await map.get('a'), undefined)
    assert.equal(await map.set('a', 1), undefined)
    assert.equal(await map.get('a'), 1)
    await map.set('a', 2)
    assert.deepEqual([await map.get('a'), await map.get('b')], [2, undefined])
  })

  it('brings any value back as it was', async () => {
    const map = await fresh(place)
    const values = [
      0,
      -0,
      Number.NaN,
      Infinity,
      10n ** 30n,
      '',
      'żółw 🐢',
      true,
      new Date(0),
      new Map([[1, new Set([2])]]),
    ]
    const more = [[], {}, { a: [{ b: null }] }, Buffer.from([0, 255]), new Float64Array([1.5]), 'x'.repeat(1_000_000)]
    for (const [i, value] of [...values, ...more].entries()) {
      await map.set(String(i), value)
      assert.deepEqual(await map.get(String(i)), value)
    }
    assert.deepEqual(await collect(map.values()), [...values, ...more])
  })

  it('tells null and undefined from a key that is not there', async () => {
    const map = await fresh(place)
    await map.set('null', null)
    await map.set('undefined', undefined)
    assert.deepEqual(
      [await map.get('null'), await map.get('undefined'), await map.get('none')],
      [null, undefined, undefined],
    )
    assert.deepEqual([await map.has('null'), await map.has('undefined'), await map.has('none')], [true, true, false])
    assert.equal(await map.size(), 2)
    assert.deepEqual(await collect(map), [
      ['null', null],
      ['undefined', undefined],
    ])
    assert.equal(await map.delete('undefined'), true)
    assert.equal(await map.has('undefined'), false)
  })

  it('stores the value as it was when set was called, also while it still opens', async () => {
    const where = await place()
    const map = where.start<{ n: number }>()
    const value = { n: 1 }
    const early = map.set('early', value)
    value.n = 2
    await early
    const late = map.set('late', value)
    value.n = 3
    await late
    assert.deepEqual([await map.get('early'), await map.get('late')], [{ n: 1 }, { n: 2 }])
  })

  it('decodes a value afresh each time', async () => {
    const map = await fresh<{ n: number }>(place)
    await map.set('a', { n: 1 })
    const first = await map.get('a')
    assert.ok(first)
    first.n = 9
    for await (const [, value] of map) value.n = 9
    assert.deepEqual(await map.get('a'), { n: 1 })
  })

  it('records its codec: another one is refused, none takes what is recorded', async () => {
    const where = await place()
    const first = await where.open({ codec: 'json' })
    await first.set('a', { at: 1 })
    await assert.rejects(where.open({ codec: 'msgpack' }), CodecMismatchError)
    const again = where.start()
    await Promise.all([again.set('b', [new Date(0)]), again.set('c', 'early')])
    assert.deepEqual(await collect(again), [
      ['a', { at: 1 }],
      ['b', ['1970-01-01T00:00:00.000Z']],
      ['c', 'early'],
    ])
  })

  it('takes a codec of its own, and is not opened without it', async () => {
    const where = await place()
    const shout: Codec<string> = {
      name: 'shout',
      encode: (value) => Buffer.from(value.toUpperCase()),
      decode: (bytes) => Buffer.from(bytes).toString(),
    }
    const map = await where.open<string>({ codec: shout })
    await map.set('a', 'hey')
    assert.equal(await map.get('a'), 'HEY')
    await assert.rejects(where.open(), CodecMismatchError)
    await assert.rejects(PersistentMap.open(where.location, { codec: 'raw' }), CodecMismatchError)
  })

  it('refuses a value that its codec cannot encode, and leaves the old one', async () => {
    const map = await fresh(place)
    await map.set('a', 1)
    const failure = await map.set('a', () => 2).catch((error: unknown) => error)
    assert.ok(failure instanceof CodecError)
    assert.match(failure.message, /"a"/)
    assert.equal(await map.get('a'), 1)
    await assert.rejects(
      map.set('b', () => 2),
      CodecError,
    )
    assert.equal(await map.has('b'), false)
  })

  it('loses no more than the one value that cannot be decoded', async () => {
    const where = await place()
    const map = await where.open<number>({ codec: picky([]) })
    for (const n of [1, 2, 3, 4]) await map.set(`key ${n}`, n)
    await map.close()
    const again = await where.open<number>({ codec: picky([2]) })
    const failure = await again.get('key 2').catch((error: unknown) => error)
    assert.ok(failure instanceof CodecError)
    assert.match(failure.message, /"key 2".*not to my taste/)
    assert.deepEqual([await again.get('key 1'), await again.has('key 2'), await again.size()], [1, true, 4])
    await assert.rejects(
      again.update('key 2', (n = 0) => n + 1),
      CodecError,
    )
    assert.deepEqual(await collect(again.keys()), ['key 1', 'key 2', 'key 3', 'key 4'])
    const values = again.values()
    assert.equal((await values.next()).value, 1)
    await assert.rejects(values.next(), CodecError)
    assert.deepEqual(await collect(values), [3, 4])
    await again.set('key 2', 5)
    assert.deepEqual(await collect(again.values()), [1, 5, 3, 4])
  })

  it('has after reopening what it had', async () => {
    const where = await place()
    const map = await where.open<number>()
    await map.set('b', 1)
    await map.set('a', 2)
    await map.set('gone', 3)
    await map.delete('gone')
    await map.close()
    const again = await where.open<number>()
    await again.set('c', 4)
    assert.deepEqual(await collect(again), [
      ['b', 1],
      ['a', 2],
      ['c', 4],
    ])
    assert.equal(await again.size(), 3)
  })
}

/** Cannot decode some numbers. */
function picky(refused: readonly number[]): Codec<number> {
  return {
    name: 'picky',
    encode: (value) => Uint8Array.of(value),
    decode: (bytes) => {
      const value = bytes[0] ?? 0
      if (refused.includes(value)) throw new Error(`${value} is not to my taste`)
      return value
    },
  }
}
