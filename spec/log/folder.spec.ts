// folder.spec.ts: the folder of a queue as the operating system has it: moved, replaced, removed, named oddly, another
// user's. On a real disk, through the queue itself.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { AsyncQueue, StorageError } from '../../lib/index.ts'

const isLinux = process.platform === 'linux'
const isRoot = process.geteuid?.() === 0
/** A user that no file here belongs to. */
const SERVICE = 54_321

function newPlace(t: TestContext): { readonly base: string; readonly queue: string } {
  const base = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'spoolq-folder-'))
  t.after(() => fs.rmSync(base, { recursive: true, force: true }))
  return { base, queue: path.join(base, 'queue') }
}

function items(count: number, size = 1): string[] {
  return Array.from({ length: count }, (_, n) => `${n}`.padEnd(size, '.'))
}

async function drained(location: string): Promise<string[]> {
  const queue = await AsyncQueue.open<string>(location)
  queue.on('corruption', (report) => assert.fail(JSON.stringify(report)))
  const all = await queue.pop(1e6)
  await queue.close()
  return all
}

const isStorageError = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StorageError, String(error))
  assert.match(error.message, pattern)
  return true
}

function removeIn(folder: string, pattern: RegExp): void {
  for (const name of fs.readdirSync(folder)) if (pattern.test(name)) fs.rmSync(path.join(folder, name))
}

