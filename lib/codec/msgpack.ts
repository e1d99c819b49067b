// msgpack.ts: MessagePack with msgpackr's extension types: the default codec. Written by msgpack-writer.ts, read by
// msgpackr, which takes the strings of a whole document out of its bytes by one native call.
//
//   one item     a MessagePack value in the plain form; c1, which starts none, and one in the exact form
//   many items   an array in the records form
//
// Bytes values get memory of their own, of exactly their size (copyBuffers). Short texts that stand together are parts of
// one string, of some 6 KiB at the most: so much may one of them keep in memory that is kept alone.

import { Unpackr } from 'msgpackr'
import { asBuffer, type Codec } from './codec.ts'
import { MsgpackDocument } from './msgpack-document.ts'
import { errorOf } from './msgpack-errors.ts'
import { EXACT, type Form, INEXACT, MsgpackWriter } from './msgpack-writer.ts'

const EXACT_MARK = 0xc1

// moreTypes: typed arrays and Errors. copyBuffers: a Buffer of its own. structuredClone: no references into the bytes.
const options = { moreTypes: true, copyBuffers: true, structuredClone: false }
const plain = new Unpackr({ ...options, useRecords: false, mapsAsObjects: true })
const records = new Unpackr(options)
const exact = new Unpackr({ ...options, useRecords: false, mapsAsObjects: false })
const writer = new MsgpackWriter()

// msgpackr keeps the texts that it read last until it reads again: those of a document larger than this are let go.
const LARGE_BYTES = 64 * 1024
const NOTHING = Buffer.of(0xc0)

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
    if (source[0] === EXACT_MARK) return revive(read(exact, source.subarray(1)))
    return read(plain, source)
  },

  encodeBatch: (items) => write(items, 'records'),
  decodeBatch: (bytes) => read(records, asBuffer(bytes)),

  openDocument: () => new MsgpackDocument(),
}

function write(value: unknown, form: Form, lead?: number): Buffer {
  return (writer.busy ? new MsgpackWriter() : writer).write(value, form, lead)
}

function read(form: Unpackr, bytes: Buffer) {
  try {
    return form.unpack(bytes)
  } finally {
    if (bytes.length > LARGE_BYTES) plain.unpack(NOTHING)
  }
}

/** Maps of the exact form back to what they stand for. */
function revive(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(revive)
  if (value instanceof Map) return reviveMap(value)
  if (value instanceof Set) return new Set(Array.from(value, revive))
  // As they were written until format 2.
  if (value instanceof Error && value.cause !== undefined) value.cause = revive(value.cause)
  return value
}

function reviveMap(map: ReadonlyMap<unknown, unknown>): unknown {
  const kind = map.size === 1 ? map.keys().next().value : undefined
  if (kind === EXACT.text) return (map.get(kind) as Buffer).toString('utf16le')
  if (kind === EXACT.map) return new Map(revive(map.get(kind)) as [unknown, unknown][])
  if (kind === EXACT.object) return objectOf(inPairs(revive(map.get(kind)) as unknown[]))
  if (kind === EXACT.error) return reviveError(revive(map.get(kind)) as readonly [string, unknown[], unknown[]])
  if (kind === EXACT.regExp) return new RegExp(...(revive(map.get(kind)) as [string, string]))
  return objectOf(Array.from(map, ([key, value]) => [String(key), revive(value)]))
}

function reviveError([kind, hidden, shown]: readonly [string, unknown[], unknown[]]): Error {
  return errorOf({ kind, hidden: inPairs(hidden), shown: inPairs(shown) })
}

function inPairs(values: readonly unknown[]): [string, unknown][] {
  return values.flatMap((value, i) => (i % 2 === 1 ? [[String(values[i - 1]), value] as [string, unknown]] : []))
}

/** Object.fromEntries makes own properties, of a key named __proto__ too. */
function objectOf(entries: readonly (readonly unknown[])[]): object {
  return Object.fromEntries(entries as readonly [string, unknown][])
}
