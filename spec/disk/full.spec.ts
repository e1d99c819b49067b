import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { codeOf } from '../../lib/disk/disk.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import { codeThrown, newFolder } from './agents.ts'

const MIB = 2 ** 20

/** Runs on a disk of 1 MiB; skips the spec, with a message, where none can be mounted. */
async function onSmallDisk(t: TestContext, run: (folder: string) => unknown): Promise<void> {
  const folder = newFolder(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'spoolq-spec', folder], { stdio: 'ignore' })
  } catch {
    return t.skip('NOT TRIED: a full disk (mounting a tmpfs of 1 MiB takes root on Linux)')
  }
  try {
    await run(folder)
  } finally {
    execFileSync('umount', ['-l', folder])
  }
}

test('the disk says ENOSPC when it fills up in the middle of a write, and goes on when there is room', (t) =>
  onSmallDisk(t, (folder) => {
    const file = nodeDisk.open(path.join(folder, 'a'), 'create')
    file.write(Buffer.alloc(MIB / 2, 'a'), 0)
    assert.equal(
      codeThrown(() => file.write(Buffer.alloc(MIB, 'b'), MIB / 2)),
      'ENOSPC',
    )
    assert.equal(file.size(), MIB) // part of it is there
    file.write(Buffer.from('c'), 0) // in place needs no room
    file.truncate(MIB / 2)
    file.write(Buffer.alloc(MIB / 4, 'd'), MIB / 2)
    assert.equal(file.size(), (MIB * 3) / 4)
    file.close()
  }))

test('the disk says ENOSPC when it fills up in the middle of a write aside', (t) =>
  onSmallDisk(t, async (folder) => {
    const file = nodeDisk.open(path.join(folder, 'a'), 'create')
    await assert.rejects(file.writeAside(Buffer.alloc(3 * MIB), 0), (error) => codeOf(error) === 'ENOSPC')
    assert.equal(file.size(), MIB)
    file.close()
  }))
