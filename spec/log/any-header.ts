// any-header.ts: headers of frames, by chance.

import fc from 'fast-check'
import { FRAME_HEADER_BYTES, type FrameHeader, writeFrameHeader } from '../../lib/log/frame.ts'

export const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
export const u53 = fc.maxSafeNat()
export const plain = { noNullPrototype: true } as const
export const anyHeader: fc.Arbitrary<FrameHeader> = fc.record(
  {
    bodyCrc: u32,
    bodyBytes: u32,
    count: u32,
    flags: u32,
    relativeId: u32,
    nonce: u32,
    time: u53,
    syncedTo: fc.record({ segment: u53, offset: u53 }, plain),
  },
  plain,
)

export function headerBytes(header: FrameHeader, at = 0): Buffer {
  const bytes = Buffer.alloc(at + FRAME_HEADER_BYTES)
  writeFrameHeader(bytes, at, header)
  return bytes
}
