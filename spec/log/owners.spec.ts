// owners.spec.ts: who is alive, whoever asks, and no number is given twice.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CursorState } from '../../lib/log/cursor-state.ts'
import { decodeOwnerHead } from '../../lib/log/owner-head.ts'
import { Owners } from '../../lib/log/owners.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'

const PLACE = { boot: 77, device: 5, inode: 6 }
const NOW = 1_700_000_000_000

class Crowd {
  readonly disk = new RecordingDisk()
  readonly state = new CursorState()

  /** A process that joins; on a full disk it can make nothing. */
  join(isFull = false): { readonly process: DiskProcess; readonly owners: Owners } {
    const process = this.disk.process()
    const full = new FaultDisk(process, { at: 1, call: 'open', code: 'ENOSPC', times: 'forever', onlyCreates: true })
    const owners = new Owners(isFull ? full : process, '/q', () => NOW)
    this.state.apply(owners.join(this.state, PLACE))
    return { process, owners }
  }

  get files(): string[] {
    return this.disk.list('/q/owners').sort()
  }
}

function swept(owners: Owners, state: CursorState): void {
  for (const owner of owners.names()) owners.sweep(owner, state)
}

describe('owners', () => {
  it('get a number each, recorded with the boot that they live in', () => {
    const crowd = new Crowd()
    const [one, two] = [crowd.join(), crowd.join()]
    assert.deepEqual([one.owners.own, two.owners.own], [1, 2])
    assert.deepEqual(
      [...crowd.state.owners],
      [
        [1, PLACE],
        [2, PLACE],
      ],
    )
    assert.deepEqual(crowd.files, ['1', '2'])
  })

  it('that join again have the number that they had', () => {
    const { owners } = new Crowd().join()
    assert.deepEqual(owners.join(new CursorState(), PLACE), { kind: 'joined', owner: 1, place: PLACE })
  })

  it('pass over numbers whose file is there already', () => {
    const crowd = new Crowd()
    crowd.disk.makeFolder('/q/owners')
    for (const name of ['1', '2', '4']) crowd.disk.open(`/q/owners/${name}`, 'create').close()
    assert.equal(crowd.join().owners.own, 3)
    assert.equal(crowd.join().owners.own, 5)
  })

  it('never get a number that somebody had before', () => {
    const crowd = new Crowd()
    const { owners } = crowd.join()
    owners.leave()
    crowd.state.apply({ kind: 'left', owner: owners.own, counted: 1, ids: [] })
    assert.deepEqual(crowd.files, [])
    assert.equal(crowd.join().owners.own, 2)
  })

  it('are alive until they leave or their process dies, however it does', () => {
    const crowd = new Crowd()
    const [one, two, three] = [crowd.join(), crowd.join(), crowd.join()]
    assert.deepEqual(one.owners.dead(crowd.state), [])
    two.process.kill()
    three.owners.leave()
    assert.deepEqual(one.owners.dead(crowd.state), [2, 3])
    assert.equal(one.owners.isAlive(1), true)
    assert.equal(one.owners.isAlive(99), false)
    assert.deepEqual(crowd.files, ['1', '2'], 'asking removes nothing')
    assert.equal(one.owners.isAlive(1), true, 'asking does not free a lock')
  })

  it('leave the lines of those who wait where they are', () => {
    const crowd = new Crowd()
    const { owners } = crowd.join()
    const lines = ['append.lock', 'cursor.lock']
    for (const name of [...lines, 'other.lock']) crowd.disk.open(`/q/owners/${name}`, 'create').close()
    swept(owners, crowd.state)
    assert.deepEqual(crowd.files, ['1', ...lines])
  })

  it('are swept away once the state no longer knows them, and only then', () => {
    const crowd = new Crowd()
    const [one, two, three] = [crowd.join(), crowd.join(), crowd.join()]
    two.process.kill()
    swept(one.owners, crowd.state)
    assert.deepEqual(crowd.files, ['1', '2', '3'], 'it may hold something')
    for (const owner of [2, 3]) crowd.state.apply({ kind: 'left', owner, counted: 1, ids: [] })
    swept(one.owners, crowd.state)
    assert.deepEqual(crowd.files, ['1', '3'], 'who lives keeps its file')
    three.process.kill()
    swept(one.owners, crowd.state)
    assert.deepEqual(crowd.files, ['1'])
  })

  it('leave once, and what is gone already is no error', () => {
    const crowd = new Crowd()
    const { owners, process } = crowd.join()
    owners.remove(1)
    owners.leave()
    owners.leave()
    owners.remove(17)
    assert.equal(process.openFiles, 0)
  })

  it('whose files cannot be looked at now are alive, and stay', () => {
    const crowd = new Crowd()
    const disk = new FaultDisk(crowd.disk)
    const owners = new Owners(disk, '/q', () => NOW)
    const { process } = crowd.join()
    process.kill()
    for (const code of ['EMFILE', 'EACCES', 'EIO'] as const) {
      for (const call of ['open', 'tryLock'] as const) {
        disk.setFault({ at: 1, call, code })
        assert.equal(owners.isAlive(1), true, `${call} ${code}`)
        assert.equal(disk.openFiles, 0)
        disk.setFault({ at: 1, call, code, times: 'forever' })
        swept(owners, new CursorState())
        assert.deepEqual(crowd.files, ['1'], 'what cannot be looked at is not removed')
      }
    }
    disk.setFault({ at: 1, call: 'unlink', code: 'EACCES' })
    swept(owners, new CursorState())
    assert.deepEqual(crowd.files, ['1'], 'what cannot be removed now is left for another opening')
    disk.setFault(undefined)
    assert.equal(owners.isAlive(1), false)
    swept(owners, new CursorState())
    assert.deepEqual(crowd.files, [])
  })

  it('join where no file can be made as long as the lock of another one shows that they live', () => {
    const crowd = new Crowd()
    crowd.disk.makeFolder('/q')
    for (const name of ['queue.json', 'cursor.0', 'cursor.1']) crowd.disk.open(`/q/${name}`, 'create').close()
    const first = crowd.join()
    const [one, two, three] = [crowd.join(true), crowd.join(true), crowd.join(true)]
    assert.throws(() => crowd.join(true), { code: 'ENOSPC' })
    assert.deepEqual(crowd.files, ['1'])
    assert.deepEqual([one.owners.own, two.owners.own, three.owners.own], [2, 3, 4])
    for (const { owners } of [first, one]) assert.deepEqual(owners.dead(crowd.state), [])
    assert.deepEqual(one.owners.join(crowd.state, PLACE), { kind: 'joined', owner: 2, place: PLACE })
    one.process.kill()
    two.owners.leave()
    assert.deepEqual(first.owners.dead(crowd.state), [], 'one of them lives, and nobody knows which')
    assert.deepEqual(three.owners.dead(crowd.state), [2, 3], 'but that one itself')
    assert.equal(first.owners.isSeenAlive(2), false)
    three.owners.mark(0, { from: 1, to: 1 })
    three.owners.leave()
    assert.deepEqual(first.owners.dead(crowd.state), [2, 3, 4])
    assert.equal(three.process.openFiles, 0)
  })

  it('join only where their file can be made', () => {
    const crowd = new Crowd()
    const disk = new FaultDisk(crowd.disk)
    const owners = new Owners(disk, '/q', () => NOW)
    disk.setFault({ at: 1, call: 'open', code: 'ENOSPC' })
    assert.throws(() => owners.join(crowd.state, PLACE), { code: 'ENOSPC' })
    disk.setFault({ at: 1, call: 'write', code: 'EIO' })
    assert.throws(() => owners.join(crowd.state, PLACE), { code: 'EIO' })
    assert.equal(disk.openFiles, 0)
    disk.setFault(undefined)
    assert.equal(owners.join(crowd.state, PLACE).kind, 'joined')
  })

  it('say in their file who they are', () => {
    const crowd = new Crowd()
    crowd.join()
    const head = { ...crowd.disk.self(), since: NOW, bootId: crowd.disk.boot, label: '', exclusive: false }
    assert.deepEqual(decodeOwnerHead(crowd.disk.bytesOf('/q/owners/1')), head)
  })
})
