// custom.ts: a codec of the user's, made to keep the promises of codec.ts: its bytes are checked and copied, either way,
// since an encoder may use its buffer again, and what it decodes may be a view of what it was given.

import { textOf } from '../text-of.ts'
import { type Codec, copyOf, type GeneralCodec } from './codec.ts'

/** A TypeError unless `value` is a codec. */
export function assertCustom(value: unknown): asserts value is Codec<unknown> {
  const fail = (what: string): never => {
    throw new TypeError(`a codec is { name, encode, decode }, with encodeBatch and decodeBatch or neither: ${what}`)
  }
  if (typeof value !== 'object' || value === null) return fail(`${textOf(value)} is no object`)
  const { name, encode, decode, encodeBatch, decodeBatch } = value as Partial<Record<keyof Codec<unknown>, unknown>>
  if (typeof name !== 'string' || name === '' || name.length > 100) fail('its name is 1 to 100 characters')
  if (typeof encode !== 'function') fail('encode is a function')
  if (typeof decode !== 'function') fail('decode is a function')
  if (typeof encodeBatch !== typeof decodeBatch) fail('one of the two is missing')
  if (encodeBatch !== undefined && typeof encodeBatch !== 'function') fail('encodeBatch is a function')
  if (decodeBatch !== undefined && typeof decodeBatch !== 'function') fail('decodeBatch is a function')
}

export function custom<T>(codec: Codec<T> | GeneralCodec): Codec<T> {
  const single: Codec<T> = {
    name: codec.name,
    encode: (item) => owned(codec.encode(item)),
    decode: (bytes) => codec.decode(copyOf(bytes)) as T,
  }
  if (codec.encodeBatch === undefined || codec.decodeBatch === undefined) return single
  return {
    ...single,
    encodeBatch: (items) => owned(codec.encodeBatch?.([...items])),
    decodeBatch: (bytes) => (codec.decodeBatch?.(copyOf(bytes)) ?? []) as T[],
  }
}

function owned(bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('encode returned no Uint8Array')
  return copyOf(bytes)
}
