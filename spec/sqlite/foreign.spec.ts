// foreign.spec.ts: what somebody else put under a name of a database, where he may write to its folder. It is refused, by name, at
// once; what it leads to is neither read nor written, and the database itself unharmed.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { nodeDisk } from '../../lib/disk/node.ts'
import { AsyncQueue, StorageError } from '../../lib/index.ts'
import { assertBeside } from '../../lib/sqlite/beside.ts'
import { shareAs } from '../../lib/sqlite/new-file.ts'
import { OwnerFiles } from '../../lib/sqlite/owner-files.ts'
import { keptAside } from '../../lib/sqlite/wal-kept.ts'
import { newFile } from './rig.ts'

const isPosix = process.platform !== 'win32'
const isRoot = process.geteuid?.() === 0
const [SERVICE, OTHER] = [54_321, 54_322]
const SECRET = 'precious data\n'.repeat(5)

type Plant = (name: string, base: string) => void

const pipe: Plant = (name) => execFileSync('mkfifo', [name])
const link: Plant = (name, base) => fs.symlinkSync(`${base}.secret`, name)
const toFolder: Plant = (name, base) => fs.symlinkSync(`${base}.folder`, name)
const otherName: Plant = (name, base) => fs.linkSync(`${base}.secret`, name)

const plants: readonly (readonly [string, Plant])[] = [
  ['-wal', pipe],
  ['-shm', pipe],
  ['-journal', pipe],
  ['-wal', link],
  ['-shm', link],
  ['-journal', link],
  ['-wal', otherName],
  ['-shm', otherName],
  ['-journal', otherName],
  ['-owners', pipe],
  ['-owners', toFolder],
]

function treasures(file: string): string {
  return `${fs.readFileSync(`${file}.secret`, 'utf8')} ${fs.readdirSync(`${file}.folder`)}`
}

/** The engine need not know it. */
function newDatabase(): string {
  const file = newFile()
  fs.writeFileSync(file, 'a database', { mode: 0o600 })
  fs.writeFileSync(`${file}.secret`, SECRET, { mode: 0o600 })
  fs.mkdirSync(`${file}.folder`)
  fs.writeFileSync(path.join(`${file}.folder`, '1'), '')
  return file
}

/** As an opening does. */
async function looks(file: string): Promise<void> {
  assertBeside(file)
  const files = new OwnerFiles(nodeDisk, file)
  await files.enter()
  files.leave()
}

function refusedFor(name: string) {
  return (error: unknown) => {
    assert.ok(error instanceof StorageError, String(error))
    assert.ok(error.message.includes(name), error.message)
    return true
  }
}

describe('the queue', { skip: isPosix ? false : 'links and pipes are those of POSIX' }, () => {
  it('refuses what is no file or folder of its own beside its database, and harms nothing', async () => {
    const file = newDatabase()
    const before = treasures(file)
    for (const [ending, plant] of plants) {
      const name = file + ending
      if (fs.existsSync(name)) fs.renameSync(name, `${file}.own`)
      plant(name, file)
      await assert.rejects(looks(file), { message: new RegExp(`${name} is (a|one) `) }, `${plant.name} ${ending}`)
      assert.equal(treasures(file), before, `${plant.name} ${ending}`)
      fs.rmSync(name)
      if (fs.existsSync(`${file}.own`)) fs.renameSync(`${file}.own`, name)
    }
    await looks(file)
  })

  it('opens no pipe, and works when it is gone', async () => {
    const file = newFile()
    const opens = () => AsyncQueue.open<string>(`sqlite:${file}`)
    pipe(`${file}-journal`, file)
    await assert.rejects(opens(), refusedFor(`${file}-journal is a pipe, and no file`))
    fs.rmSync(`${file}-journal`)
    toFolder(`${file}-owners`, file)
    await assert.rejects(opens(), refusedFor(`${file}-owners is a symbolic link, and no folder`))
    fs.rmSync(`${file}-owners`)
    const queue = await opens()
    await queue.put('a')
    assert.equal(await queue.pop(), 'a')
    await queue.close()
  })

  it("refuses another user's files beside its database, but root's", async (t) => {
    if (!isRoot) return t.skip("NOT TRIED: other users' files (takes root)")
    const file = newDatabase()
    fs.chownSync(file, SERVICE, SERVICE)
    fs.writeFileSync(`${file}-wal`, '', { mode: 0o600 })
    await looks(file)
    fs.chownSync(`${file}-wal`, SERVICE, SERVICE)
    await looks(file)
    fs.chownSync(`${file}-wal`, OTHER, OTHER)
    await assert.rejects(looks(file), refusedFor(`${file}-wal belongs to user ${OTHER}, and the queue to ${SERVICE}`))
    fs.rmSync(`${file}-wal`)
    fs.mkdirSync(`${file}-owners`, { recursive: true })
    fs.chownSync(`${file}-owners`, OTHER, OTHER)
    await assert.rejects(looks(file), { message: new RegExp(`${file}-owners belongs to user ${OTHER}`) })
  })

  it('clears what nobody knows from the folder of its owners', async () => {
    const file = newDatabase()
    fs.mkdirSync(`${file}-owners`, { recursive: true })
    for (let i = 0; i < 50; i++) fs.writeFileSync(`${file}-owners/x${i}`, '')
    await looks(file)
    const left = fs.existsSync(`${file}-owners`) ? fs.readdirSync(`${file}-owners`) : []
    assert.equal(left.filter((name) => name.startsWith('x')).length, 0)
  })

  it('makes and removes nothing through a link that takes the place of the folder of its owners', async (t) => {
    if (process.platform !== 'linux') return t.skip('by descriptor on Linux only')
    const file = newDatabase()
    const before = treasures(file)
    const files = new OwnerFiles(nodeDisk, file)
    await files.enter()
    await files.make(7)
    fs.renameSync(`${file}-owners`, `${file}.away`)
    toFolder(`${file}-owners`, file)
    files.remove(1)
    files.remove(7)
    assert.equal(files.isAlive(1), false)
    assert.equal(treasures(file), before)
    files.leave()
    assert.equal(treasures(file), before)
  })

  it('copies a damaged WAL through no link, over no file of others', () => {
    const file = newDatabase()
    const before = treasures(file)
    fs.writeFileSync(`${file}-wal`, 'damaged')
    toFolder(`${file}-damaged`, file)
    assert.equal(keptAside(file, 'key'), undefined)
    fs.rmSync(`${file}-damaged`)
    fs.mkdirSync(`${file}-damaged`)
    link(`${file}-damaged/key.wal`, file)
    assert.equal(keptAside(file, 'key'), `${file}-damaged/key.wal`)
    assert.equal(fs.lstatSync(`${file}-damaged/key.wal`).isFile(), true)
    assert.equal(fs.readFileSync(`${file}-damaged/key.wal`, 'utf8'), 'damaged')
    assert.equal(treasures(file), before)
  })

  it('gives nothing away that a link under the name of what it made leads to', async () => {
    const file = newDatabase()
    link(`${file}.made`, file)
    fs.chmodSync(file, 0o666)
    shareAs(`${file}.made`, file)
    assert.equal(fs.statSync(`${file}.secret`).mode & 0o777, 0o600)
  })
})
