// journal.spec.ts: the cursor on disk, in two files in turn: everybody who writes or loads it says the same.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { FormatError } from '../../lib/errors.ts'
import { putU32 } from '../../lib/log/bytes.ts'
import { runs } from '../codec/items.ts'
import { filled, Rig, said, settled } from './journal-rig.ts'
import { smallRecord } from './records.ts'

/** What the journal says of its own files it writes by itself. */
const told = smallRecord.filter(({ kind }) => kind !== 'durable' && kind !== 'followed')
const anyBatches = fc.array(fc.array(told, { maxLength: 4 }), { maxLength: 40, size: 'max' })

describe('the journal', () => {
  it('begins empty where there is nothing, at the id that it is told', () => {
    const rig = new Rig()
    const journal = rig.open()
    assert.equal(journal.state.runs.head, 1)
    assert.equal(journal.lostAll, false)
    assert.deepEqual(journal.damaged, [])
    assert.deepEqual(rig.disk.paths(), ['/q', '/q/cursor.0', '/q/cursor.1'])
  })

  it('says the same to two processes that write in turn, and to whoever loads it at any time', async () => {
    await fc.assert(
      fc.asyncProperty(anyBatches, fc.infiniteStream(fc.nat(2)), async (batches, chance) => {
        const rig = new Rig()
        const journals = [rig.open(), rig.open()] as const
        for (const batch of batches) {
          const which = chance.next().value ?? 0
          const journal = journals[which % 2 === 0 ? 0 : 1]
          await rig.write(journal, ...batch)
          assert.equal(said(journal.state), rig.expected)
          if (which < 2) continue
          assert.equal(said(rig.open().state), rig.expected)
        }
        const last = rig.open()
        assert.equal(said(last.state), rig.expected)
        assert.deepEqual([last.damaged, last.lostAll], [[], false])
        for (const journal of journals) {
          journal.refresh()
          assert.equal(said(journal.state), rig.expected)
        }
      }),
      runs(15),
    )
  })

  it('rolls between its two files without end, and they keep their size', async () => {
    const rig = new Rig()
    const [journal, other] = [rig.open(), rig.open()]
    for (let id = 1; journal.generation < 12; id++) {
      await rig.write(journal, settled(id))
      other.refresh()
      assert.equal(said(other.state), rig.expected)
    }
    assert.equal(other.generation, journal.generation)
    assert.equal(rig.disk.bytesOf('/q/cursor.0').length, 2048)
    assert.equal(rig.disk.bytesOf('/q/cursor.1').length, 2048)
  })

  it('follows records that are larger than what it reads at once', async () => {
    const rig = new Rig()
    const [writer, reader] = [rig.open(), rig.open()]
    for (let round = 0; round < 8; round++) {
      const ids = Array.from({ length: 300 }, (_, index) => ({
        from: round * 1000 + 3 * index + 1,
        to: round * 1000 + 3 * index + 2,
      }))
      await rig.write(writer, { kind: 'settled', ids }, settled(round * 1000 + 3), {
        kind: 'settled',
        ids: ids.map(({ from }) => ({ from: from + 2, to: from + 2 })),
      })
      reader.refresh()
      assert.equal(said(reader.state), rig.expected)
      assert.equal(said(rig.open().state), rig.expected)
    }
  })

  it('grows while many ids are held out of order, and shrinks again', async () => {
    const rig = new Rig()
    const journal = rig.open()
    for (let id = 2; id < 2000; id += 40) {
      await rig.write(journal, ...Array.from({ length: 20 }, (_, index) => settled(id + 2 * index)))
    }
    await rig.rollOver(journal, 2)
    const grown = rig.disk.bytesOf('/q/cursor.0').length
    assert.ok(grown > 4096, `${grown} bytes`)
    await rig.write(journal, settled(1, journal.state.runs.highest + 1))
    for (let id = 6000; rig.disk.bytesOf('/q/cursor.0').length + rig.disk.bytesOf('/q/cursor.1').length > 4096; id++) {
      assert.ok(id < 20_000, 'it never shrinks')
      await rig.write(journal, { kind: 'synced', segment: 1, offset: id, nextId: id })
    }
    assert.equal(said(rig.open().state), rig.expected)
  })

  it('writes nothing for no records', async () => {
    const rig = new Rig()
    const journal = rig.open()
    const before = rig.disk.log.length
    assert.equal(journal.append([]), undefined)
    assert.equal(rig.disk.log.length, before)
  })

  it('of a newer version is refused', async () => {
    const { rig, path } = await filled()
    for (const at of [0, 512]) {
      const file = rig.disk.open(path, 'write')
      const header = Buffer.alloc(64)
      file.read(header, 0, 64, at)
      putU32(header, 4, 3)
      putU32(header, 60, crc32(header.subarray(0, 60)))
      file.write(header, at)
    }
    assert.throws(
      () => rig.open(),
      (error) => error instanceof FormatError && /newer version/.test(error.message),
    )
  })
})
