// raw.ts: bytes as they are.

import { type Codec, copyOf } from './codec.ts'

export const raw: Codec<unknown> = {
  name: 'raw',
  encode(item) {
    if (!ArrayBuffer.isView(item)) throw new TypeError("the codec 'raw' takes Buffers, typed arrays and DataViews only")
    return copyOf(new Uint8Array(item.buffer, item.byteOffset, item.byteLength))
  },
  decode: copyOf,
}
