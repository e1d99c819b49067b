// frame.spec.ts: a frame's header and its documents come back as they were written or not at all.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { putVarint } from '../../lib/log/bytes.ts'
import {
  bodyBytesOf,
  encodePreamble,
  FRAME_HEADER_BYTES,
  flagsOf,
  type PlacedDocument,
  RETRIES,
  readDocument,
  readFrameHeader,
  readPreamble,
  SLICED,
  SPARSE,
  writeDocument,
  writeDocuments,
} from '../../lib/log/frame.ts'
import type { Document } from '../../lib/store.ts'
import { runs as times } from '../codec/items.ts'
import { anyHeader, headerBytes, plain, u32, u53 } from './any-header.ts'
import { bitsOf, flipped } from './bits.ts'

const anyDocument: fc.Arbitrary<Document> = fc.record({
  bytes: fc.uint8Array({ maxLength: 300, size: 'max' }),
  count: fc.integer({ min: 1, max: 256 }),
})

describe('the header of a frame', () => {
  it('comes back as it was written, wherever it stands', () => {
    fc.assert(
      fc.property(anyHeader, fc.nat(40), (header, at) => {
        const bytes = headerBytes(header, at)
        assert.deepEqual(readFrameHeader(bytes, at, bytes.length, header.nonce), header)
      }),
    )
  })

  it('is refused with any bit turned round', () => {
    fc.assert(
      fc.property(anyHeader, fc.constantFrom(...bitsOf(0, FRAME_HEADER_BYTES)), (header, bit) => {
        const bytes = flipped(headerBytes(header), bit)
        assert.equal(readFrameHeader(bytes, 0, bytes.length, header.nonce), undefined)
      }),
      times(400),
    )
  })

  it('is refused when it was cut off, or is of another segment', () => {
    fc.assert(
      fc.property(anyHeader, fc.nat(FRAME_HEADER_BYTES - 1), u32, (header, length, nonce) => {
        fc.pre(nonce !== header.nonce)
        const bytes = headerBytes(header)
        assert.equal(readFrameHeader(bytes.subarray(0, length), 0, length, header.nonce), undefined)
        assert.equal(readFrameHeader(bytes, 0, length, header.nonce), undefined)
        assert.equal(readFrameHeader(bytes, 0, bytes.length, nonce), undefined)
      }),
    )
  })
})

