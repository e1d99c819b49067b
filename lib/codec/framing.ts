// framing.ts: several items as one document, each behind the length of its bytes.
//
//   ┌────────┬───────┬────────┬───────┬───┐
//   │ length │ bytes │ length │ bytes │ … │   a length: 7 bits a byte, low ones first, the top bit set in all but
//   └────────┴───────┴────────┴───────┴───┘   the last

import type { Document } from '../store.ts'

/** More than a length and its item take beyond the item. */
export const LENGTH_BYTES = 5

export function frame(items: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const item of items) parts.push(varint(item.length), item)
  return Buffer.concat(parts)
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (; value > 0x7f; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80)
  return Uint8Array.of(...bytes, value)
}

/** The items of a document, as views of it. A RangeError unless they are exactly all of it. */
export function framesOf({ bytes, count }: Document): Uint8Array[] {
  const frames: Uint8Array[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined || shift > 7 * LENGTH_BYTES) throw new RangeError('the document ends inside a length')
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    frames.push(bytes.subarray(at, at + length))
    at += length
  }
  if (at !== bytes.length) throw new RangeError(`the items end at ${at}, the document at ${bytes.length}`)
  return frames
}
