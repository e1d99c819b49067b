// gaps.spec.ts: gaps cover what is missing and nothing else, and a segment may go while it is read.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CorruptionError } from '../../lib/errors.ts'
import { DocumentReader, type Gap } from '../../lib/log/document-reader.ts'
import type { Log } from '../../lib/log/log.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import { runs } from '../codec/items.ts'
import { flip } from './bits.ts'
import { LogRig, textAt } from './log-rig.ts'
import { numbered, put, QueueRig, ready } from './queue-rig.ts'
import { anyFrames, fill, pathOf, readAll, settled, threeSegments } from './segments-rig.ts'

describe('a gap', () => {
  const frameBytes = 56 + 3 * (2 + 6)
  const offsetOf = (frame: number) => DATA_START + frame * frameBytes

  function gapAt(log: Log, id: number): Gap {
    const found = new DocumentReader(log).locate(id)
    return 'at' in found ? found : assert.fail(`${id} is there`)
  }

  it('is the frame that was hit, in its head or in its body', () => {
    for (const hit of [0, 20, 56, frameBytes - 1]) {
      const { rig } = threeSegments()
      flip(rig.disk, pathOf(1), (offsetOf(1) + hit) * 8)
      const log = rig.log()
      const { from, to, at, bytes } = gapAt(log, 5)
      assert.deepEqual(
        { from, to, at, bytes },
        { from: 5, to: 6, at: { segment: 1, offset: offsetOf(1) }, bytes: frameBytes },
      )
      assert.deepEqual(readAll(rig, log).gaps, [{ from: 4, to: 6 }], `byte ${hit}`)
    }
  })

  it('reaches to the next segment where the end of one is missing', () => {
    const { rig } = threeSegments()
    rig.disk.open(pathOf(1), 'write').truncate(offsetOf(1) + 10)
    assert.deepEqual(readAll(rig, rig.log()).gaps, [{ from: 4, to: 9 }])
  })

  it('is all of a segment that is missing, or has no frame left', () => {
    for (const base of [1, 10]) {
      const { rig } = threeSegments()
      rig.disk.unlink(pathOf(base))
      assert.deepEqual(readAll(rig, rig.log()).gaps, [{ from: base, to: base + 8 }])
      const { rig: zeroed } = threeSegments()
      zeroed.disk.open(pathOf(base), 'write').write(Buffer.alloc(3 * frameBytes), DATA_START)
      assert.deepEqual(readAll(zeroed, zeroed.log()).gaps, [{ from: base, to: base + 8 }])
    }
  })

  it('is all of a segment whose file is emptied', () => {
    const { rig } = threeSegments()
    rig.disk.open(pathOf(10), 'write').truncate(0)
    assert.deepEqual(readAll(rig, rig.log()).gaps, [{ from: 10, to: 18 }])
  })

  it('never hides what can be read, whatever bits are turned round', () => {
    fc.assert(
      fc.property(anyFrames, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (frames, hits) => {
        const rig = new LogRig()
        const writer = rig.log()
        fill(rig, writer, [...frames, [1]])
        writer.roll()
        const segments = writer.segments.filter(({ base }) => base <= rig.lastId)
        for (const hit of hits) {
          const segment = segments[hit % segments.length] ?? assert.fail('none')
          flip(rig.disk, segment.path, DATA_START * 8 + (hit % (segment.dataBytes * 8)))
        }
        const { texts, gaps } = readAll(rig, rig.log())
        for (const [id, text] of texts) assert.equal(text, rig.texts.get(id))
        assert.ok(gaps.length <= hits.length)
      }),
      runs(50),
    )
  })
})

describe('a segment that goes while it is read', () => {
  it('is read to its end by whoever has it open, and by nobody else', () => {
    const { rig, log } = threeSegments()
    const reader = new DocumentReader(rig.log())
    assert.equal(textAt(reader, 1), 'item 1')
    rig.disk.unlink(pathOf(1))
    assert.equal(textAt(reader, 2), 'item 2')
    assert.equal(textAt(reader, 9), 'item 9')
    assert.equal(textAt(reader, 10), 'item 10')
    assert.deepEqual(textAt(reader, 1), { from: 1, to: 9 })
    assert.equal(textAt(reader, 11), 'item 11')
    assert.ok(log.tail)
  })

  it('is found under its new name where another process has rewritten it', async () => {
    const { rig, log } = threeSegments()
    const reader = new DocumentReader(rig.log())
    assert.equal(textAt(reader, 19), 'item 19')
    assert.equal(await rig.rewrite(log, 1, settled({ from: 1, to: 4 })), true)
    assert.equal(await rig.rewrite(log, 10, settled({ from: 1, to: 4 }, { from: 11, to: 14 })), true)
    for (const id of [5, 9, 10, 15, 18, 19, 5]) assert.equal(textAt(reader, id), `item ${id}`)
  })

  it('is found under its new name in the middle of a frame, and behind it', async () => {
    for (const at of [1, 2, 3, 5]) {
      const { rig, log } = threeSegments()
      const reader = new DocumentReader(rig.log())
      assert.equal(textAt(reader, at), `item ${at}`)
      await rig.rewrite(log, 1, settled({ from: 1, to: 6 }))
      for (const id of [7, 8, 9, 10]) assert.equal(textAt(reader, id), `item ${id}`)
    }
  })

  it('is given up after some tries where the folder says that it is there and it is not', () => {
    const { rig } = threeSegments()
    const disk = rig.disk.process()
    const list = disk.list.bind(disk)
    const names = list('/q')
    disk.list = () => names
    const reader = new DocumentReader(rig.log(disk))
    rig.disk.unlink(pathOf(1))
    assert.throws(() => reader.locate(1), { code: 'ENOENT' })
  })
})

describe('peek', () => {
  async function damaged(onDamage: 'skip' | 'fail') {
    const rig = new QueueRig()
    const store = await rig.open({ segmentSize: 1000 })
    for (let first = 1; first < 6; first++) await put(store, numbered(1, first, 600))
    await store.close()
    for (const name of rig.segments.slice(1, 2)) flip(rig.disk, `/q/${name}`, (DATA_START + 100) * 8)
    return { rig, store: await rig.open({ onDamage }) }
  }

  it('shows what stands behind damaged items, and tells of them', async () => {
    const { rig, store } = await damaged('skip')
    const left = (await ready(store)).map(([id]) => id)
    assert.ok(left.length < 5 && left.at(-1) === 5, `${left}`)
    const { ready: waiting, lost } = await store.stats()
    assert.deepEqual([waiting, lost], [left.length, 5 - left.length])
    const told = rig.corruptions.reduce((sum, report) => sum + report.lost, 0)
    assert.equal(told, 5 - left.length)
  })

  it('shows what stands before them, and rejects at them, where damage makes a call reject', async () => {
    const { store } = await damaged('fail')
    const before = await ready(store)
    assert.equal(before.at(-1)?.[0], before.length)
    assert.ok(before.length < 5)
    await store.pop(before.length)
    await assert.rejects(store.peek(1), CorruptionError)
  })
})
