// recording-disk.spec.ts: the recording disk behaves as a file system does, and fails and dies as it is told.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk } from '../../lib/disk/disk.ts'
import { FaultDisk } from './fault-disk.ts'
import { RecordingDisk } from './recording-disk.ts'
import { Killed } from './system-error.ts'

const BYTES = Buffer.from('0123456789')

function textOf(disk: Disk, path: string): string {
  const file = disk.open(path, 'read')
  const bytes = Buffer.alloc(100)
  const count = file.read(bytes, 0, 100, 0)
  file.close()
  return bytes.toString('latin1', 0, count)
}

describe('the recording disk', () => {
  it('opens, lists, renames and unlinks as a file system does', () => {
    const disk = new RecordingDisk()
    assert.equal(disk.makeFolder('/a/b'), true)
    assert.equal(disk.makeFolder('/a/b'), false)
    const file = disk.open('/a/b/x', 'create')
    assert.throws(() => disk.open('/a/b/x', 'create'), { code: 'EEXIST' })
    assert.throws(() => disk.open('/a/b/y', 'write'), { code: 'ENOENT' })
    assert.throws(() => disk.open('/a/c/y', 'create'), { code: 'ENOENT' })
    assert.throws(() => disk.open('/a/b', 'read'), { code: 'EISDIR' })
    assert.throws(() => disk.list('/a/b/x'), { code: 'ENOTDIR' })
    disk.rename('/a/b/x', '/a/b/z')
    assert.deepEqual(disk.list('/a/b'), ['z'])
    assert.deepEqual(disk.list('/a'), ['b'])
    disk.unlink('/a/b/z')
    assert.throws(() => disk.unlink('/a/b/z'), { code: 'ENOENT' })
    file.write(BYTES, 0)
    assert.equal(file.size(), 10, 'an unlinked file goes on while it is open')
    file.close()
    assert.throws(() => file.size(), { code: 'EBADF' })
  })

  it('reads back what was written, with holes and cuts as zeros', () => {
    const disk = new RecordingDisk()
    const file = disk.open('/x', 'create')
    file.write(BYTES, 3)
    file.truncate(5)
    file.write(BYTES.subarray(0, 2), 7)
    assert.equal(textOf(disk, '/x'), '\0\0\x0001\0\x0001')
    const reader = disk.open('/x', 'read')
    assert.equal(reader.read(Buffer.alloc(2), 0, 9, 0), 2)
    assert.equal(reader.read(Buffer.alloc(9), 0, 9, 20), 0)
    assert.throws(() => reader.write(BYTES, 0), { code: 'EBADF' })
  })

  it('keeps what was written apart from the buffer it came from', () => {
    const disk = new RecordingDisk()
    const bytes = Buffer.from('before')
    disk.open('/x', 'create').write(bytes, 0)
    bytes.fill('z')
    assert.equal(textOf(disk, '/x'), 'before')
  })

  it('locks each open file against the others of its inode, until it is unlocked, closed or killed', () => {
    const disk = new RecordingDisk()
    const other = disk.process()
    const a = disk.open('/x', 'create')
    const b = other.open('/x', 'write')
    const c = other.open('/x', 'write')
    assert.ok(a.tryLock() && a.tryLock())
    assert.ok(!b.tryLock())
    a.unlock()
    assert.ok(b.tryLock() && !a.tryLock() && !c.tryLock())
    b.close()
    assert.ok(c.tryLock() && !a.tryLock())
    other.kill()
    assert.equal(other.openFiles, 0)
    assert.ok(a.tryLock())
    assert.throws(() => c.tryLock(), Killed)
    assert.throws(() => other.list('/'), Killed)
  })

  it('records a sync when it ends, with what it covers', async () => {
    const disk = new RecordingDisk()
    const file = disk.open('/x', 'create')
    file.write(BYTES, 0)
    disk.holdSyncs = true
    let done = false
    const syncing = file.sync().then(() => {
      done = true
    })
    file.write(BYTES, 10)
    await new Promise(setImmediate)
    assert.ok(!done)
    disk.releaseSyncs()
    await syncing
    assert.deepEqual(disk.log.at(-1), { kind: 'sync', ino: 1, covers: 2, failed: false })
    assert.equal(disk.log.length, 4)
  })

  it('lets a process die in the middle of its own step', async () => {
    const disk = new RecordingDisk()
    const process = disk.process()
    const file = process.open('/x', 'create')
    process.dieAt(2, 4)
    file.write(BYTES, 0)
    assert.throws(() => file.write(BYTES, 10), Killed)
    await assert.rejects(file.sync(), Killed)
    assert.ok(process.dead)
    assert.equal(textOf(disk, '/x'), '01234567890123')
    assert.equal(disk.log.at(-1)?.kind, 'write')
  })

  it('rejects the syncs that a kill interrupts, and records none of them', async () => {
    const disk = new RecordingDisk()
    const process = disk.process()
    const file = process.open('/x', 'create')
    disk.holdSyncs = true
    const syncing = assert.rejects(file.sync(), Killed)
    process.kill()
    await syncing
    assert.equal(disk.heldSyncs.size, 0)
    assert.deepEqual(
      disk.log.map(({ kind }) => kind),
      ['link'],
    )
  })

  it('tells who watches a folder, once for all changes of a moment', async () => {
    const disk = new RecordingDisk()
    disk.makeFolder('/a')
    let calls = 0
    const stop = disk.process().watch('/a', () => calls++)
    const file = disk.open('/a/x', 'create')
    file.write(BYTES, 0)
    disk.open('/elsewhere', 'create')
    await undefined
    assert.equal(calls, 1)
    stop()
    file.write(BYTES, 0)
    await undefined
    assert.equal(calls, 1)
  })
})

