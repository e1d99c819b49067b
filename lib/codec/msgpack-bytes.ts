// msgpack-bytes.ts: MessagePack's scalars, headers and texts, in memory that grows.
//
//   00–3f            whole numbers below 64; 40–7f stay free for the ids of records
//   cc cd ce         up to 8, 16, 32 bits    e0–ff  -32 to -1    d2  32 bits, signed    cb  any other number, and -0
//   a0–bf d9 da db   UTF-8, its length below 32, or in 8, 16, 32 bits
//   c4 c5 c6         bytes
//   90–9f dc dd      an array of so many values          80–8f de df   a map of so many pairs
//   c7 c8 c9         length, type, payload: an extension
//   d4               type and one byte: an extension too, or a mark before a value
//   d6 d7 ff         a time: whole seconds in 32 bits; 30 bits of nanoseconds and 34 of seconds; any other in c7 0c ff
//
// Values are written one behind the other into chunks, and handed out as views that nothing writes to again.
// Methods return undefined, not void, so that a guard clause may end in a call.

const CHUNK_BYTES = 64 * 1024
// No number, header or extension without its payload takes more.
const SCALAR_BYTES = 20
// Strings below this are copied by a loop, longer ones by a call into the engine.
const SHORT_TEXT = 64

declare global {
  // Every Node that we run on has them; the library of types does from ES2024 on.
  interface String {
    isWellFormed(): boolean
    toWellFormed(): string
  }
}

/**
 * Whether UTF-8 brings a text back. It has no bytes for half a surrogate pair, and a reader may take a U+FEFF at the
 * beginning for a mark of the encoding: msgpackr does where its native part is missing.
 */
export function isUtf8Text(text: string): boolean {
  return text.isWellFormed() && text.charCodeAt(0) !== 0xfeff
}

export class MsgpackBytes {
  #bytes = Buffer.alloc(0)
  #view = new DataView(this.#bytes.buffer)
  #start = 0
  #at = 0

