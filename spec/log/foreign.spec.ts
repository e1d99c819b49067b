// foreign.spec.ts: what somebody else put under a name of a queue, where he may write to its folder: links, pipes, sockets,
// other users' files. It is refused, by name; what it leads to is neither read nor written, and the queue itself unharmed.
// A process of its own: it says that this is another system.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { nodeDisk } from '../../lib/disk/node.ts'
import { AsyncQueue, StorageError } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'

const isPosix = process.platform !== 'win32'
const isRoot = process.geteuid?.() === 0
/** Users that no file here belongs to. */
const [SERVICE, OTHER] = [54_321, 54_322]
const SECRET = 'precious data\n'.repeat(5)
const SEGMENT = '00000000000000000001.0.log'
const FILES = ['queue.json', 'copy.json', 'append.lock', 'cursor.lock', 'cursor.0', 'cursor.1', SEGMENT, 'only.999']
const FOLDERS = ['owners', 'failed', 'damaged']

function newBase(t: TestContext): string {
  const base = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'spoolq-foreign-'))
  t.after(() => fs.rmSync(base, { recursive: true, force: true }))
  return base
}

/** How something gets under a name, and what it may harm. */
type Plant = (name: string, base: string) => void

const plants: Readonly<Record<string, Plant>> = {
  'a link to a file': (name, base) => fs.symlinkSync(path.join(base, 'secret'), name),
  'a link to a folder': (name, base) => fs.symlinkSync(path.join(base, 'folder'), name),
  'a link to nothing': (name, base) => fs.symlinkSync(path.join(base, 'nothing'), name),
  'a pipe': (name) => execFileSync('mkfifo', [name]),
  'another name of a file': (name, base) => fs.linkSync(path.join(base, 'secret'), name),
}

/** What may not change: a file, what a folder holds, and that a name leads nowhere. */
function treasures(base: string): string {
  const read = (name: string) => fs.readFileSync(path.join(base, name), 'utf8')
  return [read('secret'), fs.readdirSync(path.join(base, 'folder')), fs.existsSync(path.join(base, 'nothing'))].join()
}

/** A queue with something in all of its folders, and what lies beside it. */
async function newQueue(t: TestContext): Promise<{ readonly base: string; readonly queue: string }> {
  const base = newBase(t)
  const queue = path.join(base, 'queue')
  const open = await AsyncQueue.open<string>(queue)
  await open.putMany(['bad', 'a', 'b'])
  await (await open.lease())?.fail('for a look')
  await open.close()
  fs.writeFileSync(path.join(base, 'secret'), SECRET, { mode: 0o600 })
  fs.mkdirSync(path.join(base, 'folder'))
  fs.writeFileSync(path.join(base, 'folder', '1'), '')
  return { base, queue }
}

function refusedFor(name: string) {
  return (error: unknown) => {
    assert.ok(error instanceof StorageError, String(error))
    assert.ok(error.message.includes(name), error.message)
    return true
  }
}

/** Each kind under some of the names, and all under all in the long form. */
function tried(names: readonly string[]): { readonly name: string; readonly kind: string; readonly plant: Plant }[] {
  const kinds = Object.entries(plants)
  return names.flatMap((name, i) => {
    return kinds
      .map(([kind, plant]) => ({ name, kind, plant }))
      .filter(({ kind }) => !(FOLDERS.includes(name) && kind === 'another name of a file'))
      .filter((_, k) => CHECK || k === i % kinds.length || k === (i + 2) % kinds.length)
  })
}

describe('the queue', { skip: isPosix ? false : 'links and pipes are those of POSIX' }, () => {
  it('refuses what is no file or folder of its own under any of its names, and harms nothing', async (t) => {
    const { base, queue } = await newQueue(t)
    const before = treasures(base)
    for (const { name, kind, plant } of tried([...FILES, ...FOLDERS])) {
      const real = path.join(queue, name)
      if (fs.existsSync(real)) fs.renameSync(real, path.join(base, 'own'))
      plant(real, base)
      await assert.rejects(AsyncQueue.open(queue), refusedFor(real), `${kind} as ${name}`)
      assert.equal(treasures(base), before, `${kind} as ${name}`)
      fs.rmSync(real)
      if (fs.existsSync(path.join(base, 'own'))) fs.renameSync(path.join(base, 'own'), real)
    }
    const again = await AsyncQueue.open<string>(queue)
    assert.deepEqual(await again.pop(9), ['a', 'b'])
    assert.deepEqual(await again.retry(), 1)
    assert.deepEqual(await again.pop(), 'bad')
    await again.close()
    assert.deepEqual(fs.readdirSync(path.join(queue, 'owners')), [])
  })

  it('refuses what takes the place of a living owner, and of a segment of what is set aside', async (t) => {
    const { base, queue } = await newQueue(t)
    const before = treasures(base)
    const open = await AsyncQueue.open<string>(queue)
    const [own = ''] = fs.readdirSync(path.join(queue, 'owners'))
    for (const [kind, plant] of Object.entries(plants)) {
      const real = path.join(queue, 'owners', own)
      fs.renameSync(real, path.join(base, 'own'))
      plant(real, base)
      await assert.rejects(AsyncQueue.open(queue), refusedFor(real), kind)
      fs.rmSync(real)
      fs.renameSync(path.join(base, 'own'), real)
    }
    const [failed = ''] = fs.readdirSync(path.join(queue, 'failed'))
    await open.close()
    fs.rmSync(path.join(queue, 'failed', failed))
    fs.symlinkSync(path.join(base, 'secret'), path.join(queue, 'failed', failed))
    const again = await AsyncQueue.open<string>(queue)
    const item = await again.lease()
    await assert.rejects(item?.fail('too') ?? Promise.resolve(), refusedFor(path.join(queue, 'failed', failed)))
    assert.deepEqual((await again.counts()).ready + (await again.counts()).inFlight, 2)
    assert.equal(treasures(base), before)
    await again.close({ grace: 0 })
  })

  it('clears what nobody knows from the folder of its owners when it is opened', async (t) => {
    const { base, queue } = await newQueue(t)
    const owners = path.join(queue, 'owners')
    for (let i = 0; i < 200; i++) fs.writeFileSync(path.join(owners, i % 2 === 0 ? `x${i}` : `${i + 1000}`), '')
    execFileSync('mkfifo', [path.join(owners, '99')])
    fs.symlinkSync(path.join(base, 'secret'), path.join(owners, '98'))
    fs.symlinkSync(path.join(base, 'secret'), path.join(owners, 'link'))
    const before = treasures(base)
    const beside = await AsyncQueue.open<string>(queue)
    assert.equal(fs.readdirSync(owners).length, 1)
    const open = await AsyncQueue.open<string>(queue)
    assert.equal(fs.readdirSync(owners).length, 2)
    assert.equal(treasures(base), before)
    for (const each of [open, beside]) await each.close()
  })
})

