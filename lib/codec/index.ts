// index.ts: from the option `codec` to the codec.

import { loadCbor } from './cbor.ts'
import type { Codec, CodecName, GeneralCodec } from './codec.ts'
import { assertCustom, custom } from './custom.ts'
import { json } from './json.ts'
import { msgpack } from './msgpack.ts'
import { raw } from './raw.ts'
import { v8 } from './v8.ts'

export type { Codec, CodecName, GeneralCodec } from './codec.ts'
export { DocumentReader, DocumentWriter, isArray, type Taken, type Undecodable } from './documents.ts'
export { GrowingDocuments } from './growing-documents.ts'

const load: Readonly<Record<CodecName, () => Codec<unknown> | Promise<Codec<unknown>>>> = {
  msgpack: () => msgpack,
  json: () => json,
  cbor: () => loadCbor(),
  v8: () => v8,
  raw: () => raw,
}

/** A TypeError unless `choice` names a codec or is one: what can be said before anything is loaded. */
export function assertCodec<T>(choice: unknown): asserts choice is CodecName | Codec<T> {
  if (typeof choice === 'string') {
    if (!isCodecName(choice))
      throw new TypeError(`there is no codec '${choice}': ${Object.keys(load).join(', ')}, or your own`)
    return
  }
  assertCustom(choice)
  if (isCodecName(choice.name))
    throw new TypeError(`the name '${choice.name}' is a codec of spoolq's: give yours another`)
}

/** The codec. Rejects with a TypeError for what is none, with an UnsupportedError where its package is missing. */
export async function loadCodec<T>(choice: CodecName | Codec<T> | GeneralCodec): Promise<Codec<T>> {
  assertCodec<T>(choice)
  if (typeof choice !== 'string') return custom(choice)
  return (await load[choice]()) as Codec<T>
}

/** Whether it is one of those that come with the package. */
export function isCodecName(name: string): name is CodecName {
  return Object.hasOwn(load, name)
}
