// toy-frame.ts: a batch of the toy log as bytes, in words of 4:
//
//      crc of the rest, seeded · length of the body · first id · documents ┃ length · count · JSON ┃ …

import { crc32 } from 'node:zlib'

export const HEADER = 16

export interface Frame {
  readonly firstId: number
  readonly count: number
  readonly bytes: Uint8Array
}

export function encode(frames: readonly Frame[], seed: number): Buffer {
  const body = frames.map(({ count, bytes }) => Buffer.concat([words(bytes.length, count), bytes]))
  const length = body.reduce((sum, part) => sum + part.length, 0)
  const rest = Buffer.concat([words(length, frames[0]?.firstId ?? 0, frames.length), ...body])
  return Buffer.concat([words(crc32(rest, seed)), rest])
}

export function decode(bytes: Buffer, at: number): Frame[] {
  const frames: Frame[] = []
  let firstId = bytes.readUInt32LE(at + 8)
  let from = at + HEADER
  for (let left = bytes.readUInt32LE(at + 12); left > 0; left--) {
    const length = bytes.readUInt32LE(from)
    const count = bytes.readUInt32LE(from + 4)
    frames.push({ firstId, count, bytes: bytes.subarray(from + 8, from + 8 + length) })
    from += 8 + length
    firstId += count
  }
  return frames
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i)
  })
  return bytes
}