describe('a folder that was entered', { skip: isPosix ? false : 'links are those of POSIX' }, () => {
  for (const system of [process.platform, 'darwin']) {
    it(`is not left by a link that takes the place of a folder in it, on ${system}`, (t) => {
      const { platform } = process
      Object.defineProperty(process, 'platform', { value: system, configurable: true })
      t.after(() => Object.defineProperty(process, 'platform', { value: platform, configurable: true }))
      const base = newBase(t)
      const [queue, outside] = [path.join(base, 'queue'), path.join(base, 'outside')]
      for (const folder of [queue, outside]) nodeDisk.makeFolder(folder)
      fs.writeFileSync(path.join(outside, '7'), SECRET)
      const entered = nodeDisk.enter?.(queue)
      t.after(() => entered?.leave())
      const disk = entered?.disk ?? nodeDisk
      const owners = `${queue}/owners`
      assert.equal(disk.makeFolder(owners), true)
      disk.open(`${owners}/7`, 'create').close()
      disk.open(`${queue}/file`, 'create').close()
      fs.renameSync(owners, path.join(base, 'away'))
      fs.symlinkSync(outside, owners)
      for (const call of [
        () => disk.open(`${owners}/7`, 'read'),
        () => disk.open(`${owners}/8`, 'create'),
        () => disk.unlink(`${owners}/7`),
        () => disk.list(owners),
        () => disk.makeFolder(owners),
        () => disk.rename(`${queue}/file`, `${owners}/9`),
      ]) {
        assert.throws(call, { code: 'ENOTOURS', message: new RegExp(`^${owners} is a symbolic link, and no folder`) })
      }
      assert.deepEqual(fs.readdirSync(outside), ['7'])
      assert.equal(fs.readFileSync(path.join(outside, '7'), 'utf8'), SECRET)
    })
  }
})

describe("another user's file", {
  skip: isPosix && isRoot ? false : "NOT TRIED: other users' files (takes root)",
}, () => {
  it("is refused, but root's own and, where the group may write and nobody else, the group's", async (t) => {
    const { queue } = await newQueue(t)
    const cursor = path.join(queue, 'cursor.0')
    const opens = async () => (await AsyncQueue.open(queue)).close()
    fs.chownSync(cursor, OTHER, OTHER)
    await assert.rejects(opens(), refusedFor(`'${cursor}'`))
    fs.chownSync(cursor, 0, 0)
    await opens()
    fs.chownSync(queue, SERVICE, OTHER)
    await opens()
    fs.chownSync(cursor, SERVICE, SERVICE)
    await opens()
    fs.chownSync(cursor, OTHER, OTHER)
    fs.chmodSync(queue, 0o770)
    await opens()
    fs.chmodSync(queue, 0o777)
    await assert.rejects(opens(), refusedFor(`belongs to user ${OTHER}, and the queue to ${SERVICE}`))
    fs.chmodSync(queue, 0o750)
    await assert.rejects(opens(), refusedFor(`'${cursor}'`))
    fs.chmodSync(queue, 0o770)
    fs.chownSync(path.join(queue, 'owners'), 777, 777)
    await assert.rejects(opens(), refusedFor(`'${path.join(queue, 'owners')}'`))
  })
})

it('a socket under a name of a queue is refused', { skip: !isPosix }, async (t) => {
  const { queue } = await newQueue(t)
  const real = path.join(queue, 'cursor.0')
  fs.rmSync(real)
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(real, resolve))
  await assert.rejects(AsyncQueue.open(queue), refusedFor(`${real} is a socket, and no file`))
  await new Promise((resolve) => server.close(resolve))
})
