// The checksum of short bytes, beside zlib's: at every length, wherever in a buffer they are, and whatever came before.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { checksumOf } from '../lib/checksum.ts'

const LONG_BYTES = 600

it("the queue's checksum is a CRC-32, however many bytes there are, wherever they lie, and whatever came before", () => {
  assert.equal(checksumOf(Buffer.from('123456789')), 0xcbf43926)
  const bytes = fc.uint8Array({ minLength: LONG_BYTES, maxLength: LONG_BYTES })
  const seed = fc.integer({ min: 0, max: 0xffffffff })
  fc.assert(
    fc.property(bytes, fc.nat({ max: 9 }), seed, (all, from, before) => {
      for (let to = from; to <= all.length; to += 1) {
        assert.equal(checksumOf(all, from, to), crc32(all.subarray(from, to)))
        assert.equal(checksumOf(all, from, to, before), crc32(all.subarray(from, to), before))
      }
    }),
    { numRuns: 20 },
  )
})
