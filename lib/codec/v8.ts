// v8.ts: the engine's own format, as in structuredClone: it holds references within an item, cycles, and holes of arrays
// too. Item by item: in one message, two puts of one object would come back as one object.

import { DefaultDeserializer, serialize } from 'node:v8'
import { asBuffer, type Codec, copyOf } from './codec.ts'

export const v8: Codec<unknown> = {
  name: 'v8',
  encode: (item) => serialize(item),
  // Typed arrays are views of the bytes that they are read from, so these become the item's own.
  decode: (bytes) => read(copyOf(asBuffer(bytes))),
}

function read(bytes: Buffer): unknown {
  const deserializer = new DefaultDeserializer(bytes)
  deserializer.readHeader()
  return deserializer.readValue()
}
