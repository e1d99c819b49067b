// items.ts: items of every kind that a codec may meet, and how two of them differ.

import fc from 'fast-check'

/** The seed of a run: printed by fast-check when a property fails, and set by SPOOLQ_SEED to repeat it. */
export function runs(numRuns: number): { numRuns: number; seed?: number } {
  const seed = process.env.SPOOLQ_SEED
  return {
    numRuns: process.env.SPOOLQ_CHECK ? numRuns * 2 : Math.ceil(numRuns / 8),
    ...(seed && { seed: Number(seed) }),
  }
}

const awkwardKeys = [
  '__proto__',
  '__proto_',
  '__keys__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  'then',
  'a,b',
  '',
  '0',
  'ключ',
  '\ud800',
  `\ufeff${'key'.repeat(30)}`,
]

const anyText = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('\ufeff', `\ufeff${'x'.repeat(90)}`, '\ufeffé', 'é\ufeff'.repeat(40)),
  fc.constantFrom('', '😀'.slice(0, 1), 'x'.repeat(63), 'é'.repeat(63), '漢'.repeat(64), 'é'.repeat(40_000)),
)
const text = fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: 'grapheme', maxLength: 80 }))
const key = fc.oneof({ weight: 4, arbitrary: fc.string({ maxLength: 6 }) }, fc.constantFrom(...awkwardKeys))

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 63, 64, 127, 128, 255, 256, 65_535, 65_536, -32, -33, -128, -129),
  fc.constantFrom(2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 1e300, 5e-324),
)

const bigint = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
  fc.bigInt({ min: -(2n ** 2000n), max: 2n ** 2000n }),
  fc.constantFrom(2n ** 63n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n, 127n, -128n, 2n ** 127n),
)

const date = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.integer({ min: -2000, max: 2000 }).map((ms) => new Date(ms)),
)

const typed = fc.oneof(
  ...[fc.int8Array(), fc.uint8Array(), fc.uint8ClampedArray(), fc.int16Array(), fc.uint16Array(), fc.int32Array()],
  ...[fc.uint32Array(), fc.float32Array(), fc.float64Array(), fc.bigInt64Array(), fc.bigUint64Array()],
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array().map((bytes) => bytes.buffer.slice(0)),
  fc.uint8Array().map((bytes) => new DataView(bytes.buffer, Math.min(1, bytes.length))),
)

function errorOf(Kind: ErrorConstructor, message: string, cause?: unknown): Error {
  return new Kind(message, cause === undefined ? undefined : { cause })
}

/** Whatever msgpack and v8 promise to bring back. */
export const anyItem: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    ...[anyText, number, bigint, date, typed, fc.boolean(), fc.constantFrom(null, undefined)],
    fc.constantFrom(/a+/giu, /\ud800/, new Error('out of order'), new RangeError('by name')),
    fc.array(tie('item')),
    fc.dictionary(key, tie('item'), { maxKeys: 20, noNullPrototype: true }),
    fc.array(fc.tuple(tie('item'), tie('item')), { maxLength: 20 }).map((entries) => new Map(entries)),
    fc.array(tie('item')).map((values) => new Set(values)),
    fc.tuple(fc.constantFrom(Error, TypeError, SyntaxError), text, tie('item')).map((args) => errorOf(...args)),
  ),
})).item

const coordinate = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0)

/** Small objects of a few shapes, as queues mostly hold, which every codec brings back. */
export const reading = fc.record(
  {
    id: fc.nat(),
    ts: fc.maxSafeInteger(),
    name: text,
    ok: fc.boolean(),
    at: fc.record({ lat: coordinate, lon: coordinate }, { noNullPrototype: true }),
  },
  { requiredKeys: ['id', 'ts'], noNullPrototype: true },
)

/** Where two values differ, as a path; undefined where they are the same in kind and content. */
export function difference(a: unknown, b: unknown, path = 'item'): string | undefined {
  if (Object.is(a, b)) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return path
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path} (its kind)`
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime()) ? undefined : path
  if (a instanceof RegExp) return String(a) === String(b) ? undefined : path
  if (a instanceof Map && b instanceof Map) return difference([...a], [...b], `${path}(entries)`)
  if (a instanceof Set && b instanceof Set) return difference([...a], [...b], `${path}(values)`)
  if (a instanceof Error && b instanceof Error) return difference(partsOf(a), partsOf(b), `${path}(error)`)
  if (isBytes(a) && isBytes(b)) return Buffer.compare(bytesOf(a), bytesOf(b)) === 0 ? undefined : path
  return propertyDifference(a, b, path)
}

function propertyDifference(a: object, b: object, path: string): string | undefined {
  const names = Object.keys(a)
  if (names.join('\0') !== Object.keys(b).join('\0')) return `${path} (its keys)`
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return `${path}.length`
  for (const name of names) {
    const found = difference(Reflect.get(a, name), Reflect.get(b, name), `${path}.${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** What an error has of its own, shown or hidden, in any order; and its name. */
function partsOf(error: Error): unknown[] {
  const keys = Object.getOwnPropertyNames(error).sort()
  return [
    error.name,
    keys.map((key) => [key, Object.prototype.propertyIsEnumerable.call(error, key), Reflect.get(error, key)]),
  ]
}

function isBytes(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}
