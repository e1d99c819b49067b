import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { format, self } from '../../lib/disk/holder.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import {
  type Agent,
  hasContainers,
  libWithoutFsExt,
  long,
  newFolder,
  openIn,
  startContainer,
  startProcess,
  startThread,
} from './agents.ts'

function claim(agent: Agent, folder: string): Promise<string> {
  return agent.ask({ act: 'claim', path: folder }).then(
    () => 'claimed',
    (error) => error.code,
  )
}

/** What runs in a container is killed after that itself has ended. */
async function claimsSoon(agent: Agent, folder: string): Promise<void> {
  while ((await claim(agent, folder)) === 'ECLAIMED') await pause(5)
}

function claimsIn(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => name.startsWith('only.'))
}

function writeClaim(folder: string, number: number, text: string): void {
  fs.writeFileSync(path.join(folder, `only.${number}`), text)
}

test('with fs-ext, any number of processes and threads claim a folder, and nothing is left in it', async (t) => {
  const folder = newFolder(t)
  const release = await nodeDisk.claim(folder)
  const releaseAgain = await nodeDisk.claim(folder)
  for (const agent of [startProcess(t), startThread(t)]) {
    assert.equal(await claim(agent, folder), 'claimed')
    assert.deepEqual(await agent.ask({ act: 'warnings' }), [])
  }
  release()
  release()
  releaseAgain()
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('without fs-ext, one process claims a folder, and the others are told which', async (t) => {
  const [folder, other, lib] = [newFolder(t), newFolder(t), libWithoutFsExt()]
  const [one, two] = [startProcess(t, lib), startProcess(t, lib)]
  assert.equal(await claim(one, folder), 'claimed')
  await assert.rejects(two.ask({ act: 'claim', path: folder }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ECLAIMED')
    assert.match(error.message, new RegExp(`${folder} is open in process ${one.pid}, .*npm rebuild fs-ext`))
    return true
  })
  assert.equal(await claim(two, other), 'claimed')
  await one.ask({ act: 'release' })
  assert.equal(await claim(two, folder), 'claimed')
  assert.equal(claimsIn(folder).length, 1)
  assert.equal(fs.statSync(path.join(folder, claimsIn(folder)[0] ?? '')).mode & 0o777, 0o600)
})

test('without fs-ext, the handles of one thread share a claim until the last has given it back', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const [one, two] = [startProcess(t, lib), startProcess(t, lib)]
  assert.deepEqual([await claim(one, folder), await claim(one, folder)], ['claimed', 'claimed'])
  await one.ask({ act: 'release' })
  assert.equal(await claim(two, folder), 'ECLAIMED')
  await one.ask({ act: 'release' })
  assert.equal(await claim(two, folder), 'claimed')
})

test('without fs-ext, giving a claim back twice gives nobody else’s back', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const { nodeDisk: bare }: typeof import('../../lib/disk/node.ts') = await import(`${lib}disk/node.js`)
  const [one, two] = await Promise.all([bare.claim(folder), bare.claim(folder)])
  one()
  one()
  assert.equal(await claim(startProcess(t, lib), folder), 'ECLAIMED')
  two()
  assert.deepEqual(openIn(folder), [])
})

test('without fs-ext, a second thread is refused, until the first one has ended', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const [one, two] = [startThread(t, lib), startThread(t, lib)]
  assert.equal(await claim(one, folder), 'claimed')
  assert.equal(await claim(two, folder), 'ECLAIMED')
  await one.kill()
  if (process.platform !== 'linux') return
  assert.equal(await claim(two, folder), 'claimed')
})

test('without fs-ext, the claim of a process that was killed or has ended is dead', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const [one, two, three] = [startProcess(t, lib), startProcess(t, lib), startProcess(t, lib)]
  assert.equal(await claim(one, folder), 'claimed')
  await one.kill()
  assert.equal(await claim(two, folder), 'claimed')
  await two.ask({ act: 'exit' }).catch(() => two.ended)
  assert.equal(await claim(three, folder), 'claimed')
})

test('without fs-ext, the highest claim rules, and those below it go', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  writeClaim(folder, 9, format(self()))
  writeClaim(folder, 10, 'released\n')
  writeClaim(folder, 2, 'what is this')
  fs.writeFileSync(path.join(folder, 'only.0f4c.tmp'), '')
  fs.writeFileSync(path.join(folder, 'queue.json'), '')
  assert.equal(await claim(startProcess(t, lib), folder), 'claimed')
  assert.deepEqual(fs.readdirSync(folder).sort(), ['only.11', 'queue.json'])
})

