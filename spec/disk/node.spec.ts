import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { DiskFile } from '../../lib/disk/disk.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import { codeThrown, newFolder, openIn } from './agents.ts'

function newFile(t: TestContext): DiskFile {
  const file = nodeDisk.open(path.join(newFolder(t), 'file'), 'create')
  t.after(() => file.close())
  return file
}

function textOf(file: DiskFile): string {
  const bytes = Buffer.alloc(file.size())
  assert.equal(file.read(bytes, 0, bytes.length, 0), bytes.length)
  return bytes.toString()
}

test('the disk opens files that are there, makes those that are not, and says which is wrong', (t) => {
  const name = path.join(newFolder(t), 'file')
  assert.equal(
    codeThrown(() => nodeDisk.open(name, 'read')),
    'ENOENT',
  )
  assert.equal(
    codeThrown(() => nodeDisk.open(name, 'write')),
    'ENOENT',
  )
  const made = nodeDisk.open(name, 'create')
  assert.equal(made.path, name)
  assert.equal(
    codeThrown(() => nodeDisk.open(name, 'create')),
    'EEXIST',
  )
  made.write(Buffer.from('abc'), 0)
  made.close()
  const reader = nodeDisk.open(name, 'read')
  assert.equal(textOf(reader), 'abc')
  assert.equal(
    codeThrown(() => reader.write(Buffer.from('x'), 0)),
    'EBADF',
  )
  reader.close()
})

test('a file is the same under each name and descriptor, and no copy of it is', (t) => {
  const folder = newFolder(t)
  const [name, moved, copy] = ['file', 'moved', 'copy'].map((each) => path.join(folder, each))
  assert.ok(name && moved && copy)
  const made = nodeDisk.open(name, 'create')
  const { device, inode } = made.identity()
  assert.ok(Number.isSafeInteger(device) && Number.isSafeInteger(inode) && inode > 0 && inode < 2 ** 48)
  fs.copyFileSync(name, copy)
  fs.renameSync(name, moved)
  const [again, other] = [nodeDisk.open(moved, 'read'), nodeDisk.open(copy, 'read')]
  assert.deepEqual(again.identity(), { device, inode })
  assert.equal(other.identity().device, device)
  assert.notEqual(other.identity().inode, inode)
  for (const file of [made, again, other]) file.close()
})

test('the disk reads what there is, where it was told to, and nothing beyond', (t) => {
  const file = newFile(t)
  file.write(Buffer.from('0123456789'), 0)
  const target = Buffer.alloc(8, '.')
  assert.equal(file.read(target, 2, 4, 3), 4)
  assert.equal(target.toString(), '..3456..')
  assert.equal(file.read(target, 0, 8, 7), 3)
  assert.equal(target.toString(), '789456..')
  assert.equal(file.read(target, 0, 1, 10), 0)
  assert.equal(file.read(target, 8, 0, 0), 0)
  assert.equal(file.read(target, 0, 8, 2 ** 40), 0)
})

test('the disk writes all of it at its position, and truncates', async (t) => {
  const file = newFile(t)
  file.write(Buffer.from('world'), 6)
  file.write(Buffer.from('hello '), 0)
  file.write(Buffer.alloc(0), 0)
  assert.equal(textOf(file), 'hello world')
  await file.writeAside(Buffer.from('W'), 6)
  await file.writeAside(Buffer.alloc(0), 0)
  assert.equal(textOf(file), 'hello World')
  file.truncate(5)
  assert.equal(file.size(), 5)
  file.truncate(7)
  assert.equal(textOf(file), 'hello\0\0')
})

test('the disk writes and reads views of larger buffers, 20 MiB aside', async (t) => {
  const file = newFile(t)
  const bytes = new Uint8Array(20 * 2 ** 20).map((_, index) => index % 251)
  const view = bytes.subarray(1, bytes.length - 1)
  await file.writeAside(view, 3)
  assert.equal(file.size(), view.length + 3)
  const back = new Uint8Array(view.length + 2)
  assert.equal(file.read(back, 1, view.length, 3), view.length)
  assert.equal(Buffer.compare(back.subarray(1, -1), view), 0)
})

test('the disk syncs', async (t) => {
  const file = newFile(t)
  file.write(Buffer.from('abc'), 0)
  await file.sync()
})

test('the disk closes a file that is synced or written aside when that has ended', async (t) => {
  const folder = newFolder(t)
  const file = nodeDisk.open(path.join(folder, 'a'), 'create')
  const bytes = Buffer.alloc(2 ** 20, 'b')
  const calls = [file.writeAside(bytes, 0), file.sync(), file.sync()]
  file.close()
  file.close()
  const other = nodeDisk.open(path.join(folder, 'b'), 'create')
  await Promise.all(calls)
  assert.equal(other.size(), 0)
  other.close()
  assert.deepEqual(fs.readFileSync(path.join(folder, 'a')), bytes)
  assert.deepEqual(openIn(folder), [])
})

test('the disk closes a file that was removed, and nobody waits for its blocks to be freed', async (t) => {
  const folder = newFolder(t)
  const file = nodeDisk.open(path.join(folder, 'a'), 'create')
  file.write(Buffer.alloc(2 ** 20, 'b'), 0)
  nodeDisk.unlink(file.path)
  file.close()
  assert.throws(() => file.size())
  await assert.rejects(file.sync())
  await nodeDisk.allClosed()
  assert.deepEqual(openIn(folder), [])
})

test('the disk touches nothing through a file that is closed', async (t) => {
  const folder = newFolder(t)
  const closed = nodeDisk.open(path.join(folder, 'a'), 'create')
  assert.equal(closed.tryLock(), true)
  closed.close()
  const other = nodeDisk.open(path.join(folder, 'b'), 'create') // gets the number that the closed one had
  t.after(() => other.close())
  const calls = [
    () => closed.write(Buffer.from('x'), 0),
    () => closed.read(Buffer.alloc(1), 0, 1, 0),
    () => closed.truncate(9),
    () => closed.size(),
    () => closed.tryLock(),
  ]
  closed.unlock()
  for (const call of calls) assert.throws(call)
  await assert.rejects(closed.sync())
  await assert.rejects(closed.writeAside(Buffer.from('x'), 0))
  assert.equal(other.size(), 0)
})