describe('the fault disk', () => {
  it('fails the n-th call of a kind, once or for ever', () => {
    const disk = new FaultDisk(new RecordingDisk(), { at: 2, call: 'open', code: 'EMFILE' })
    disk.open('/a', 'create').close()
    assert.throws(() => disk.open('/b', 'create'), { code: 'EMFILE' })
    disk.open('/b', 'create').close()
    disk.setFault({ at: 2, code: 'EACCES', times: 'forever' })
    disk.list('/')
    assert.throws(() => disk.list('/'), { code: 'EACCES' })
    assert.throws(() => disk.unlink('/a'), { code: 'EACCES' })
    disk.setFault(undefined)
    assert.deepEqual(disk.list('/'), ['a', 'b'])
    assert.equal(disk.openFiles, 0)
    assert.equal(disk.failures, 3)
    assert.equal(disk.calls.get('open'), 3)
    assert.equal(disk.calls.get('all'), 7)
  })

  it('writes short', async () => {
    const disk = new FaultDisk(new RecordingDisk(), { at: 1, call: 'write', code: 'ENOSPC', short: 4 })
    const file = disk.open('/a', 'create')
    assert.throws(() => file.write(BYTES, 0), { code: 'ENOSPC' })
    assert.equal(file.size(), 4)
    disk.setFault({ at: 1, call: 'writeAside', code: 'ENOSPC', short: 6 })
    await assert.rejects(file.writeAside(BYTES, 0), { code: 'ENOSPC' })
    assert.equal(textOf(disk, '/a'), '012345')
  })

  for (const [loss, left] of [
    ['kept', 'DURABLE?9'],
    ['half', 'DURAble\x009'],
    ['lost', 'durable\x009'],
  ] as const) {
    it(`fails a sync and leaves what it covered ${loss}`, async () => {
      const disk = new FaultDisk(new RecordingDisk(), { at: 2, call: 'sync', code: 'EIO', loss })
      const file = disk.open('/a', 'create')
      file.write(Buffer.from('durable'), 0)
      await file.sync()
      file.write(Buffer.from('DURABLE?'), 0)
      await assert.rejects(file.sync(), { code: 'EIO' })
      file.write(Buffer.from('9'), 8)
      assert.equal(textOf(disk, '/a'), left)
    })
  }
})
