// bytes.ts: numbers as bytes, little endian. Ids and offsets go up to 2^53 and take eight bytes; varints take as many
// as they need, seven bits each, the low ones first.

import { checksumOf } from '../checksum.ts'

export { checksumOf }

/** As the lines of text have it that stand in files: eight hexadecimal digits. */
export function checksumOfText(text: string): string {
  return checksumOf(Buffer.from(text)).toString(16).padStart(8, '0')
}

const HIGH = 2 ** 32
/** No number in a file is above it. */
const MOST = 2 ** 53

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

export function getU16(bytes: Uint8Array, at: number): number {
  return byte(bytes, at) | (byte(bytes, at + 1) << 8)
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

export function getU32(bytes: Uint8Array, at: number): number {
  return (
    (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)) >>> 0
  )
}

export function putU64(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value >>> 0)
  putU32(bytes, at + 4, Math.floor(value / HIGH))
}

/** A number beyond 2^53 can only be damage; it comes back as some number that no check accepts. */
export function getU64(bytes: Uint8Array, at: number): number {
  return getU32(bytes, at) + getU32(bytes, at + 4) * HIGH
}

export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}

/** Writes the varint and returns where the next byte goes. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let next = at
  while (rest >= 128) {
    bytes[next++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  bytes[next++] = rest
  return next
}

/** Reads numbers one after another. What lies beyond the end, or is above 2^53, reads as zero, and `overrun` tells. */
export class ByteReader {
  at: number
  readonly #bytes: Uint8Array
  readonly #end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  get overrun(): boolean {
    return this.at > this.#end
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let length = 0; length < 8; length++) {
      const next = byte(this.#bytes, this.at++)
      value += (next & 127) * scale
      if (next < 128) return value <= MOST ? value : this.#beyond()
      scale *= 128
    }
    return this.#beyond()
  }

  #beyond(): number {
    this.at = this.#end + 1
    return 0
  }

  u8(): number {
    return byte(this.#bytes, this.at++)
  }

  u32(): number {
    this.at += 4
    return getU32(this.#bytes, this.at - 4)
  }

  u64(): number {
    this.at += 8
    return getU64(this.#bytes, this.at - 8)
  }
}

/** Collects numbers into bytes that grow as needed; once emptied it is used again. */
export class ByteWriter {
  #bytes = Buffer.alloc(256)
  #length = 0
  /** Handed out last: records are mostly of one length. */
  #view = this.#bytes

  get length(): number {
    return this.#length
  }

  /** What was collected, from `start` on: good until the next call. */
  bytes(start = 0): Buffer {
    if (start > 0) return this.#bytes.subarray(start, this.#length)
    if (this.#view.length !== this.#length) this.#view = this.#bytes.subarray(0, this.#length)
    return this.#view
  }

  /** Of what was collected from `start` on. */
  checksum(start: number, seed: number): number {
    return checksumOf(this.#bytes, start, this.#length, seed)
  }

  empty(): void {
    this.#length = 0
  }

  /** Zeros up to that length. */
  padTo(length: number): void {
    this.#room(length - this.#length)
    // Some bytes, most often: a call into the engine costs more.
    while (this.#length < length) this.#bytes[this.#length++] = 0
  }

  setU8(at: number, value: number): void {
    this.#bytes[at] = value
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    this.#room(4)
    putU32(this.#bytes, this.#length, value)
    this.#length += 4
  }

  u64(value: number): void {
    this.#room(8)
    putU64(this.#bytes, this.#length, value)
    this.#length += 8
  }

  varint(value: number): void {
    this.#room(8)
    this.#length = putVarint(this.#bytes, this.#length, value)
  }

  #room(length: number): void {
    if (this.#length + length <= this.#bytes.length) return
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + length))
    this.#bytes.copy(larger)
    this.#bytes = larger
    this.#view = larger
  }
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
