// journal-failure.spec.ts: the cursor on a disk whose syncs fail, or that is full.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from '../../lib/disk/disk.ts'
import type { CursorRecord } from '../../lib/log/record.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { append, FOLDER, folded, harden, journalOn, Rig, said, settled, TightDisk } from './journal-rig.ts'

describe('the journal, where the disk fails', () => {
  it('is renewed in the other file after a failed sync, and loses nothing', async () => {
    for (const loss of ['kept', 'lost', 'half'] as const) {
      const rig = new Rig()
      const disk = new FaultDisk(rig.disk)
      const journal = journalOn(disk)
      await rig.rollOver(journal)
      await harden(journal)
      await rig.write(journal, settled(301))
      const other = rig.open()
      const { generation } = journal
      disk.setFault({ at: 1, call: 'sync', code: 'EIO', loss })
      await assert.rejects(journal.sync(), { code: 'EIO' })
      assert.equal(journal.poisoned, true)
      await assert.rejects(journal.sync(), 'no later sync of that file counts')
      journal.renew()
      assert.equal(journal.generation, generation + 1)
      await harden(journal)
      other.refresh()
      for (const each of [journal, other, rig.open()]) assert.equal(said(each.state), rig.expected, loss)
    }
  })

  it('is renewed in its place where it was never durable, and others see that', async () => {
    for (const loss of ['kept', 'lost', 'half'] as const) {
      const rig = new Rig()
      const disk = new FaultDisk(rig.disk)
      const journal = journalOn(disk)
      await rig.rollOver(journal)
      const other = rig.open()
      disk.setFault({ at: 1, call: 'sync', code: 'EIO', loss: 'kept' })
      await assert.rejects(journal.sync(), { code: 'EIO' })
      journal.renew()
      other.refresh()
      assert.equal(other.generation, journal.generation, loss)
      await rig.write(other, settled(301))
      await rig.write(journal, settled(303))
      for (const each of [journal, other, rig.open()]) {
        each.refresh()
        assert.equal(said(each.state), rig.expected, loss)
      }
    }
  })

  it('tells everyone who waited for a sync that failed, however late they came', async () => {
    const rig = new Rig()
    const disk = new FaultDisk(rig.disk)
    const journal = journalOn(disk)
    await rig.rollOver(journal)
    await harden(journal)
    rig.disk.holdSyncs = true
    disk.setFault({ at: 1, call: 'sync', code: 'EIO', loss: 'lost' })
    const first = journal.sync()
    await rig.write(journal, settled(301))
    const second = journal.sync()
    const told = Promise.allSettled([first, second])
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    assert.deepEqual(
      (await told).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
  })

  it('goes on in the size it has where it cannot grow, as long as half of it holds the snapshot', async () => {
    const disk = new TightDisk()
    disk.makeFolder(FOLDER)
    const journal = journalOn(disk)
    disk.room = 2048
    const written: CursorRecord[] = []
    let refused = 0
    for (let id = 2; id < 1200 && refused === 0; id += 2) {
      try {
        await append(journal, [settled(id)])
        written.push(settled(id))
      } catch (error) {
        assert.equal(codeOf(error), 'ENOSPC')
        refused++
      }
      assert.equal(said(journal.state), folded(written))
      assert.equal(said(journalOn(disk).state), folded(written))
    }
    assert.equal(refused, 1)
    const { runs: held } = journal.state
    assert.ok(held.settled >= 200, `${held.settled} ids out of order had room`)
    disk.room = Number.POSITIVE_INFINITY
    await append(journal, [settled(2001)])
    assert.equal(said(journalOn(disk).state), folded([...written, settled(2001)]))
  })

  it('always has room for an acknowledgement in order', async () => {
    const disk = new TightDisk()
    disk.makeFolder(FOLDER)
    const journal = journalOn(disk)
    disk.room = 2048
    for (let id = 1; id < 500; id++) await append(journal, [settled(id)])
    assert.equal(journalOn(disk).state.runs.head, 500)
    assert.ok(journal.generation > 5)
  })

  it('trusts a file again once it holds a new generation, whoever wrote it', async () => {
    const rig = new Rig()
    const disk = new FaultDisk(rig.disk)
    const journal = journalOn(disk)
    await harden(journal)
    disk.setFault({ at: 1, call: 'sync', code: 'EIO' })
    await assert.rejects(journal.sync(), { code: 'EIO' })
    await rig.rollOver(rig.open(), 2)
    journal.refresh()
    assert.equal(journal.poisoned, false)
    await journal.sync()
  })
})
