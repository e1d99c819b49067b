// document-reader.spec.ts: documents by id, in any order, from segments as they were written or sparse.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DocumentReader, type Gap } from '../../lib/log/document-reader.ts'
import { DATA_START, SEAL_AT, SEAL_BYTES } from '../../lib/log/segment.ts'
import type { Piece } from '../../lib/store.ts'
import { runs } from '../codec/items.ts'
import { LogRig, textAt } from './log-rig.ts'
import { anyFrames, fill, pathOf, readAll, settled, threeSegments } from './segments-rig.ts'

describe('a reader of documents', () => {
  it('finds every id in any order, by the log that wrote it and by others', () => {
    fc.assert(
      fc.property(anyFrames, fc.array(fc.nat(), { maxLength: 60, size: 'max' }), (frames, order) => {
        const rig = new LogRig()
        const log = rig.log()
        fill(rig, log, frames)
        fc.pre(rig.lastId > 0)
        const readers = [new DocumentReader(log), new DocumentReader(rig.log())]
        const inOrder = Array.from(rig.texts.keys())
        const ids = [...inOrder, ...order.map((each) => (each % rig.lastId) + 1), ...inOrder.toReversed()]
        for (const reader of readers)
          for (const id of ids) assert.equal(textAt(reader, id), rig.texts.get(id), `id ${id}`)
      }),
      runs(30),
    )
  })

  it('goes on into what was appended since', () => {
    const rig = new LogRig()
    const [writer, other] = [rig.log(), rig.log()]
    const readers = [new DocumentReader(writer), new DocumentReader(other)]
    for (let round = 0; round < 40; round++) {
      const first = rig.put(writer, round % 3 === 0 ? [2] : [1, 1])
      if (round % 7 === 0) writer.roll()
      other.refresh()
      for (const reader of readers) assert.equal(textAt(reader, first + 1), rig.texts.get(first + 1))
    }
  })

  it('goes on into the next segment, whatever stands behind the frames of one whose seal has rotted', () => {
    for (const rest of ['zeros', 'garbage', 'an earlier frame']) {
      const { rig, log } = threeSegments()
      const file = log.world.disk.open(pathOf(1), 'write')
      const end = file.size()
      const bytes = Buffer.alloc(100, rest === 'garbage' ? 'x' : 0)
      if (rest === 'an earlier frame') file.read(bytes, 0, 100, DATA_START)
      file.write(bytes, end)
      file.write(Buffer.alloc(SEAL_BYTES, 0xff), SEAL_AT)
      const { texts, gaps } = readAll(rig, rig.log())
      assert.deepEqual([texts, gaps], [rig.texts, []], rest)
    }
  })

  it('closes the segments that it has left', () => {
    const rig = new LogRig()
    const writer = rig.log()
    for (let segment = 0; segment < 50; segment++) {
      rig.put(writer, [1])
      writer.roll()
    }
    const process = rig.disk.process()
    const reader = new DocumentReader(rig.log(process))
    for (let id = 1; id <= 50; id++) assert.equal(textAt(reader, id), `item ${id}`)
    for (let id = 50; id >= 1; id--) assert.equal(textAt(reader, id), `item ${id}`)
    assert.ok(process.openFiles <= 3, `${process.openFiles} files are open`)
  })

  it('reads sparse segments: what was live is there, and gaps end where it begins again', async () => {
    await fc.assert(
      fc.asyncProperty(anyFrames, fc.infiniteStream(fc.boolean()), async (frames, chance) => {
        const rig = new LogRig()
        const log = rig.log()
        fill(rig, log, frames)
        fc.pre(rig.lastId > 0)
        const dead = [...rig.texts.keys()].filter(() => chance.next().value)
        const state = settled(...dead.map((id) => ({ from: id, to: id })))
        log.roll()
        for (const { base } of [...log.segments]) if (base <= rig.lastId) await rig.rewrite(log, base, state)
        for (const each of [log, rig.log()]) {
          const { texts } = readAll(rig, each)
          for (const [id, text] of texts) assert.equal(text, rig.texts.get(id))
          for (const id of rig.texts.keys()) assert.ok(texts.has(id) || dead.includes(id), `${id} was live`)
        }
      }),
      runs(30),
    )
  })
})

describe('pieces', () => {
  const piecesOf = (found: Piece[] | Gap) => (Array.isArray(found) ? found : assert.fail('a gap'))
  const shown = ({ firstId, count, skip, attempt }: Piece) => [firstId, count, skip, attempt]

  it('are parts of documents, up to some bytes, and one at least', () => {
    const rig = new LogRig()
    const log = rig.log()
    rig.put(log, [4, 3])
    rig.put(log, [2])
    const reader = new DocumentReader(log)
    const ids = [
      { from: 2, to: 3 },
      { from: 5, to: 9 },
    ]
    const attempts = (id: number) => id * 10
    assert.deepEqual(piecesOf(reader.pieces(ids, attempts, 1e6)).map(shown), [
      [2, 2, 1, 20],
      [5, 3, 0, 50],
      [8, 2, 0, 50],
    ])
    assert.deepEqual(piecesOf(reader.pieces(ids, attempts, 1)).map(shown), [[2, 2, 1, 20]])
    assert.deepEqual(piecesOf(reader.pieces([], attempts, 1)), [])
    const [again] = piecesOf(reader.pieces([{ from: 8, to: 8 }], attempts, 1))
    const [twice] = piecesOf(reader.pieces([{ from: 9, to: 9 }], attempts, 1))
    assert.equal(again?.document, twice?.document, 'the same document is the same object')
  })

  it('end before a gap; one that comes first is told, no further than what was asked for', () => {
    const { rig, log } = threeSegments()
    rig.disk.unlink(pathOf(10))
    const other = rig.log()
    const reader = new DocumentReader(other)
    assert.deepEqual(
      piecesOf(reader.pieces([{ from: 8, to: 12 }], () => 0, 1e6)).map(({ firstId }) => firstId),
      [8, 9],
    )
    const gap = reader.pieces([{ from: 10, to: 12 }], () => 0, 1e6)
    if (Array.isArray(gap)) return assert.fail('no gap')
    assert.deepEqual([gap.from, gap.to, gap.bytes], [10, 12, 0])
    assert.ok(log.tail)
  })
})
