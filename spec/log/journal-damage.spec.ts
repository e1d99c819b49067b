// journal-damage.spec.ts: the cursor, whatever became of one of its two files. Damage is told, and costs what it hit.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { journalStart, SNAPSHOT_AT } from '../../lib/log/cursor-file.ts'
import { type Journal, NOT_YET_DURABLE } from '../../lib/log/journal.ts'
import { bitsOf, flip } from './bits.ts'
import { append, filled, folded, harden, Rig, said, settled } from './journal-rig.ts'

/** Where the journal of the ruling file begins. */
function startOf(rig: Rig, journal: Journal): number {
  const bytes = rig.disk.bytesOf(rig.pathOf(journal))
  return journalStart(Buffer.from(bytes).readUInt32LE(28))
}

describe('a damaged journal', () => {
  it('goes on with any bit of a record in the middle turned round: it is stepped over, and told', async () => {
    const { rig, journal, path } = await filled()
    const first = startOf(rig, journal)
    // Behind the record that made it roll, and the one that says that it is durable.
    const at = first + 64
    const without = rig.records.length - 5
    const expected = folded(rig.records.filter((_, index) => index !== without))
    for (const bit of bitsOf(at, at + 28)) {
      flip(rig.disk, path, bit)
      const loaded = rig.open()
      assert.equal(said(loaded.state), expected, `bit ${bit}`)
      assert.deepEqual(loaded.damaged, [{ file: path, offset: at, bytes: 32, isGap: true }], `bit ${bit}`)
      assert.equal(loaded.lostAll, false)
      flip(rig.disk, path, bit)
    }
    assert.equal(said(rig.open().state), rig.expected)
  })

  it('goes on behind a bit in the stored crc of a record, which costs at most its successor, and is told', async () => {
    const { rig, journal, path } = await filled()
    const at = startOf(rig, journal) + 64
    for (const bit of bitsOf(at + 28, at + 32)) {
      flip(rig.disk, path, bit)
      const loaded = rig.open()
      for (const id of [405, 407, 409]) assert.equal(id === 405 || loaded.state.runs.at(id)?.state === 'settled', true)
      assert.deepEqual(
        loaded.damaged.map(({ file, offset }) => ({ file, offset })),
        [{ file: path, offset: at }],
      )
      flip(rig.disk, path, bit)
    }
  })

  it('goes on in its other file behind what it stepped over, so that it is met once only', async () => {
    const { rig, journal, path } = await filled()
    flip(rig.disk, path, (startOf(rig, journal) + 70) * 8)
    const loaded = rig.open()
    await append(loaded, [settled(501)])
    const again = rig.open()
    assert.deepEqual(again.damaged, [])
    assert.equal(again.generation, journal.generation + 1)
    assert.equal(again.state.runs.at(501)?.state, 'settled')
    assert.equal(said(again.state), said(loaded.state))
  })

  it('makes room behind a gap once and for all: what is decided then is written at once', async () => {
    const rig = new Rig()
    const journal = rig.open()
    await rig.rollOver(journal)
    for (const id of [401, 403, 405, 407]) await rig.write(journal, settled(id))
    flip(rig.disk, rig.pathOf(journal), (startOf(rig, journal) + 40) * 8)
    const loaded = rig.open()
    assert.equal(loaded.makeRoom(100), NOT_YET_DURABLE)
    await harden(loaded)
    assert.equal(loaded.makeRoom(100), undefined)
    assert.equal(loaded.append([settled(501)]), undefined)
    assert.equal(said(rig.open().state), said(loaded.state))
  })

  it('is made whole with any bit of its snapshot turned round, and tells it', async () => {
    const { rig, journal, path } = await filled()
    const before = Buffer.from(rig.disk.bytesOf(path))
    const snapshotBytes = before.readUInt32LE(28)
    for (const bit of bitsOf(SNAPSHOT_AT, SNAPSHOT_AT + snapshotBytes)) {
      flip(rig.disk, path, bit)
      const loaded = rig.open()
      assert.equal(said(loaded.state), rig.expected, `bit ${bit}`)
      assert.deepEqual(loaded.damaged, [{ file: path, offset: SNAPSHOT_AT, bytes: snapshotBytes, isGap: false }])
      assert.ok(Buffer.from(rig.disk.bytesOf(path)).equals(before), 'the file is as it was')
    }
    journal.refresh()
    assert.equal(said(journal.state), rig.expected)
  })

  it('rules with any bit of either copy of its header turned round, tells it, and mends it', async () => {
    const { rig, path } = await filled()
    const before = Buffer.from(rig.disk.bytesOf(path))
    for (const copy of [0, 512]) {
      for (const bit of bitsOf(copy, copy + 64)) {
        flip(rig.disk, path, bit)
        const loaded = rig.open()
        assert.equal(said(loaded.state), rig.expected, `bit ${bit}`)
        assert.deepEqual(loaded.damaged, [{ file: path, offset: copy, bytes: 64, isGap: false }], `bit ${bit}`)
        assert.ok(Buffer.from(rig.disk.bytesOf(path)).equals(before), `bit ${bit}: the file is as it was`)
      }
    }
  })

  it('does not mind what became of the file that no longer rules', async () => {
    for (const spoil of ['bits', 'empty', 'gone', 'garbage'] as const) {
      const { rig, journal, path } = await filled()
      const old = path === '/q/cursor.0' ? '/q/cursor.1' : '/q/cursor.0'
      if (spoil === 'gone') rig.disk.unlink(old)
      if (spoil === 'empty') rig.disk.open(old, 'write').truncate(0)
      if (spoil === 'bits') for (let bit = 3; bit < 2048 * 8; bit += 501) flip(rig.disk, old, bit)
      if (spoil === 'garbage') rig.disk.open(old, 'write').write(Buffer.alloc(2048, 0xa5), 0)
      const loaded = rig.open()
      assert.equal(said(loaded.state), rig.expected, spoil)
      assert.equal(loaded.lostAll, false)
      if (spoil !== 'gone') {
        journal.refresh()
        assert.equal(said(journal.state), rig.expected, spoil)
      }
      await rig.rollOver(loaded, 3)
      assert.equal(said(rig.open().state), rig.expected, `${spoil}, and rolled`)
    }
  })

  it('without its ruling file is what its predecessor says, and goes on from there', async () => {
    for (const spoil of ['empty', 'gone', 'garbage'] as const) {
      const { rig, path } = await filled()
      const before = rig.open().generation
      if (spoil === 'gone') rig.disk.unlink(path)
      if (spoil === 'empty') rig.disk.open(path, 'write').truncate(0)
      if (spoil === 'garbage') rig.disk.open(path, 'write').write(Buffer.alloc(2048, 0xa5), 0)
      const loaded = rig.open()
      assert.equal(loaded.generation, before - 1, spoil)
      assert.equal(loaded.lostAll, false)
      assert.equal(said(loaded.state), folded(rig.records.slice(0, -6)), spoil)
      await append(loaded, [settled(601)])
      for (let id = 603; loaded.generation < before + 2; id += 2) await append(loaded, [settled(id)])
      assert.equal(said(rig.open().state), said(loaded.state), `${spoil}, and rolled`)
    }
  })

  it('without both files begins anew, says so, and can be used', async () => {
    const { rig } = await filled()
    for (const which of [0, 1]) rig.disk.open(`/q/cursor.${which}`, 'write').write(Buffer.alloc(2048, 0xa5), 0)
    const loaded = rig.open()
    assert.equal(loaded.lostAll, true)
    assert.equal(loaded.state.runs.head, 1)
    await append(loaded, [settled(1, 5)])
    for (let id = 6; loaded.generation < 4; id++) await append(loaded, [settled(id)])
    const again = rig.open()
    assert.equal(again.lostAll, false)
    assert.equal(said(again.state), said(loaded.state))
  })

  it('met by a process that is already running costs no more than when it is loaded', async () => {
    const { rig, journal, path } = await filled()
    const other = rig.open()
    const [before, records] = [startOf(rig, journal) + 32 * 7, rig.records.length]
    for (const id of [411, 413, 415]) await rig.write(journal, settled(id))
    flip(rig.disk, path, (before + 3) * 8)
    other.refresh()
    assert.equal(said(other.state), folded(rig.records.filter((_, index) => index !== records)))
    await append(other, [settled(417)])
    const loaded = rig.open()
    for (const id of [413, 415, 417]) assert.equal(loaded.state.runs.at(id)?.state, 'settled', `${id}`)
  })
})
