// random-items.ts: items of random shapes, made quickly: objects of a few lists of keys that change slowly, so that one
// comes again and again beside others that begin alike, and values of every kind that a codec promises to bring back.

type Random = () => number
type Make = () => unknown

/** Kinds of values: each codec promises its own. */
export type KindName = keyof ReturnType<typeof makers>

const SHAPES = 12
const MAX_DEPTH = 3
const awkward = [
  '__proto__',
  'constructor',
  'toJSON',
  'length',
  '',
  '0',
  'a,b',
  'ключ',
  '\ud800',
  `\ufeff${'k'.repeat(70)}`,
]
const numbers = [0, 63, 64, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 5e-324, 1e300]
const oddNumbers = [-0, NaN, Infinity, -Infinity]
const lengths = [0, 1, 3, 15, 16, 31, 32, 63, 64, 65, 140, 255, 256, 511, 512, 600, 700, 1024, 6000, 9000]
const TypedArrays = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
]

export class RandomItems {
  readonly #random: Random
  readonly #makers: Readonly<Record<string, Make>>
  readonly #kinds: readonly string[]
  readonly #shapes: string[][]
  readonly #hasAwkwardKeys: boolean
  #depth = 0

  constructor(random: Random, kinds: readonly KindName[]) {
    this.#random = random
    this.#kinds = kinds
    this.#hasAwkwardKeys = kinds.includes('half a text')
    this.#makers = makers(random, () => this.#value())
    this.#shapes = Array.from({ length: SHAPES }, () => ['hash', 'image', this.#key()])
  }

  /** An object, most often: that is what queues hold. */
  next(): unknown {
    return this.#random() < 0.8 ? this.#object() : this.#value()
  }

  #value(): unknown {
    if (++this.#depth > MAX_DEPTH) {
      this.#depth--
      return this.#depth
    }
    try {
      const chance = this.#random()
      if (chance < 0.1) return this.#object()
      if (chance < 0.2) return Array.from({ length: this.#below(4) }, () => this.#value())
      return this.#makers[this.#kinds[this.#below(this.#kinds.length)] ?? '']?.()
    } finally {
      this.#depth--
    }
  }

  #object(): object {
    if (this.#random() < 0.1) this.#change()
    const keys = this.#shapes[this.#below(SHAPES)] ?? []
    return Object.fromEntries(keys.map((key) => [key, this.#value()]))
  }

  /** A shape becomes another one's neighbour: with as many keys, the first ones alike; or longer; or shorter. */
  #change(): void {
    const keys = [...(this.#shapes[this.#below(SHAPES)] ?? [])]
    const kind = this.#below(3)
    if (kind < 2) keys.splice(this.#below(keys.length + 1), kind, this.#key())
    else keys.splice(this.#below(keys.length + 1), 1)
    const unique = [...new Set(keys)].slice(0, 6)
    this.#shapes[this.#below(SHAPES)] = unique
  }

  #key(): string {
    if (this.#hasAwkwardKeys && this.#random() < 0.05) return awkward[this.#below(awkward.length)] ?? ''
    return `k${this.#below(30)}${'x'.repeat(this.#random() < 0.1 ? this.#below(40) : 0)}`
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }
}

function makers(random: Random, value: Make) {
  const below = (n: number) => Math.floor(random() * n)
  const length = () => lengths[below(random() < 0.1 ? lengths.length : 10)] ?? 0
  const bytes = () => Buffer.alloc(length(), below(256) || 'seven')
  const ascii = () =>
    `${below(1e9).toString(36)} some words of a text `
      .repeat(30)
      .repeat(random() < 0.02 ? 12 : 1)
      .slice(0, length())
  const units = () => Array.from({ length: below(20) }, () => below(0x1_0000))
  const entries = () => Array.from({ length: below(4) }, (): [unknown, unknown] => [value(), value()])
  return {
    null: () => null,
    undefined: () => undefined,
    boolean: () => random() < 0.5,
    'a number': () =>
      random() < 0.5 ? below(300) - 100 : random() < 0.5 ? (random() - 0.5) * 1e12 : numbers[below(numbers.length)],
    'an odd number': () => oddNumbers[below(oddNumbers.length)],
    'a bigint': () => (random() < 0.5 ? BigInt(below(1e9)) : 1n << BigInt(below(200))) * (random() < 0.5 ? 1n : -1n),
    'a text': () => (random() < 0.7 ? ascii() : '🙂 Füße 漢字 '.slice(0, 2 + below(9)).repeat(below(12))),
    'half a text': () => (random() < 0.3 ? `\ufeff${ascii()}` : String.fromCharCode(...units())),
    'a date': () => new Date(random() < 0.05 ? NaN : Math.round((random() - 0.3) * 10 ** below(15))),
    bytes,
    'a typed array': () => typedOf(TypedArrays[below(TypedArrays.length)] ?? Uint8Array, bytes()),
    'a view': () => new DataView(Uint8Array.from(bytes()).buffer.slice(0), 0),
    memory: () => new Uint8Array(bytes()).buffer,
    'a map': () => new Map(entries()),
    'a set': () => new Set(Array.from({ length: below(4) }, value)),
    'a bare error': () => new TypeError(ascii().slice(0, 40), random() < 0.5 ? { cause: value() } : undefined),
    'an error': () =>
      Object.assign(new AggregateError([value()], ascii().slice(0, 40)), { code: value(), list: [value()] }),
  }
}

/** A part of a larger memory. */
function typedOf(Typed: (typeof TypedArrays)[number], bytes: Buffer): ArrayBufferView {
  const size = Math.floor(bytes.length / Typed.BYTES_PER_ELEMENT)
  const memory = new ArrayBuffer(bytes.length + 16)
  new Uint8Array(memory).set(bytes, 8)
  return new Typed(memory, 8, size)
}

const everywhere: readonly KindName[] = ['null', 'boolean', 'a number', 'a text']
const byName: readonly KindName[] = ['undefined', 'a bigint', 'a date', 'bytes', 'a typed array', 'a map', 'a set']
const exactly: readonly KindName[] = ['an odd number', 'half a text', 'a view', 'memory']

/** What each codec promises to bring back exactly. */
export const promised = {
  msgpack: [...everywhere, ...byName, ...exactly, 'a bare error', 'an error'],
  v8: [...everywhere, ...byName, ...exactly, 'a bare error'],
  cbor: [...everywhere, ...byName],
  json: [...everywhere, 'half a text'],
} satisfies Record<string, readonly KindName[]>
