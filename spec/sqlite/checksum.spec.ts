// The checksum of items, beside zlib's: at every length, wherever in a buffer they are.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { checksumOf } from '../../lib/sqlite/checksum.ts'

const LONG_BYTES = 600

it("the queue's checksum of an item is its CRC-32, however long it is and wherever it lies", () => {
  assert.equal(checksumOf(Buffer.from('123456789')), 0xcbf43926)
  const bytes = fc.uint8Array({ minLength: LONG_BYTES, maxLength: LONG_BYTES })
  fc.assert(
    fc.property(bytes, fc.nat({ max: 9 }), (all, from) => {
      for (let to = from; to <= all.length; to += 1) {
        assert.equal(checksumOf(all, from, to), crc32(all.subarray(from, to)))
      }
    }),
    { numRuns: 20 },
  )
})
