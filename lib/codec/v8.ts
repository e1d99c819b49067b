// v8.ts: the engine's own format, as in structuredClone: it holds references within an item, cycles, and holes of arrays
// too. Item by item: in one message, two puts of one object would come back as one object.

import { DefaultDeserializer, serialize } from 'node:v8'
import { asBuffer, type Codec } from './codec.ts'

export const v8: Codec<unknown> = {
  name: 'v8',
  encode: (item) => serialize(item),
  decode(bytes) {
    const deserializer = new OwnMemory(asBuffer(bytes))
    deserializer.readHeader()
    return deserializer.readValue()
  },
}

/** Node's makes Buffers, typed arrays and DataViews views of the bytes that they are read from; here each has its own. */
class OwnMemory extends DefaultDeserializer {
  _readHostObject(): ArrayBufferView {
    const view: ArrayBufferView = Reflect.get(DefaultDeserializer.prototype, '_readHostObject').call(this)
    const { buffer, byteOffset, byteLength } = view
    const bytes = buffer.slice(byteOffset, byteOffset + byteLength)
    return Buffer.isBuffer(view) ? Buffer.from(bytes) : Reflect.construct(view.constructor, [bytes])
  }
}
