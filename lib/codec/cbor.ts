// cbor.ts: CBOR (RFC 8949) by cbor-x, an optional peer dependency that is loaded when this codec is named. What CBOR
// can't hold is changed as cbor-x does; it throws for functions and symbols.

import { UnsupportedError } from '../errors.ts'
import { asBuffer, type Codec } from './codec.ts'

// cbor-x keeps the texts that it read last until it reads again: those of a document larger than this are let go.
const LARGE_BYTES = 64 * 1024
const NOTHING = Buffer.of(0xf6)

/** How cbor-x is found; specs put something else in its place. */
export type Import = () => Promise<Pick<typeof import('cbor-x'), 'Encoder'>>

export async function loadCbor(find: Import = () => import('cbor-x')): Promise<Codec<unknown>> {
  const { Encoder } = await find().catch(missing)
  // copyBuffers: a Buffer of its own. variableMapSize: more than 65,535 keys. Maps, tagged, stay apart from objects.
  const cbor = new Encoder({
    useRecords: false,
    mapsAsObjects: true,
    variableMapSize: true,
    copyBuffers: true,
    useToJSON: true,
    structuredClone: false,
  })
  const encode = (value: unknown) => cbor.encode(value)
  const decode = (bytes: Uint8Array) => {
    try {
      return cbor.decode(checked(asBuffer(bytes)))
    } finally {
      if (bytes.length > LARGE_BYTES) cbor.decode(NOTHING)
    }
  }
  return { name: 'cbor', encode, decode, encodeBatch: encode, decodeBatch: decode }
}

function missing(cause: unknown): never {
  throw new UnsupportedError("the codec 'cbor' needs the package cbor-x, which can't be loaded: npm i cbor-x", {
    cause,
  })
}

// cbor-x makes room for as many elements as an array's header says (up to 112 million) before it looks for them.
// So the headers are hopped over first: each value takes at least a byte.
function checked(bytes: Buffer): Buffer {
  let at = 0
  for (let wanted = 1; wanted > 0; ) {
    const major = (bytes[at] ?? 0) >> 5
    const short = (bytes[at] ?? 0) & 0x1f
    at++
    if (short === 0x1f) return bytes // of no stated length
    let length = short
    if (short >= 24) {
      const size = 1 << (short - 24)
      if (short > 27 || at + size > bytes.length) break
      length = size === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, size)
      at += size
    }
    if (major !== 6) wanted--
    if (major === 2 || major === 3) at += length
    if (major === 4) wanted += length
    if (major === 5) wanted += 2 * length
    if (at + wanted > bytes.length) break
    if (wanted === 0) return bytes
  }
  throw new RangeError('the bytes end before the CBOR that they begin')
}
