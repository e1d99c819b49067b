import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { nodeDisk } from '../../lib/disk/node.ts'
import { newFolder, ownLib, startProcess } from './agents.ts'

/** Watches only tell of what happens after they have begun, which is not always at once. */
async function until(happened: () => boolean, provoke: () => void): Promise<void> {
  const end = Date.now() + 60_000
  while (!happened()) {
    assert.ok(Date.now() < end, 'nothing happened within a minute')
    provoke()
    await pause(5)
  }
}

test('the disk tells of changes in a folder until it is stopped', async (t) => {
  const folder = newFolder(t)
  const file = nodeDisk.open(path.join(folder, 'file'), 'create')
  let changes = 0
  let others = 0
  const stop = nodeDisk.watch(folder, () => changes++)
  const stopOther = nodeDisk.watch(folder, () => others++)
  let size = 0
  const append = () => file.write(Buffer.from('a'), size++)
  await until(() => changes > 0 && others > 0, append)
  stop()
  stop()
  changes = others = 0
  await until(() => others > 0, append)
  assert.equal(changes, 0)
  stopOther()
  file.close()
})

test('the disk keeps no process alive by watching', async (t) => {
  const agent = startProcess(t)
  await agent.ask({ act: 'watchOnly', path: newFolder(t) })
  await agent.ended
})

test('the disk watches nothing, without an error, where the folder is gone or goes', async (t) => {
  const folder = path.join(newFolder(t), 'a')
  nodeDisk.watch(folder, () => {})()
  nodeDisk.makeFolder(folder)
  let changes = 0
  const stop = nodeDisk.watch(folder, () => changes++)
  fs.rmdirSync(folder)
  await pause(50)
  stop()
})

test('the disk watches nothing, without an error, where no descriptor can be had', (t) => {
  if (process.platform !== 'linux') return t.skip('needs ulimit')
  const program = `
    import fs from 'node:fs'
    import { nodeDisk } from '${ownLib}disk/node.js'
    const taken = []
    try { for (;;) taken.push(fs.openSync('/dev/null')) } catch {}
    nodeDisk.watch('/', () => {})()
    let refused = ''
    try { fs.watch('/').close() } catch (error) { refused = error.code }
    for (const fd of taken) fs.closeSync(fd)
    process.stdout.write(refused)`
  const { stdout, status } = spawnSync(
    'sh',
    ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, program],
    { encoding: 'utf8' },
  )
  assert.deepEqual({ stdout, status }, { stdout: 'EMFILE', status: 0 })
})
