// checksum.ts: the CRC-32 of some of the bytes of a buffer, as zlib has it. A call of zlib's own, with the view that it
// needs, costs some 300 ns before it looks at a byte: short ones, of which there are several in each put and each pop,
// are done here, four bytes at a time by four tables.

import { crc32 } from 'node:zlib'

/** From so many bytes on zlib is faster. */
const SHORT_BYTES = 192
const POLYNOMIAL = 0xedb88320

/** What a byte comes to, with none, one, two and three bytes of zeros behind it. */
const [last, third, second, first] = tables()

/** Of the bytes from `from` to before `to`; `seed`: of those before them. */
export function checksumOf(bytes: Uint8Array, from = 0, to = bytes.length, seed = 0): number {
  return to - from < SHORT_BYTES ? short(bytes, from, to, seed) : crc32(bytes.subarray(from, to), seed)
}

function short(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let sum = ~seed
  let i = from
  for (; i + 4 <= to; i += 4) {
    const word =
      sum ^ (byte(bytes, i) | (byte(bytes, i + 1) << 8) | (byte(bytes, i + 2) << 16) | (byte(bytes, i + 3) << 24))
    sum = at(first, word) ^ at(second, word >>> 8) ^ at(third, word >>> 16) ^ at(last, word >>> 24)
  }
  for (; i < to; i += 1) sum = at(last, sum ^ byte(bytes, i)) ^ (sum >>> 8)
  return ~sum >>> 0
}

function at(table: Int32Array, byte: number): number {
  return table[byte & 0xff] ?? 0
}

function byte(bytes: Uint8Array, i: number): number {
  return bytes[i] ?? 0
}

function tables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const one = Int32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? POLYNOMIAL ^ (sum >>> 1) : sum >>> 1
    return sum
  })
  const behind = (table: Int32Array): Int32Array => table.map((sum) => (sum >>> 8) ^ (one[sum & 0xff] ?? 0))
  const two = behind(one)
  const three = behind(two)
  return [one, two, three, behind(three)]
}