  /** Goes on behind what was handed out before. */
  protected begin(): undefined {
    if (this.#bytes.length - this.#at < SHORT_TEXT) this.#take(CHUNK_BYTES)
    this.#start = this.#at
  }

  protected finish(): Buffer {
    const written = this.#bytes.subarray(this.#start, this.#at)
    // A large item's memory goes with the item.
    if (this.#bytes.length > CHUNK_BYTES) this.#take(CHUNK_BYTES)
    return written
  }

  /** How much has been written since `begin`. */
  protected get written(): number {
    return this.#at - this.#start
  }

  /** Forgets all but the first `written` bytes. */
  protected rewind(written: number): undefined {
    this.#at = this.#start + written
  }

  protected byte(byte: number): undefined {
    this.room(SCALAR_BYTES)
    this.#bytes[this.#at++] = byte
  }

  protected number(value: number): undefined {
    this.room(SCALAR_BYTES)
    if (value >>> 0 === value && !Object.is(value, -0)) return this.#unsigned(value)
    if (value >> 0 === value && value !== 0) return this.#negative(value)
    this.#bytes[this.#at] = 0xcb
    this.#view.setFloat64(this.#at + 1, value)
    this.#at += 9
  }

  #unsigned(value: number): undefined {
    const bytes = this.#bytes
    if (value < 0x40) {
      bytes[this.#at++] = value
    } else if (value < 0x100) {
      bytes[this.#at++] = 0xcc
      bytes[this.#at++] = value
    } else if (value < 0x10000) {
      bytes[this.#at++] = 0xcd
      bytes[this.#at++] = value >> 8
      bytes[this.#at++] = value
    } else {
      bytes[this.#at] = 0xce
      this.#view.setUint32(this.#at + 1, value)
      this.#at += 5
    }
  }

  #negative(value: number): undefined {
    if (value >= -0x20) return this.byte(value)
    this.#bytes[this.#at] = 0xd2
    this.#view.setInt32(this.#at + 1, value)
    this.#at += 5
  }

  protected bigint(value: bigint): undefined {
    if (BigInt.asIntN(64, value) !== value) return this.extension(0x42, twosComplement(value))
    this.room(SCALAR_BYTES)
    this.#bytes[this.#at] = 0xd3
    this.#view.setBigInt64(this.#at + 1, value)
    this.#at += 9
  }

  protected text(text: string): undefined {
    const length = text.length
    if (length >= SHORT_TEXT) return this.#longText(text)
    this.room(SHORT_TEXT + 2)
    const bytes = this.#bytes
    let at = this.#at
    if (length < 0x20) {
      bytes[at++] = 0xa0 | length
    } else {
      bytes[at++] = 0xd9
      bytes[at++] = length
    }
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) return this.#longText(text)
      bytes[at++] = unit
    }
    this.#at = at
  }

  #longText(text: string): undefined {
    if (!isUtf8Text(text)) return this.malformed(text)
    // The header is chosen for the most bytes that there can be: one or two wasted, and nothing moved.
    const most = text.length < 0x5555 ? text.length * 3 : Buffer.byteLength(text)
    this.room(most + SCALAR_BYTES)
    const header = this.#at
    this.#length(most, 0xd9, 0xda, 0xdb)
    const length = this.#bytes.write(text, this.#at)
    if (most < 0x100) this.#bytes[header + 1] = length
    else if (most < 0x10000) this.#view.setUint16(header + 1, length)
    else this.#view.setUint32(header + 1, length)
    this.#at += length
  }

  /** A text that UTF-8 doesn't bring back. */
  protected malformed(text: string): undefined {
    throw new RangeError(`UTF-8 can't hold '${text}'`)
  }

  protected binary(bytes: Uint8Array): undefined {
    this.room(SCALAR_BYTES + bytes.length)
    this.#length(bytes.length, 0xc4, 0xc5, 0xc6)
    this.#append(bytes)
  }

  protected time(ms: number): undefined {
    const seconds = Math.floor(ms / 1000)
    const nanoseconds = (ms - seconds * 1000) * 1_000_000
    this.room(SCALAR_BYTES)
    if (seconds < 0 || seconds >= 2 ** 34) return this.#longTime(seconds, nanoseconds)
    const isShort = nanoseconds === 0 && seconds < 2 ** 32
    this.#bytes[this.#at++] = isShort ? 0xd6 : 0xd7
    this.#bytes[this.#at++] = 0xff
    if (!isShort) this.#uint32(nanoseconds * 4 + Math.floor(seconds / 2 ** 32))
    this.#uint32(seconds)
  }

  #longTime(seconds: number, nanoseconds: number): undefined {
    for (const byte of [0xc7, 12, 0xff]) this.#bytes[this.#at++] = byte
    this.#uint32(nanoseconds)
    this.#uint32(Math.floor(seconds / 2 ** 32))
    this.#uint32(seconds)
  }

  /** The lowest 32 bits. */
  #uint32(value: number): undefined {
    this.#view.setUint32(this.#at, value)
    this.#at += 4
  }

  protected arrayOf(length: number): undefined {
    this.room(SCALAR_BYTES)
    if (length < 0x10) this.#bytes[this.#at++] = 0x90 | length
    else this.#long(length, 0xdc, 0xdd)
  }

  protected mapOf(pairs: number): undefined {
    this.room(SCALAR_BYTES)
    if (pairs < 0x10) this.#bytes[this.#at++] = 0x80 | pairs
    else this.#long(pairs, 0xde, 0xdf)
  }

  /** An extension of one byte, or a mark before the value that belongs to it. */
  protected mark(type: number, byte: number): undefined {
    this.room(SCALAR_BYTES)
    this.#bytes[this.#at++] = 0xd4
    this.#bytes[this.#at++] = type
    this.#bytes[this.#at++] = byte
  }

  /** An extension whose payload may begin with a byte of its own. */
  protected extension(type: number, payload: Uint8Array, first?: number): undefined {
    this.room(SCALAR_BYTES + payload.length)
    this.#length(payload.length + (first === undefined ? 0 : 1), 0xc7, 0xc8, 0xc9)
    this.#bytes[this.#at++] = type
    if (first !== undefined) this.#bytes[this.#at++] = first
    this.#append(payload)
  }

  #length(length: number, in8: number, in16: number, in32: number): undefined {
    if (length >= 0x100) return this.#long(length, in16, in32)
    this.#bytes[this.#at++] = in8
    this.#bytes[this.#at++] = length
  }

  #long(length: number, in16: number, in32: number): undefined {
    if (length < 0x10000) {
      this.#bytes[this.#at] = in16
      this.#view.setUint16(this.#at + 1, length)
      this.#at += 3
    } else {
      this.#bytes[this.#at] = in32
      this.#view.setUint32(this.#at + 1, length)
      this.#at += 5
    }
  }

  #append(payload: Uint8Array): undefined {
    this.#bytes.set(payload, this.#at)
    this.#at += payload.length
  }

  /** Makes sure that so many bytes can be written. */
  protected room(length: number): undefined {
    if (this.#bytes.length - this.#at < length) this.#grow(length)
  }

  #grow(length: number): undefined {
    const written = this.#bytes.subarray(this.#start, this.#at)
    this.#take(Math.max(CHUNK_BYTES, 2 * (written.length + length)))
    this.#bytes.set(written)
    this.#at = written.length
  }

  #take(length: number): undefined {
    this.#bytes = Buffer.allocUnsafeSlow(length)
    this.#view = new DataView(this.#bytes.buffer)
    this.#start = 0
    this.#at = 0
  }
}

/** Big-endian two's complement, in as many bytes as it needs. */
function twosComplement(value: bigint): Buffer {
  const digits = (value < 0n ? ~value : value).toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? `00${digits}` : `0${digits}`, 'hex')
  if (value < 0n) for (let i = 0; i < bytes.length; i++) bytes[i] = ~(bytes[i] ?? 0)
  return bytes
}
