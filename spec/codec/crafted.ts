// crafted.ts: documents by chance that look like those of a codec, and lie: a grammar of its headers with lengths that are
// wrong, keys that mean something to the language, and types that stand for more than their bytes.

import type { CodecName } from '../../lib/codec/index.ts'

export type Random = (limit: number) => number

/** mulberry32: the same numbers for the same seed, everywhere. */
export function randomOf(seed: number): Random {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'toJSON',
  'then',
  'length',
  'name',
  'a',
  '0',
  'x:r()},f({',
]
const TEXTS = ['Error', 'TypeError', 'Function', 'AggregateError', '(a+)+$', 'g', 'return process', ...KEYS]
const MOST_DEPTH = 6

type Make = (random: Random, depth: number) => Buffer

export function craftedBy(name: CodecName, random: Random): Buffer {
  const made = makers[name](random, 0)
  const kind = random(10)
  if (kind === 0) return made.subarray(0, random(made.length + 1))
  if (kind === 1) return Buffer.concat([made, made])
  if (kind === 2 && made.length > 0) made[random(made.length)] = random(256)
  return made
}

function pick<V>(random: Random, values: readonly V[]): V {
  return values[random(values.length)] as V
}

/** A number of so many bytes: mostly what is there, else anything. */
function claimed(random: Random, count: number, width: number): Buffer {
  const bytes = Buffer.alloc(width)
  const value = random(6) === 0 ? pick(random, [2 ** 31, 2 ** 32 - 1, 0xffff, count + 1, random(2 ** 26)]) : count
  bytes.writeUIntBE(value % 2 ** (8 * Math.min(width, 6)), width - Math.min(width, 6), Math.min(width, 6))
  return bytes
}

function parts(random: Random, make: () => Buffer): Buffer[] {
  return Array.from({ length: random(4) }, make)
}

const msgpack: Make = (random, depth) => {
  const value = () => msgpack(random, depth + 1)
  const text = (of = TEXTS) => {
    const bytes = Buffer.from(pick(random, of))
    return Buffer.concat([Buffer.of(0xd9), claimed(random, bytes.length, 1), bytes])
  }
  const ext = (type: number, body: Buffer) => {
    return Buffer.concat([Buffer.of(0xc9), claimed(random, body.length, 4), Buffer.of(type), body])
  }
  const kind = depth >= MOST_DEPTH ? random(6) : random(14)
  if (kind < 2) return Buffer.of(random(256))
  if (kind === 2) return text()
  if (kind === 3) return Buffer.concat([Buffer.of(pick(random, [0xcb, 0xcf, 0xd3])), random8(random)])
  if (kind === 4)
    return ext(pick(random, [0x42, 0x74, 0x65, 0x73, 0x78, 0x69, 0x70, 0xff, 0x72, 0x62]), randomBytes(random))
  if (kind === 5) return Buffer.concat([Buffer.of(0xc6), claimed(random, 3, 4), Buffer.of(1, 2, 3)])
  if (kind < 8)
    return listOf(
      random,
      pick(random, [
        [0xdc, 2],
        [0xdd, 4],
      ] as const),
      parts(random, value),
    )
  if (kind < 10) {
    const pairs = parts(random, () => Buffer.concat([text(KEYS), value()]))
    return listOf(
      random,
      pick(random, [
        [0xde, 2],
        [0xdf, 4],
      ] as const),
      pairs,
    )
  }
  if (kind === 10) return Buffer.concat([Buffer.of(0xc1), value()])
  if (kind === 11) return Buffer.concat([Buffer.of(0xc1, 0x81, random(6)), value()])
  if (kind === 12) {
    const keys = parts(random, () => text(KEYS))
    const id = 0x40 + random(3)
    const values = keys.map(value)
    return Buffer.concat([Buffer.of(0xd4, 0x72, id, 0x90 + keys.length), ...keys, ...values, Buffer.of(id), ...values])
  }
  return Buffer.concat([
    Buffer.of(pick(random, [0xd4, 0xd5, 0xd6, 0xd7]), pick(random, [0x65, 0x73, 0x78, 0x74, 0x69, 0x70]), 0),
    value(),
  ])
}

function listOf(random: Random, [head, width]: readonly [number, number], list: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(head), claimed(random, list.length, width), ...list])
}

