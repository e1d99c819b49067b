// What somebody else put under the name of a claim, and what he says there.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { claimAlone } from '../../lib/disk/claim.ts'
import { parse } from '../../lib/disk/holder.ts'
import { isListening } from '../../lib/disk/socket.ts'
import { makeToken, RELEASED, takenBy } from '../../lib/disk/token.ts'
import { newFolder } from './agents.ts'

const skip = process.platform === 'win32' ? 'sockets in folders are those of POSIX' : false

test('a claim is given back over no link that waits for it', { skip }, async (t) => {
  const folder = newFolder(t)
  const [draft, name, secret] = ['draft', 'only.7', 'secret'].map((each) => path.join(folder, each))
  assert.ok(draft && name && secret)
  fs.writeFileSync(secret, 'precious')
  const token = await makeToken(draft)
  fs.renameSync(draft, name)
  fs.symlinkSync(secret, `${name}.tmp`)
  token.release(name)
  assert.equal(fs.readFileSync(secret, 'utf8'), 'precious')
  assert.equal(fs.lstatSync(name).isFile(), true)
  assert.equal(fs.readFileSync(name, 'utf8'), RELEASED)
})

test('a claim that is a link or a pipe is refused, and so is one whose number was made up', { skip }, async (t) => {
  const folder = newFolder(t)
  fs.writeFileSync(path.join(folder, 'secret'), RELEASED)
  fs.symlinkSync(path.join(folder, 'secret'), path.join(folder, 'only.1'))
  const refused = { code: 'ENOTOURS', message: /^\/shown\/only\.1 is a symbolic link, and no file/ }
  await assert.rejects(takenBy(path.join(folder, 'only.1'), '/shown/only.1'), refused)
  await assert.rejects(claimAlone(folder, '/shown'), refused)
  fs.rmSync(path.join(folder, 'only.1'))
  fs.writeFileSync(path.join(folder, 'only.1000000000000000'), RELEASED)
  await assert.rejects(claimAlone(folder, '/shown'), { code: 'ENOTOURS', message: /only\.1000000000000000 is a claim/ })
})

test("another user's claim is refused", { skip }, async (t) => {
  if (process.geteuid?.() !== 0) return t.skip("NOT TRIED: another user's claim (takes root)")
  const name = path.join(newFolder(t), 'only.1')
  const token = await makeToken(name)
  t.after(() => token.abandon())
  assert.ok(await takenBy(name, name))
  fs.chownSync(name, 54_321, 54_321)
  await assert.rejects(takenBy(name, name), { code: 'ENOTOURS', message: /belongs to user 54321, and the queue to 0/ })
})

test('a holder is looked for in /proc alone', () => {
  assert.equal(parse('47 0 47/task/47 11 boot\n')?.task, '47/task/47')
  assert.equal(parse('47 0 - - boot\n')?.task, '-')
  for (const task of ['../tmp/a', '47/task/../../../tmp/a', '47/task/47/../../..', '/tmp/a', '']) {
    assert.equal(parse(`47 0 ${task} 11 boot\n`), undefined, task)
  }
})

test('who listens is not listened to for ever', { skip }, async (t) => {
  const name = path.join(newFolder(t), 'only.1')
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.write('x'.repeat(2 ** 20))
  })
  await new Promise<void>((resolve) => server.listen(name, resolve))
  t.after(() => server.close())
  assert.equal((await isListening(name))?.length, 1024)
})
