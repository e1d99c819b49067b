// msgpack.ts: MessagePack with msgpackr's extension types: the default codec. Written by msgpack-writer.ts, read by
// msgpackr, which takes the strings of a whole document out of its bytes by one native call.
//
//   one item     a MessagePack value in the plain form; c1, which starts none, and one in the exact form
//   many items   an array in the records form

import { Unpackr } from 'msgpackr'
import { asBuffer, type Codec } from './codec.ts'
import { MsgpackDocument } from './msgpack-document.ts'
import { MsgpackReader, OTHER } from './msgpack-reader.ts'
import { EXACT, type Form, INEXACT, MsgpackWriter } from './msgpack-writer.ts'

const EXACT_MARK = 0xc1

// moreTypes: typed arrays and Errors. copyBuffers: a Buffer of its own. structuredClone: no references into the bytes.
const options = { moreTypes: true, copyBuffers: true, structuredClone: false }
const plain = new Unpackr({ ...options, useRecords: false, mapsAsObjects: true })
const records = new Unpackr(options)
const exact = new Unpackr({ ...options, useRecords: false, mapsAsObjects: false })
const writer = new MsgpackWriter()
const reader = new MsgpackReader()

export const msgpack: Codec<unknown> = {
  name: 'msgpack',

  encode(item) {
    try {
      return write(item, 'plain')
    } catch (error) {
      if (error !== INEXACT) throw error
      return write(item, 'exact', EXACT_MARK)
    }
  },

  decode(bytes) {
    const source = asBuffer(bytes)
    if (source[0] === EXACT_MARK) return revive(exact.unpack(source.subarray(1)))
    const item = reader.one(source)
    return item === OTHER ? plain.unpack(source) : item
  },

  encodeBatch: (items) => write(items, 'records'),
  decodeBatch(bytes) {
    const source = asBuffer(bytes)
    return reader.read(source) ?? records.unpack(source)
  },

  openDocument: () => new MsgpackDocument(),
}

function write(value: unknown, form: Form, lead?: number): Buffer {
  return (writer.busy ? new MsgpackWriter() : writer).write(value, form, lead)
}

/** Maps of the exact form back to what they stand for. */
function revive(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(revive)
  if (value instanceof Map) return reviveMap(value)
  if (value instanceof Set) return new Set(Array.from(value, revive))
  if (value instanceof Error && value.cause !== undefined) value.cause = revive(value.cause)
  return value
}

function reviveMap(map: ReadonlyMap<unknown, unknown>): unknown {
  const kind = map.size === 1 ? map.keys().next().value : undefined
  if (kind === EXACT.text) return (map.get(kind) as Buffer).toString('utf16le')
  if (kind === EXACT.map) return new Map(revive(map.get(kind)) as [unknown, unknown][])
  if (kind === EXACT.object) return objectOf(inPairs(revive(map.get(kind)) as unknown[]))
  return objectOf(Array.from(map, ([key, value]) => [String(key), revive(value)]))
}

function inPairs(values: readonly unknown[]): [string, unknown][] {
  return values.flatMap((value, i) => (i % 2 === 1 ? [[String(values[i - 1]), value] as [string, unknown]] : []))
}

/** Object.fromEntries makes own properties, of a key named __proto__ too. */
function objectOf(entries: readonly (readonly unknown[])[]): object {
  return Object.fromEntries(entries as readonly [string, unknown][])
}