describe('the documents of a frame', () => {
  const anySparse = fc.array(fc.record({ document: anyDocument, skip: fc.nat(100_000) }), { maxLength: 20 })

  function readAll(body: Uint8Array, flags: number, firstId: number): PlacedDocument[] {
    const placed: PlacedDocument[] = []
    let id = firstId
    for (let at = 0; at < body.length; ) {
      const found = readDocument(body, at, { flags, time: 7, firstId: id })
      assert.ok(found)
      placed.push(found.placed)
      at = found.next
      id = found.placed.firstId + found.placed.taken
    }
    return placed
  }

  it('come back with their ids, and take as many bytes as was said', () => {
    fc.assert(
      fc.property(
        fc.array(anyDocument, { maxLength: 20 }),
        fc.integer({ min: 1, max: 2 ** 48 }),
        (documents, first) => {
          const body = Buffer.alloc(bodyBytesOf(documents))
          assert.equal(writeDocuments(body, 0, documents), body.length)
          let firstId = first
          const placed = readAll(body, 0, first)
          assert.equal(placed.length, documents.length)
          for (const [index, { bytes, count }] of documents.entries()) {
            const read = placed[index]
            assert.deepEqual(
              { ...read, document: { ...read?.document, bytes: Buffer.from(read?.document.bytes ?? []) } },
              {
                firstId,
                offset: 0,
                taken: count,
                time: 7,
                document: { bytes: Buffer.from(bytes), count },
              },
            )
            firstId += count
          }
        },
      ),
    )
  })

  it('come back with their ids where ids before them were left out', () => {
    fc.assert(
      fc.property(anySparse, fc.integer({ min: 1, max: 2 ** 48 }), (entries, first) => {
        const body = Buffer.alloc(entries.reduce((sum, { document }) => sum + 8 + bodyBytesOf([document]), 0))
        let end = 0
        const ids: number[] = []
        let id = first
        for (const { document, skip } of entries) {
          end = writeDocument(body, putVarint(body, end, skip), document)
          ids.push(id + skip)
          id += skip + document.count
        }
        const placed = readAll(body.subarray(0, end), SPARSE, first)
        assert.deepEqual(
          placed.map(({ firstId }) => firstId),
          ids,
        )
      }),
    )
  })

  it('come back as the parts of them that are meant', () => {
    const anySlice = fc
      .record({ document: anyDocument, part: fc.tuple(fc.nat(), fc.nat()) })
      .map(({ document, part }) => {
        const offset = part[0] % document.count
        return { ...document, offset, taken: 1 + (part[1] % (document.count - offset)) }
      })
    fc.assert(
      fc.property(fc.array(anySlice, { maxLength: 20 }), (slices) => {
        const body = Buffer.alloc(bodyBytesOf(slices))
        assert.equal(writeDocuments(body, 0, slices), body.length)
        const shown = readAll(body, SLICED, 1).map(({ firstId, offset, taken, document: { bytes, count } }) => {
          return { firstId, offset, taken, count, bytes: Buffer.from(bytes) }
        })
        let firstId = 1
        for (const [index, { offset, taken, count, bytes }] of slices.entries()) {
          assert.deepEqual(shown[index], { firstId, offset, taken, count, bytes: Buffer.from(bytes) })
          firstId += taken
        }
      }),
    )
  })

  it('are refused as parts of more than they hold, or of nothing', () => {
    for (const [offset, taken] of [
      [0, 4],
      [3, 1],
      [2, 2],
      [0, 0],
    ] as const) {
      const body = Buffer.alloc(9)
      writeDocument(body, 0, { bytes: Buffer.from('three'), count: 3, offset, taken })
      assert.equal(readDocument(body, 0, { flags: SLICED, time: 0, firstId: 1 }), undefined, `${offset}, ${taken}`)
    }
  })

  it('stand behind what a frame says besides them', () => {
    const anyRange = fc.tuple(u53, fc.nat()).map(([from, more]) => ({ from, to: from + more }))
    const anyExtra = fc.record(
      { due: u53, attempt: fc.nat(), replaced: fc.array(anyRange), retried: fc.boolean() },
      plain,
    )
    fc.assert(
      fc.property(anyExtra, anyDocument, (extra, document) => {
        const preamble = encodePreamble(extra)
        const slice = { ...document, offset: 0, taken: document.count }
        const documents = extra.replaced.length > 0 ? [slice] : [document]
        const body = Buffer.concat([preamble, Buffer.alloc(bodyBytesOf(documents))])
        writeDocuments(body, preamble.length, documents)
        const flags = flagsOf(extra)
        const { due, attempt, replaced, end } = readPreamble(body, flags)
        const { retried, ...expected } = extra
        assert.deepEqual({ due, attempt, replaced, end }, { ...expected, end: preamble.length })
        assert.equal((flags & RETRIES) !== 0, retried && replaced.length > 0)
        const placed = readDocument(body, end, { flags, time: 7, firstId: 9 })
        assert.equal(placed?.next, body.length)
        assert.equal(placed?.placed.taken, document.count)
      }),
    )
  })

  it('never run away behind a preamble that makes no sense', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(31), (body, flags) => {
        assert.ok(readPreamble(body, flags).replaced.length <= body.length)
      }),
      times(800),
    )
  })

  it('never reach beyond the body, whatever their lengths say', () => {
    const frame = { flags: 0, time: 0, firstId: 1 }
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(45),
        fc.constantFrom(0, SPARSE, SLICED, SPARSE | SLICED),
        (body, at, flags) => {
          const found = readDocument(body, at, { ...frame, flags })
          if (!found) return
          assert.ok(found.next <= body.length && found.next > at)
          assert.ok(found.placed.document.count > 0)
          assert.ok(found.placed.document.bytes.length < body.length)
        },
      ),
      times(800),
    )
  })

  it('hold at least one item each', () => {
    const body = Buffer.alloc(9)
    writeDocument(body, 0, { bytes: Buffer.from('nothing'), count: 0 })
    assert.equal(readDocument(body, 0, { flags: 0, time: 0, firstId: 1 }), undefined)
  })
})
