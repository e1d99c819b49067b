// at-hand.ts: a codec that encodes at once, for what is called while a queue still opens: the one that is named, else the
// one that a new queue gets. If another turns out to be recorded, what was encoded is decoded and encoded again.

import type { Codec, CodecName, GeneralCodec } from './codec.ts'
import { custom } from './custom.ts'
import { json } from './json.ts'
import { msgpack } from './msgpack.ts'
import { raw } from './raw.ts'
import { v8 } from './v8.ts'

// cbor has to be loaded first, and v8 holds all that it can hold.
const byName: Readonly<Record<CodecName, Codec<unknown>>> = { msgpack, json, raw, v8, cbor: v8 }

export function codecAtHand<T>(choice: CodecName | Codec<T> | GeneralCodec = 'msgpack'): Codec<T> {
  return typeof choice === 'string' ? (byName[choice] as Codec<T>) : custom(choice)
}