describe('the queue', () => {
  it('stays in its folder when that is renamed, and leaves alone what takes its place', async (t) => {
    if (!isLinux) return t.skip('by descriptor on Linux only')
    const { queue, base } = newPlace(t)
    const moved = path.join(base, 'moved')
    const old = await AsyncQueue.open<string>(queue, { segmentSize: 4096 })
    await old.put('first')
    fs.renameSync(queue, moved)
    await old.put('by the old handle')
    const fresh = await AsyncQueue.open<string>(queue)
    await fresh.putMany(['new 1', 'new 2'])
    // More segments, a large batch beside them, a flush, an item set aside: all names that a handle makes.
    for (const item of items(20, 1000)) await old.put(item)
    await old.putMany(items(300, 9000))
    assert.equal((await old.pop(12)).length, 12)
    await (await old.lease())?.fail('for a look')
    await old.flush()
    const beside = await AsyncQueue.open<string>(moved)
    const waiting = old.get(1000, { min: 310, timeout: 60_000 })
    await beside.put('by another handle')
    assert.equal((await waiting).length, 310)
    await beside.close()
    await old.close()
    await fresh.close()
    assert.deepEqual(await drained(queue), ['new 1', 'new 2'])
    assert.deepEqual(await drained(moved), [])
    const again = await AsyncQueue.open<string>(moved)
    assert.equal((await again.counts()).failed, 1)
    await again.close()
  })

  it('touches nothing in what takes the place of its folder, also where names go by the path', async (t) => {
    if (!isLinux) return t.skip('hides from it that this is Linux')
    const { queue, base } = newPlace(t)
    Object.defineProperty(process, 'platform', { value: 'darwin', configurable: true })
    t.after(() => Object.defineProperty(process, 'platform', { value: 'linux', configurable: true }))
    const old = await AsyncQueue.open<string>(queue, { segmentSize: 1024 })
    await old.put('a'.repeat(1024))
    fs.renameSync(queue, path.join(base, 'moved'))
    const fresh = await AsyncQueue.open<string>(queue)
    await fresh.put('new')
    const before = fs.readdirSync(queue).sort()
    await assert.rejects(old.put('b'.repeat(1024)), isStorageError(/moved, removed or replaced/))
    await assert.rejects(old.flush(), isStorageError(/moved, removed or replaced/))
    await old.close().catch((error) => assert.ok(error instanceof StorageError))
    assert.deepEqual(fs.readdirSync(queue).sort(), before)
    await fresh.close()
    assert.deepEqual(await drained(queue), ['new'])
    assert.deepEqual(await drained(path.join(base, 'moved')), ['a'.repeat(1024)])
  })

  it('resolves no put, pop or close once its folder is removed', async (t) => {
    for (const durability of ['disk', 'os', { interval: 1 }] as const) {
      const { queue } = newPlace(t)
      const open = await AsyncQueue.open<string>(queue, { durability })
      await open.putMany(['a', 'b'])
      fs.rmSync(queue, { recursive: true })
      if (durability === 'disk') {
        await assert.rejects(open.put('c'), isStorageError(/was removed while the queue was open/))
        await assert.rejects(open.pop(), isStorageError(/was removed/))
      }
      if (durability === 'os') await open.put('c')
      await assert.rejects(open.close(), isStorageError(/was removed/))
      assert.deepEqual(await drained(queue), [])
    }
  })

  it('refuses what it put into a segment that is removed, and goes on in the next one', async (t) => {
    const { queue } = newPlace(t)
    const open = await AsyncQueue.open<string>(queue)
    await open.put('lost')
    removeIn(queue, /\.log$/)
    await assert.rejects(open.put('refused'), isStorageError(/\.log was removed/))
    const id = await open.put('kept')
    await open.close()
    const again = await AsyncQueue.open<string>(queue)
    assert.deepEqual(await again.list(), [{ ...(await again.list())[0], id, item: 'kept' }])
    await again.close()
  })

  it('trusts no lock and no cursor whose file is removed: others have another one by then', async (t) => {
    for (const [name, act] of [
      ['append.lock', (queue: AsyncQueue<string>) => queue.put('b')],
      ['cursor.lock', (queue: AsyncQueue<string>) => queue.pop()],
      ['cursor.[01]', (queue: AsyncQueue<string>) => queue.pop()],
    ] as const) {
      const { queue } = newPlace(t)
      const open = await AsyncQueue.open<string>(queue)
      await open.put('a')
      removeIn(queue, new RegExp(`^${name}$`))
      await assert.rejects(act(open), isStorageError(new RegExp(`${name} was removed`)))
      await assert.rejects(open.close(), StorageError)
    }
  })

  it('opens a folder whose name has a backslash, a letter like any other', async (t) => {
    if (process.platform === 'win32') return t.skip('which parts names there')
    const { base } = newPlace(t)
    const name = path.join(base, 'a\\b', 'c\\')
    const open = await AsyncQueue.open<string>(name)
    await open.put('x')
    await open.close()
    assert.deepEqual(await drained(name), ['x'])
    assert.deepEqual(fs.readdirSync(base), ['a\\b'])
  })

  it('gives what it makes the mode of its folder, without the right to run it', async (t) => {
    const { queue } = newPlace(t)
    fs.mkdirSync(queue)
    fs.chmodSync(queue, 0o770)
    const before = process.umask(0o077)
    t.after(() => process.umask(before))
    await worked(await AsyncQueue.open<string>(queue, { segmentSize: 1024 }))
    for (const { name, stat } of all(queue)) {
      assert.equal((stat.mode & 0o777).toString(8), stat.isDirectory() ? '770' : '660', name)
    }
  })
})

/** Makes every kind of file. */
async function worked(queue: AsyncQueue<string>): Promise<void> {
  for (const item of items(6, 600)) await queue.put(item)
  await queue.putMany(items(200, 9000))
  await (await queue.lease())?.fail('for a look')
  await queue.pop(2)
  await queue.flush()
  await queue.close()
}

function all(folder: string): { readonly name: string; readonly stat: fs.Stats }[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.map((name) => ({ name, stat: fs.statSync(path.join(folder, name)) }))
}

/**
 * What a program says that goes on as another user, as a daemon does: it loads the library as root, since this checkout
 * may stand where only root can read, and then gives its rights away.
 */
function asService(program: string): string {
  const lib = new URL('../../lib/index.js', import.meta.url).href
  const code = `
    import { AsyncQueue } from '${lib}'
    const first = fs.mkdtempSync(path.join(os.tmpdir(), 'spoolq-folder-'))
    await (await AsyncQueue.open(first)).close()
    fs.rmSync(first, { recursive: true })
    process.chdir('/')
    process.setgroups([])
    process.setgid(${SERVICE})
    process.setuid(${SERVICE})
    ${program}`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    env: { ...process.env, HOME: '/tmp' },
  })
  return stdout + stderr
}

