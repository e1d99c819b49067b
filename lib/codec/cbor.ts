// cbor.ts: CBOR (RFC 8949) by cbor-x, an optional peer dependency that is loaded when this codec is named. What CBOR
// can't hold is changed as cbor-x does; it throws for functions and symbols.

import { UnsupportedError } from '../errors.ts'
import { asBuffer, type Codec } from './codec.ts'

// cbor-x keeps the texts that it read last until it reads again: those of a document larger than this are let go.
const LARGE_BYTES = 64 * 1024
const NOTHING = Buffer.of(0xf6)

/** How cbor-x is found; specs put something else in its place. */
export type Import = () => Promise<
  Pick<typeof import('cbor-x'), 'Encoder'> & Partial<Pick<typeof import('cbor-x'), 'addExtension'>>
>

export async function loadCbor(find: Import = () => import('cbor-x')): Promise<Codec<unknown>> {
  const { Encoder, addExtension } = await find().catch(missing)
  const read = addExtension as ((reading: { tag: number; decode(bytes: unknown): unknown }) => void) | undefined
  for (const [tag, sign] of BIGINTS) read?.({ tag, decode: (bytes) => sign(bigintOf(bytes)) })
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

// The same numbers as cbor-x reads, which takes a time that grows with the square of their length.
const BIGINTS: readonly (readonly [tag: number, sign: (value: bigint) => bigint])[] = [
  [2, (value) => value],
  [3, (value) => -1n - value],
]

function bigintOf(bytes: unknown): bigint {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('a large number is no bytes')
  return bytes.length === 0 ? 0n : BigInt(`0x${asBuffer(bytes).toString('hex')}`)
}

function missing(cause: unknown): never {
  throw new UnsupportedError("the codec 'cbor' needs the package cbor-x, which can't be loaded: npm i cbor-x", {
    cause,
  })
}

// cbor-x makes room for as many elements as an array's header says (up to 112 million) before it looks for them. So the
// headers are hopped over first: each value takes at least a byte, in arrays of no stated length too.
function checked(bytes: Buffer): Buffer {
  const header = new Header(bytes)
  /** Of each array of no stated length that is open, the values that are wanted behind it. */
  const behind: number[] = []
  let pending = 0
  for (let wanted = 1; ; ) {
    if (wanted === 0) {
      const outer = behind.at(-1)
      if (outer === undefined) return bytes
      if (bytes[header.at] === BREAK) {
        header.at += 1
        behind.pop()
        pending -= outer
        wanted = outer
        continue
      }
      wanted = 1
    }
    header.read()
    if (header.major !== 6) wanted -= 1
    if (header.isEndless) {
      behind.push(wanted)
      pending += wanted
      wanted = 0
    } else wanted += header.values
    if (header.at + wanted + pending > bytes.length) throw ends()
  }
}

const BREAK = 0xff

/** What a value begins with; strings are hopped over. */
class Header {
  at = 0
  major = 0
  /** Values that follow, and belong to it. */
  values = 0
  /** It ends with a break. */
  isEndless = false
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  read(): void {
    const first = this.#bytes[this.at++]
    if (first === undefined) throw ends()
    this.major = first >> 5
    this.values = 0
    this.isEndless = (first & 0x1f) === 0x1f
    if (this.isEndless) return this.#endless()
    const length = this.#length(first & 0x1f)
    if (this.major === 2 || this.major === 3) this.at += length
    if (this.major === 4) this.values = length
    if (this.major === 5) this.values = 2 * length
    if (this.major === 6) refuseTag(length)
  }

  #endless(): void {
    if (this.major !== 4 && this.major !== 5) throw new RangeError('a value has no length, and needs one')
  }

  #length(short: number): number {
    if (short < 24) return short
    const size = 1 << (short - 24)
    if (short > 27 || this.at + size > this.#bytes.length) throw ends()
    this.at += size
    return size === 8 ? Number(this.#bytes.readBigUInt64BE(this.at - 8)) : this.#bytes.readUIntBE(this.at - size, size)
  }
}

function ends(): RangeError {
  return new RangeError('the bytes end before the CBOR that they begin')
}

/** Tags that no item is written with, and by which a few bytes stand for many: references, records, packed values. */
const FOREIGN_TAGS: readonly (readonly [from: number, to: number])[] = [
  [6, 6],
  [14, 15],
  [28, 29],
  [51, 51],
  [105, 105],
  [216, 255],
  [27_647, 32_767],
  [0xdff9, 0xffff],
  [0x5000_0000, Infinity],
]

function refuseTag(tag: number): void {
  for (const [from, to] of FOREIGN_TAGS) {
    if (tag >= from && tag <= to) throw new RangeError(`the tag ${tag} is of no item`)
  }
}