test('without fs-ext, a claim that says nothing is dead, but for one that is just being written', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const agent = startProcess(t, lib)
  writeClaim(folder, 1, '4711 0 47')
  // It does not grow old while the agent starts, however long that takes.
  const soon = Date.now() / 1000 + 3600
  fs.utimesSync(path.join(folder, 'only.1'), soon, soon)
  assert.equal(await claim(agent, folder), 'ECLAIMED')
  fs.utimesSync(path.join(folder, 'only.1'), 0, 0)
  assert.equal(await claim(agent, folder), 'claimed')
})

test('without fs-ext, a number worked out long ago wins nothing', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const { nodeDisk: bare }: typeof import('../../lib/disk/node.ts') = await import(`${lib}disk/node.js`)
  assert.equal(await claim(startProcess(t, lib), folder), 'claimed')
  fs.renameSync(path.join(folder, 'only.1'), path.join(folder, 'later'))
  const link = fs.linkSync
  const mock = t.mock.method(fs, 'linkSync', (from: string, to: string) => {
    fs.renameSync(path.join(folder, 'later'), path.join(folder, 'only.3'))
    mock.mock.restore()
    link(from, to)
  })
  await assert.rejects(bare.claim(folder), { code: 'ECLAIMED' })
  assert.equal(mock.mock.callCount(), 1)
  assert.deepEqual(fs.readdirSync(folder), ['only.3'])
  assert.deepEqual(openIn(folder), [])
})

test('without fs-ext, a folder is claimed on a file system without hard links too', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const { nodeDisk: bare }: typeof import('../../lib/disk/node.ts') = await import(`${lib}disk/node.js`)
  t.mock.method(fs, 'linkSync', () => {
    throw Object.assign(new Error('EPERM'), { code: 'EPERM' })
  })
  const release = await bare.claim(folder)
  const agent = startProcess(t, lib)
  assert.equal(await claim(agent, folder), 'ECLAIMED')
  release()
  assert.equal(await claim(agent, folder), 'claimed')
  assert.deepEqual(fs.readdirSync(folder), ['only.2'])
})

test('without fs-ext, of many that start at once one claims the folder', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const agents = [1, 2, 3, 4].map(() => startProcess(t, lib)).concat([1, 2].map(() => startThread(t, lib)))
  for (let round = 0; round < long(15, 3); round++) {
    const outcomes = await Promise.all(agents.map((agent) => claim(agent, folder)))
    assert.equal(outcomes.filter((each) => each === 'claimed').length, 1, `round ${round}: ${outcomes}`)
    await agents[outcomes.indexOf('claimed')]?.ask({ act: 'release' })
  }
})

test('without fs-ext, no two ever hold a claim, whoever is killed', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  fs.writeFileSync(path.join(folder, 'witness'), '')
  const starts = [startProcess, startProcess, startProcess, startThread].map((start) => () => start(t, lib))
  const first = starts.map((start) => start())
  await Promise.all(first.map((agent) => agent.ask({ act: 'bootId' })))
  const end = Date.now() + long(3000, 300)
  let kills = 0
  async function live(agent: Agent): Promise<void> {
    const contending = agent.ask({ act: 'contend', path: folder, until: end })
    const killing = pause(200 + Math.random() * 300).then(() => agent.kill())
    const outcome = await contending.catch((error) => error.code)
    assert.ok(outcome === 'ENDED' || Number(outcome) >= 0, `${outcome}`)
    await killing
    kills++
  }
  await Promise.all(
    first.map(async (agent, i) => {
      await live(agent)
      for (const start = starts[i]; start !== undefined && Date.now() < end; ) await live(start())
    }),
  )
  assert.ok(kills >= 4)
  assert.equal(await claim(startProcess(t, lib), folder), 'claimed')
  assert.equal(claimsIn(folder).length, 1)
})

test('a process with fs-ext respects the claim of one without, while that one lives', async (t) => {
  const folder = newFolder(t)
  const bare = startProcess(t, libWithoutFsExt())
  assert.equal(await claim(bare, folder), 'claimed')
  assert.equal(await claim(startProcess(t), folder), 'ECLAIMED')
  await assert.rejects(nodeDisk.claim(folder), { code: 'ECLAIMED' })
  assert.deepEqual(openIn(folder), [])
  await bare.kill()
  ;(await nodeDisk.claim(folder))()
})

test('a process without fs-ext finds a folder taken that processes with it have open', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs /proc/locks')
  const folder = newFolder(t)
  const [whole, bare] = [startProcess(t), startProcess(t, libWithoutFsExt())]
  assert.equal(await claim(whole, folder), 'claimed')
  assert.equal(await claim(bare, folder), 'ECLAIMED')
  assert.equal(await claim(startProcess(t), folder), 'claimed')
  await assert.rejects(bare.ask({ act: 'claim', path: folder }), /is open in process \d+/)
  await whole.kill()
})

