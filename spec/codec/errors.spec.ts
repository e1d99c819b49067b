// errors.spec.ts: what is kept of an Error by msgpack, and by the codecs whose libraries decide it.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { isNativeError } from 'node:util/types'
import { runInNewContext } from 'node:vm'
import { type Codec, DocumentReader, DocumentWriter, loadCodec } from '../../lib/codec/index.ts'
import { CodecError } from '../../lib/errors.ts'
import { difference } from './items.ts'

const codec: Codec<unknown> = await loadCodec<unknown>('msgpack')
const again = (item: unknown) => codec.decode(codec.encode(item))

/** As one item, in an object, an array, a Map, a Set, as a cause, and between others of a batch. */
function waysOf(error: unknown): unknown[] {
  const documents = new DocumentWriter(codec).many([{ id: 1 }, { error }, { id: 2 }], true)
  const items = documents.flatMap((document) => {
    const piece = { firstId: 1, document, attempt: 0, enqueuedAt: 0, count: document.count, skip: 0 }
    return new DocumentReader(codec).take(piece).items
  })
  const map = again(new Map([['error', error]]))
  const set = again(new Set([error]))
  const outer = again(new Error('outer', { cause: [error] }))
  assert.ok(map instanceof Map && set instanceof Set && outer instanceof Error)
  const [inArray] = Object(again([error]))
  return [
    again(error),
    Object(again({ error })).error,
    inArray,
    map.get('error'),
    ...set,
    Object(outer.cause)[0],
    Object(items[1]).error,
  ]
}

function assertKept(error: Error, expected: Error = error): void {
  for (const back of waysOf(error)) {
    assert.ok(isNativeError(back))
    assert.equal(difference(expected, back), undefined)
  }
}

function thrownBy(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    if (error instanceof Error) return error
  }
  return assert.fail('nothing was thrown')
}

describe("the queue's msgpack codec", () => {
  it('keeps the code, the stack, the cause and all other properties of an error', () => {
    const cause = Object.assign(new TypeError('root'), { errno: -2, at: new Date(5) })
    assertKept(Object.assign(new Error('503 from upstream', { cause }), { code: 'ECONNRESET', status: 503 }))
    assertKept(thrownBy(() => readFileSync('/no/such/file')))
    for (const Kind of [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
      assertKept(Object.assign(new Kind('of a kind'), { list: [1n, undefined], map: new Map([[{}, NaN]]) }))
    }
  })

  it('keeps the errors of an AggregateError', () => {
    const errors = [new Error('a'), Object.assign(new RangeError('b'), { code: 'B' }), 'c', new AggregateError([1])]
    assertKept(new AggregateError(errors, 'all', { cause: 'many' }))
  })

  it('makes no cause and no message out of nothing, and keeps those that are undefined', () => {
    for (const error of [new Error(), new Error('plain'), new Error('', { cause: undefined })]) assertKept(error)
    assert.equal(Object.hasOwn(Object(again(new Error())), 'cause'), false)
    assert.equal(Object.hasOwn(Object(again(new Error())), 'message'), false)
    const bare = new Error('bare')
    Reflect.deleteProperty(bare, 'stack')
    assertKept(bare)
  })

  it('keeps what is shown shown, and half a surrogate pair', () => {
    const shown = new Error()
    shown.message = 'set later'
    assertKept(shown)
    assertKept(Object.assign(new Error('\ud800'), { '\udfff': '\ufeff', __proto: 1 }))
    assertKept(Object.assign(new Error('x'), { name: 'constructor' }))
    assertKept(Object.assign(new Error('x'), { name: 'toString' }))
  })

  it('gives the error of a class back as one of the language, under its name', () => {
    class SensorError extends TypeError {
      override readonly name = 'SensorError'
    }
    const error = new SensorError('too hot', { cause: new Map([['celsius', 99n]]) })
    const [back] = waysOf(error)
    assert.ok(back instanceof TypeError && !(back instanceof SensorError))
    assert.deepEqual(
      [back.name, back.message, back.cause, back.stack],
      [error.name, error.message, error.cause, error.stack],
    )
    const named = class extends Error {}
    Object.defineProperty(named.prototype, 'name', { value: 'Named' })
    assert.equal(String(again(new named('by its class'))), 'Named: by its class')
    assert.equal(String(again(new DOMException('stop', 'AbortError'))), 'AbortError: stop')
    const other: unknown = runInNewContext('Object.assign(new RangeError("of another realm"), { code: 1 })')
    const range = again(other)
    assert.ok(range instanceof RangeError)
    assert.deepEqual([range.message, Reflect.get(range, 'code')], ['of another realm', 1])
  })

  it('asks an error that has a toJSON what its other properties are', () => {
    const request = { circle: {}, send: () => 1 }
    request.circle = request
    const toJSON = () => ({ message: 'not this', code: 'E', send: () => 1 })
    const error = Object.assign(new Error('failed'), { request, toJSON, code: 'E' })
    const back = again(error)
    assert.ok(back instanceof Error)
    assert.deepEqual([back.message, back.stack, { ...back }], ['failed', error.stack, { code: 'E' }])
  })

  it('refuses an error that holds a function, a symbol, or itself', () => {
    const circle = new Error('circle')
    circle.cause = [circle]
    const odd = [circle, Object.assign(new Error(), { f: () => 1 }), Object.assign(new Error(), { s: Symbol('s') })]
    for (const error of odd) assert.throws(() => new DocumentWriter(codec).one({ error }), CodecError)
  })

  it('reads the errors that were written before format 2', () => {
    const text = (value: string) => Buffer.concat([Buffer.of(0xa0 | value.length), Buffer.from(value)])
    const old = Buffer.concat([Buffer.of(0xd4, 0x65, 0, 0x93), text('TypeError'), text('old'), Buffer.of(0x05)])
    for (const back of [codec.decode(old), codec.decode(Buffer.concat([Buffer.of(0xc1), old]))]) {
      assert.ok(back instanceof TypeError)
      assert.deepEqual([back.message, back.cause], ['old', 5])
    }
  })
})

describe("the queue's other codecs", () => {
  const error = Object.assign(new TypeError('x', { cause: 1 }), { code: 'C' })

  it('keep of an error what their libraries keep, as docs/codecs.md says', async () => {
    const kept = async (name: 'json' | 'v8' | 'cbor') => {
      const other = await loadCodec<unknown>(name)
      const back = other.decode(other.encode(error))
      return back instanceof Error
        ? [back.constructor.name, back.message, back.stack === error.stack, { ...back }]
        : back
    }
    assert.deepEqual(await kept('v8'), ['TypeError', 'x', true, {}])
    assert.deepEqual(await kept('json'), { code: 'C' })
    assert.deepEqual(await kept('cbor'), ['Error', 'x', false, {}])
  })
})
