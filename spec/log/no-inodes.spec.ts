// no-inodes.spec.ts: a file system that can hold no more files: a queue that is there is opened, emptied and closed all the same.
// A process of its own: it mounts one.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { it, type TestContext } from 'node:test'
import { AsyncQueue, StorageError } from '../../lib/index.ts'

/** Runs on a file system with few inodes; skips the spec, with a message, where none can be mounted. */
async function onFewInodes(t: TestContext, run: (folder: string) => Promise<void>): Promise<void> {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'spoolq-inodes-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,nr_inodes=60', 'spoolq-spec', folder], { stdio: 'ignore' })
  } catch {
    fs.rmdirSync(folder)
    return t.skip('NOT TRIED: the end of the inodes (mounting a tmpfs takes root on Linux)')
  }
  try {
    await run(folder)
  } finally {
    execFileSync('umount', ['-l', folder])
    fs.rmdirSync(folder)
  }
}

function fill(folder: string): void {
  for (let i = 0; ; i++) {
    try {
      fs.writeFileSync(path.join(folder, `fill${i}`), '')
    } catch {
      return
    }
  }
}

function saysNoInode(error: unknown): boolean {
  assert.ok(error instanceof StorageError, String(error))
  assert.match(error.message, /has no inode left: remove some files there/)
  return true
}

const SIZE = 4096

it('a queue is opened, emptied and closed where no file can be made, and says so where one is needed', (t) =>
  onFewInodes(t, async (folder) => {
    const queue = path.join(folder, 'queue')
    const options = { segmentSize: SIZE }
    const first = await AsyncQueue.open<string>(queue, options)
    const items = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(SIZE / 4, '.'))
    for (const item of items) await first.put(item)
    await first.close()
    fill(folder)
    // Without fs-ext a socket is needed, which is a file.
    if (fs.readdirSync(queue).includes('only.1')) return assert.rejects(AsyncQueue.open(queue), saysNoInode)
    const [one, other] = [await AsyncQueue.open<string>(queue, options), await AsyncQueue.open<string>(queue, options)]
    assert.deepEqual(fs.readdirSync(path.join(queue, 'owners')), [])
    const held = await one.lease()
    assert.equal(await other.pop(), items[1])
    await assert.rejects(async () => {
      for (const item of items) await one.put(item)
    }, saysNoInode)
    await held?.ack()
    const third = await AsyncQueue.open<string>(queue, options)
    await third.lease()
    await assert.rejects(AsyncQueue.open(queue, options), saysNoInode)
    await third.close({ grace: 0 })
    const rest = await other.pop(100)
    assert.deepEqual(rest.slice(0, 10), items.slice(2))
    for (const each of [one, other]) await each.close()
    assert.deepEqual(fs.readdirSync(path.join(queue, 'owners')), [])
    for (const name of fs.readdirSync(folder)) if (name.startsWith('fill')) fs.rmSync(path.join(folder, name))
    const again = await AsyncQueue.open<string>(queue, options)
    assert.deepEqual(await again.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    await again.put('more')
    assert.equal(await again.pop(), 'more')
    await again.close()
  }))

it('a database says that no file can be made beside it; one that is open is emptied', (t) =>
  onFewInodes(t, async (folder) => {
    const location = `sqlite:${folder}/queue.db`
    const open = await AsyncQueue.open<string>(location)
    await open.putMany(['a', 'b'])
    fill(folder)
    assert.equal(await open.pop(), 'a')
    await (await open.lease())?.ack()
    await open.close()
    fill(folder)
    await assert.rejects(AsyncQueue.open(location), saysNoInode)
  }))
