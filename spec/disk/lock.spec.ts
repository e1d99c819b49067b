import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { DiskFile } from '../../lib/disk/disk.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import { type Agent, libWithoutFsExt, long, newFolder, openFiles, startProcess, startThread } from './agents.ts'

const kinds = [
  { kind: 'process', start: startProcess },
  { kind: 'worker thread', start: startThread },
]

function newFile(t: TestContext): DiskFile {
  const file = nodeDisk.open(path.join(newFolder(t), 'lock'), 'create')
  t.after(() => file.close())
  return file
}

async function eventually(check: () => boolean): Promise<void> {
  const end = Date.now() + 60_000
  while (!check()) {
    assert.ok(Date.now() < end, 'not within a minute')
    await pause(2)
  }
}

test('the disk locks a file for one of its openers', (t) => {
  const file = newFile(t)
  const [one, two] = [nodeDisk.open(file.path, 'write'), nodeDisk.open(file.path, 'read')]
  assert.equal(one.tryLock(), true)
  assert.equal(one.tryLock(), true)
  assert.equal(two.tryLock(), false)
  two.unlock()
  assert.equal(two.tryLock(), false)
  one.unlock()
  assert.equal(two.tryLock(), true)
  assert.equal(one.tryLock(), false)
  two.close()
  assert.equal(one.tryLock(), true)
  one.close()
})

test('the disk frees a lock at close, also while a call in the pool keeps the descriptor', async (t) => {
  const file = newFile(t)
  const other = nodeDisk.open(file.path, 'write')
  assert.equal(other.tryLock(), true)
  const sync = other.sync()
  other.close()
  assert.equal(file.tryLock(), true)
  await sync
})

for (const { kind, start } of kinds) {
  test(`the disk locks a file against another ${kind}`, async (t) => {
    const file = newFile(t)
    const agent = start(t)
    assert.equal(await agent.ask({ act: 'tryLock', path: file.path }), true)
    assert.equal(file.tryLock(), false)
    await agent.ask({ act: 'unlock', path: file.path })
    assert.equal(file.tryLock(), true)
    assert.equal(await agent.ask({ act: 'tryLock', path: file.path }), false)
  })

  test(`the disk frees the lock of a ${kind} that was killed or has ended`, async (t) => {
    const file = newFile(t)
    const ends = [(agent: Agent) => agent.kill(), (agent: Agent) => agent.ask({ act: 'exit' }).catch(() => agent.ended)]
    for (const end of ends) {
      const agent = start(t)
      assert.equal(await agent.ask({ act: 'tryLock', path: file.path }), true)
      await end(agent)
      await eventually(() => file.tryLock())
      file.unlock()
    }
  })
}

test('the disk lets no child process that was started meanwhile keep a lock', async (t) => {
  const file = newFile(t)
  const agent = startProcess(t)
  assert.equal(file.tryLock(), true)
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  file.unlock()
  assert.equal(await agent.ask({ act: 'tryLock', path: file.path }), true)
  await agent.ask({ act: 'unlock', path: file.path })
  assert.equal(file.tryLock(), true)
  file.close()
  assert.equal(await agent.ask({ act: 'tryLock', path: file.path }), true)
  if (fs.existsSync('/proc/self/fd')) {
    const inherited = fs
      .readdirSync(`/proc/${child.pid}/fd`)
      .map((fd) => fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`))
    assert.equal(inherited.includes(file.path), false)
  }
})

const [oneByOne, byFour] = long([15, 60], [6, 12])

test(`the disk locks in ${oneByOne} worker threads one after another, ${byFour} by four, a third of them terminated`, async (t) => {
  const file = newFile(t)
  const isLinux = process.platform === 'linux'
  async function life(number: number): Promise<void> {
    const thread = startThread(t)
    await thread.ask({ act: 'tryLock', path: file.path })
    if (number % 3 === 0) return thread.kill()
    await thread.ask({ act: 'unlock', path: file.path })
    await thread.ask({ act: 'exit' }).catch(() => thread.ended)
  }
  await life(0)
  const before = isLinux ? openFiles().length : 0
  for (let number = 0; number < oneByOne; number++) await life(number)
  for (let round = 0; round < byFour; round += 4) await Promise.all([0, 1, 2, 3].map((number) => life(round + number)))
  await eventually(() => file.tryLock())
  if (!isLinux) return
  assert.ok(
    openFiles().length <= before,
    `${openFiles().length} descriptors, ${before} before:\n${openFiles().join('\n')}`,
  )
  assert.equal(
    fs.readFileSync('/proc/self/maps', 'latin1').includes('spoolq-addon.'),
    false,
    'an addon is still mapped',
  )
})

test('the disk locks in a worker thread whose folder for temporary files is not there', async (t) => {
  const file = newFile(t)
  const thread = startThread(t, undefined, { env: { ...process.env, TMPDIR: '/no/such/folder' } })
  assert.equal(await thread.ask({ act: 'tryLock', path: file.path }), true)
  assert.equal(file.tryLock(), false)
})

test('the disk makes nothing for a worker thread where others may write, nor in the folder that is locked', async (t) => {
  const [open, file] = [newFolder(t), newFile(t)]
  fs.chmodSync(open, 0o777)
  const folders = [open, path.dirname(file.path)]
  const times = () => folders.map((folder) => fs.statSync(folder, { bigint: true }).mtimeNs)
  const before = times()
  const thread = startThread(t, undefined, { env: { ...process.env, TMPDIR: open } })
  assert.equal(await thread.ask({ act: 'tryLock', path: file.path }), true)
  assert.equal(file.tryLock(), false)
  assert.deepEqual(times(), before)
})

test('the disk locks between the files of one process where fs-ext is missing', async (t) => {
  const { nodeDisk: bare }: typeof import('../../lib/disk/node.ts') = await import(`${libWithoutFsExt()}disk/node.js`)
  const name = path.join(newFolder(t), 'lock')
  const [one, two] = [bare.open(name, 'create'), bare.open(name, 'write')]
  fs.renameSync(name, `${name}-moved`)
  const three = bare.open(`${name}-moved`, 'write')
  const other = bare.open(`${name}-other`, 'create')
  assert.deepEqual([one.tryLock(), one.tryLock(), two.tryLock(), three.tryLock()], [true, true, false, false])
  assert.equal(other.tryLock(), true)
  two.unlock()
  assert.equal(two.tryLock(), false)
  one.close()
  assert.deepEqual([three.tryLock(), two.tryLock()], [true, false])
  three.unlock()
  assert.equal(two.tryLock(), true)
  for (const file of [two, three, other]) file.close()
})