describe("a service's queue", () => {
  it('goes on being its own when root has looked in, put, failed and flushed', async (t) => {
    if (!isLinux || !isRoot) return t.skip('NOT TRIED: root looks into the queue of a service (takes root)')
    const { queue, base } = newPlace(t)
    fs.chmodSync(base, 0o777)
    const open = `const queue = await AsyncQueue.open('${queue}', { segmentSize: 1024 });`
    assert.equal(asService(`${open} await queue.put('mine'); await queue.close()`), '')
    await worked(await AsyncQueue.open<string>(queue, { segmentSize: 1024 }))
    for (const { name, stat } of all(queue)) {
      assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o077], [SERVICE, SERVICE, 0], name)
    }
    const work = `await queue.put('more'); console.log((await queue.pop(1e4)).length, await queue.retry()); await queue.close()`
    assert.equal(asService(`${open} ${work}`), '205 1\n')
  })

  it('that root has left files in is refused, and it is said whose they are; nothing is removed', async (t) => {
    if (!isLinux || !isRoot) return t.skip("NOT TRIED: root's files in the queue of a service (takes root)")
    const { queue, base } = newPlace(t)
    fs.chmodSync(base, 0o777)
    const open = `const queue = await AsyncQueue.open('${queue}')`
    assert.equal(asService(`${open}; await queue.put('mine'); await queue.close()`), '')
    const [segment = ''] = fs.readdirSync(queue).filter((name) => name.endsWith('.log'))
    fs.chownSync(path.join(queue, segment), 0, 0)
    fs.writeFileSync(path.join(queue, 'owners', '7'), '', { mode: 0o600 })
    const said = asService(`try { ${open} } catch (error) { console.log(error.code, error.message) }`)
    assert.match(said, /^ERR_QUEUE_STORAGE .*EACCES.*belongs to user 0, and the queue to 54321: chown 54321:54321/)
    assert.ok(said.includes(`'${queue}/${segment}'`), said)
    fs.chownSync(path.join(queue, segment), SERVICE, SERVICE)
    assert.equal(asService(`${open}; console.log(await queue.pop()); await queue.close()`), 'mine\n')
    assert.deepEqual(fs.readdirSync(path.join(queue, 'owners')), ['7'], 'who cannot be looked at lives')
  })
})

/** What opening a folder says in a program under Node's permission model. */
function underPermissions(folder: string, ...flags: readonly string[]): string {
  const lib = new URL('../../lib/index.js', import.meta.url).href
  const code = `const { AsyncQueue } = await import('${lib}')
    try { const queue = await AsyncQueue.open('${folder}'); await queue.put(1); await queue.close(); console.log('opened') }
    catch (error) { console.log(error.code, error.message) }`
  const [major = 0] = process.versions.node.split('.').map(Number)
  const model = major < 22 ? '--experimental-permission' : '--permission'
  const args = ['--no-warnings', model, ...flags, '--input-type=module', '-e', code]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return stdout + stderr
}

describe("the queue under Node's permission model", () => {
  it('opens, or says what to allow, or that a log has to sync', (t) => {
    const { queue, base } = newPlace(t)
    const allowed = new RegExp(
      `^ERR_QUEUE_STORAGE .*permission model.*--allow-fs-read=${queue} and --allow-fs-write=${queue}`,
    )
    assert.match(underPermissions(queue, '--allow-fs-read=*'), allowed)
    const only = ['--allow-fs-read=*', `--allow-fs-write=${base}/another`]
    assert.match(underPermissions(queue, ...only), allowed)
    assert.deepEqual(fs.readdirSync(base), [])
    const said = underPermissions(queue, '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons')
    assert.match(
      said,
      /^opened|^ERR_QUEUE_STORAGE .*a log has to sync its files: run node without the permission model/,
    )
    fs.rmSync(queue, { recursive: true, force: true })
    fs.mkdirSync(queue)
    fs.writeFileSync(path.join(queue, 'letter.txt'), 'not a queue')
    assert.match(underPermissions(queue, '--allow-fs-read=*'), /^ERR_QUEUE_FORMAT/)
  })
})
