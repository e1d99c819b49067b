// seal.ts: an item as it stands in its row: its bytes and, behind them, their CRC-32. SQLite itself does not notice a bit
// that flipped in a payload.
//
//     ┌──────────── … ─┬─────────┐
//     │ bytes          │ CRC-32  │   little endian
//     └──────────── … ─┴─────────┘

import { checksumOf } from '../checksum.ts'
import type { Packed } from './messages.ts'

export const SEAL_BYTES = 4

/** One behind the other, each with its checksum. */
export function sealed(blobs: readonly Uint8Array[]): Packed {
  const lengths = blobs.map(({ length }) => length + SEAL_BYTES)
  const all = Buffer.from(new ArrayBuffer(lengths.reduce((sum, length) => sum + length, 0)))
  let at = 0
  for (const blob of blobs) {
    all.set(blob, at)
    at = all.writeUInt32LE(checksumOf(blob), at + blob.length)
  }
  return { lengths, bytes: all }
}

/** The bytes of the item that stands there. */
export function unsealed(all: Uint8Array, from: number, to: number): Uint8Array {
  return all.subarray(from, Math.max(from, to - SEAL_BYTES))
}

/** Which of them are not as they were put, by their places. */
export function brokenAmong({ lengths, bytes }: Packed): number[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const broken: number[] = []
  let at = 0
  lengths.forEach((length, i) => {
    const end = at + length - SEAL_BYTES
    if (end < at || checksumOf(all, at, end) !== all.readUInt32LE(end)) broken.push(i)
    at += length
  })
  return broken
}