test('a process without fs-ext says so once, and how to get sharing back', async (t) => {
  const [one, two, lib] = [newFolder(t), newFolder(t), libWithoutFsExt()]
  const agent = startProcess(t, lib)
  await claim(agent, one)
  await claim(agent, two)
  const warnings = await agent.ask({ act: 'warnings' })
  assert.equal(Array.isArray(warnings) && warnings.length, 1)
  assert.match(String(warnings), /Cannot find module 'fs-ext.*npm rebuild fs-ext.*npm approve-scripts fs-ext/)
})

test('without fs-ext, a holder that is stopped keeps its claim, and a killed one frees it at once', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const [one, two] = [startProcess(t, lib), startProcess(t, lib)]
  assert.equal(await claim(one, folder), 'claimed')
  process.kill(one.pid, 'SIGSTOP')
  await assert.rejects(two.ask({ act: 'claim', path: folder }), /another process, which does not answer/)
  await one.kill()
  assert.equal(await claim(two, folder), 'claimed')
})

test('without fs-ext, a folder with a long path is claimed like any other', async (t) => {
  const [folder, lib] = [path.join(newFolder(t), 'long'.repeat(50)), libWithoutFsExt()]
  fs.mkdirSync(folder)
  const [one, two] = [startProcess(t, lib), startProcess(t, lib)]
  assert.deepEqual([await claim(one, folder), await claim(two, folder)], ['claimed', 'ECLAIMED'])
  await one.kill()
  assert.equal(await claim(two, folder), 'claimed')
})

test('without fs-ext, a folder that is renamed stays claimed, and what takes its name is another', async (t) => {
  const [base, lib] = [newFolder(t), libWithoutFsExt()]
  const [folder, moved] = [path.join(base, 'a'), path.join(base, 'b')]
  fs.mkdirSync(folder)
  const [one, two] = [startProcess(t, lib), startProcess(t, lib)]
  assert.equal(await claim(one, folder), 'claimed')
  fs.renameSync(folder, moved)
  fs.mkdirSync(folder)
  assert.equal(await claim(two, moved), 'ECLAIMED')
  assert.equal(await claim(two, folder), 'claimed')
  await one.ask({ act: 'release' })
  assert.equal(await claim(two, moved), 'claimed')
})

test('without fs-ext, where no socket can be made nothing is claimed, and it is said what helps', async (t) => {
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const { nodeDisk: bare }: typeof import('../../lib/disk/node.ts') = await import(`${lib}disk/node.js`)
  t.mock.method(net.Server.prototype, 'listen', function refuse(this: net.Server) {
    queueMicrotask(() => this.emit('error', Object.assign(new Error('listen EOPNOTSUPP'), { code: 'EOPNOTSUPP' })))
    return this
  })
  await assert.rejects(bare.claim(folder), /needs a unix socket.*EOPNOTSUPP.*npm install fs-ext/)
  assert.deepEqual(fs.readdirSync(folder), [])
  assert.deepEqual(openIn(folder), [])
})

test('a process without fs-ext finds a folder taken by one with it that its /proc does not show', async (t) => {
  if (spawnSync('flock', ['--version']).status !== 0) return t.skip('needs flock(1)')
  const folder = newFolder(t)
  const { nodeDisk: bare }: typeof import('../../lib/disk/node.ts') = await import(`${libWithoutFsExt()}disk/node.js`)
  const whole = startProcess(t)
  assert.equal(await claim(whole, folder), 'claimed')
  const read = fs.readFileSync
  t.mock.method(fs, 'readFileSync', (...args: Parameters<typeof read>) => {
    if (args[0] === '/proc/locks') return ''
    return read(...args)
  })
  await assert.rejects(bare.claim(folder), /a process of another container/)
  await whole.kill()
  ;(await bare.claim(folder))()
})

test('without fs-ext, two containers on one folder: the second is refused, until the first is gone', async (t) => {
  if (!hasContainers()) return t.skip('NOT TRIED: two containers (pid namespaces take root on Linux)')
  const [folder, lib] = [newFolder(t), libWithoutFsExt()]
  const [one, two] = [startContainer(t, lib), startContainer(t, lib)]
  assert.equal(await claim(one, folder), 'claimed')
  await assert.rejects(two.ask({ act: 'claim', path: folder }), /is open in process 1 of another container/)
  assert.equal(await claim(startProcess(t, lib), folder), 'ECLAIMED')
  assert.equal(await claim(startContainer(t), folder), 'ECLAIMED', 'with fs-ext')
  await one.kill()
  await claimsSoon(two, folder)
})

test('a container with fs-ext is seen by one without', async (t) => {
  if (!hasContainers()) return t.skip('NOT TRIED: two containers (pid namespaces take root on Linux)')
  const folder = newFolder(t)
  const [whole, bare] = [startContainer(t), startContainer(t, libWithoutFsExt())]
  assert.equal(await claim(whole, folder), 'claimed')
  assert.equal(await claim(bare, folder), 'ECLAIMED')
  await whole.kill()
  await claimsSoon(bare, folder)
})