const cbor: Make = (random, depth) => {
  const value = () => cbor(random, depth + 1)
  const text = (of = TEXTS) => {
    const bytes = Buffer.from(pick(random, of))
    return Buffer.concat([Buffer.of(0x78), claimed(random, bytes.length, 1), bytes])
  }
  const kind = depth >= MOST_DEPTH ? random(5) : random(12)
  if (kind < 2) return Buffer.of(random(256))
  if (kind === 2) return text()
  if (kind === 3) return Buffer.concat([Buffer.of(pick(random, [0x1b, 0x3b, 0xfb])), random8(random)])
  if (kind === 4) return Buffer.concat([Buffer.of(0x5a), claimed(random, 3, 4), Buffer.of(1, 2, 3)])
  if (kind < 7)
    return listOf(
      random,
      pick(random, [
        [0x99, 2],
        [0x9a, 4],
        [0x9b, 8],
      ] as const),
      parts(random, value),
    )
  if (kind === 7) return Buffer.concat([Buffer.of(0x9f), ...parts(random, value), Buffer.of(0xff)])
  if (kind < 10) {
    const pairs = parts(random, () => Buffer.concat([text(KEYS), value()]))
    if (kind === 8) return Buffer.concat([Buffer.of(0xbf), ...pairs, Buffer.of(0xff)])
    return listOf(
      random,
      pick(random, [
        [0xb9, 2],
        [0xba, 4],
      ] as const),
      pairs,
    )
  }
  const tag = pick(
    random,
    [0, 1, 2, 3, 4, 5, 6, 14, 25, 27, 28, 29, 51, 64, 72, 86, 105, 225, 256, 258, 259, 0xdffe, 0xdfff, 0xe000],
  )
  return Buffer.concat([
    Buffer.of(0xd9, tag >> 8, tag & 255),
    random(3) === 0 ? Buffer.concat([Buffer.of(0x82), text(), value()]) : value(),
  ])
}

const json: Make = (random, depth) => {
  const value = () => json(random, depth + 1).toString()
  const key = () => JSON.stringify(pick(random, KEYS))
  const kind = depth >= MOST_DEPTH ? random(4) : random(7)
  if (kind === 0)
    return Buffer.from(pick(random, ['null', '1e999', '-0', '1e-400', 'NaN', '""', '"\\ud800"', '\u2028', ' ']))
  if (kind === 1) return Buffer.from(JSON.stringify(pick(random, TEXTS)))
  if (kind === 2) return Buffer.from(String(random(2 ** 31)))
  if (kind === 3) return randomBytes(random)
  const list = Array.from({ length: random(4) }, kind < 5 ? value : () => `${key()}:${value()}`)
  return Buffer.from(kind < 5 ? `[${list.join()}]` : `{${list.join()}}`)
}

/** Tags of the engine's format: objects, arrays, maps, sets, errors, buffers, views, references, strings. */
const V8_TAGS = [...'oaA;\'rBt~V"cNIdZDRTF0_^\\jpmxynb%n'].map((tag) => tag.charCodeAt(0))

const v8Value: Make = (random, depth) => {
  const tag = pick(random, V8_TAGS)
  const length = random(6) === 0 ? pick(random, [[255, 255, 255, 255, 15], [255, 255, 127], [0]]) : [random(4)]
  const text = Buffer.from(pick(random, TEXTS))
  const named = Buffer.concat([Buffer.of(0x22, text.length), text])
  const inner =
    depth >= MOST_DEPTH ? [Buffer.of(0x30)] : parts(random, () => Buffer.concat([named, v8Value(random, depth + 1)]))
  const end =
    random(4) > 0 ? [Buffer.of(pick(random, [0x7b, 0x40, 0x24, 0x3a, 0x2c, 0x2e]), inner.length * 2, random(4))] : []
  return Buffer.concat([Buffer.from([tag, ...length]), ...inner, ...end])
}

const makers: Readonly<Record<CodecName, Make>> = {
  msgpack,
  cbor,
  json,
  v8: (random) => Buffer.concat([Buffer.of(0xff, pick(random, [15, 15, 15, 14, 13, 9, 255])), v8Value(random, 0)]),
  raw: (random) => randomBytes(random),
}

function randomBytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random(40) }, () => random(256)))
}

function random8(random: Random): Buffer {
  return Buffer.from(Array.from({ length: 8 }, () => random(256)))
}
