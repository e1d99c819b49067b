import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { nodeDisk } from '../../lib/disk/node.ts'
import { codeThrown, newFolder, startProcess } from './agents.ts'

function modeOf(name: string): number {
  return fs.statSync(name).mode & 0o777
}

test('the disk makes files 0600 and folders 0700, whatever the umask', (t) => {
  const outer = path.join(newFolder(t), 'a')
  for (const mask of [0, 0o777]) {
    const folder = path.join(outer, String(mask))
    const before = process.umask(mask)
    try {
      assert.equal(nodeDisk.makeFolder(folder), true)
      nodeDisk.open(path.join(folder, 'file'), 'create').close()
    } finally {
      process.umask(before)
    }
    assert.equal(modeOf(folder), 0o700)
    assert.equal(modeOf(path.join(folder, 'file')), 0o600)
  }
  assert.equal(modeOf(outer), 0o700)
})

test('the disk leaves a folder that is there as it is, and makes none out of a file', (t) => {
  const folder = newFolder(t)
  const file = path.join(folder, 'file')
  fs.chmodSync(folder, 0o750)
  fs.writeFileSync(file, '')
  assert.equal(nodeDisk.makeFolder(folder), false)
  assert.equal(modeOf(folder), 0o750)
  assert.equal(
    codeThrown(() => nodeDisk.makeFolder(file)),
    'EEXIST',
  )
  assert.throws(() => nodeDisk.makeFolder(path.join(file, 'a', 'b')))
  assert.throws(() => nodeDisk.makeFolder('/proc/no-such-folder/a'))
})

test('the disk makes each folder once when several processes want it', async (t) => {
  const folder = newFolder(t)
  const agents = [startProcess(t), startProcess(t), startProcess(t)]
  for (let round = 0; round < 50; round++) {
    const wanted = path.join(folder, String(round), 'a')
    const made = await Promise.all(agents.map((agent) => agent.ask({ act: 'makeFolder', path: wanted })))
    assert.equal(made.filter((each) => each).length, 1)
  }
})

test('the disk lists, renames and unlinks', (t) => {
  const folder = newFolder(t)
  const [a, b] = [path.join(folder, 'a'), path.join(folder, 'b')]
  nodeDisk.open(a, 'create').close()
  nodeDisk.rename(a, b)
  assert.deepEqual(nodeDisk.list(folder), ['b'])
  nodeDisk.unlink(b)
  assert.deepEqual(nodeDisk.list(folder), [])
  for (const call of [() => nodeDisk.unlink(b), () => nodeDisk.rename(a, b), () => nodeDisk.list(a)]) {
    assert.equal(codeThrown(call), 'ENOENT')
  }
})

test('the disk syncs a folder', async (t) => {
  const folder = newFolder(t)
  await nodeDisk.syncFolder(folder)
  if (process.platform !== 'win32') await assert.rejects(nodeDisk.syncFolder(`${folder}-gone`), { code: 'ENOENT' })
})

test('the disk does not wait for the other end of a pipe that stands under a file name', (t) => {
  const name = path.join(newFolder(t), 'pipe')
  try {
    execFileSync('mkfifo', [name])
  } catch {
    return t.skip('no mkfifo here')
  }
  for (const mode of ['read', 'write'] as const) {
    assert.equal(
      codeThrown(() => nodeDisk.open(name, mode)),
      'ENOTOURS',
    )
  }
})

test('the disk names the start of the machine alike in every process', async (t) => {
  const agent = startProcess(t)
  assert.equal(await agent.ask({ act: 'bootId' }), nodeDisk.bootId())
  assert.notEqual(nodeDisk.bootId(), '')
})
