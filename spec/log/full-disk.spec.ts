// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { AsyncQueue, StorageError } from '../../lib/index.ts'

const skip = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'mounting a tmpfs needs root on Linux' : false

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-disk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function smallDisk(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  t.after(() => {
    execFileSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/** Puts until the disk is full; how many items were put. */
async function fill(queue: AsyncQueue<Buffer>): Promise<number> {
  for (let put = 0; ; put++) {
    try {
      await queue.put(Buffer.alloc(2000, put))
    } catch (error) {
      assert.ok(error instanceof StorageError)
      assert.ok(error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ENOSPC')
      return put
    }
  }
}

for (const durability of ['disk', 'os'] as const) {
  it(`the queue with durability '${durability}' takes on a full disk, and puts again once that made room`, {
    skip,
  }, async (t) => {
    await using queue = await AsyncQueue.open<Buffer>(join(smallDisk(t), 'queue'), { codec: 'raw', durability })
    for (let round = 0; round < 3; round++) {
      const put = await fill(queue)
      assert.ok(put > 100, `${put} items of 2,000 bytes on a disk of 1 MiB`)
      assert.equal(await queue.size(), put)
      for (let n = 0; n < 20; n++) assert.deepEqual(await queue.pop(), Buffer.alloc(2000, n))
      let next = 20
      for await (const item of queue.items({ wait: false })) assert.deepEqual(item, Buffer.alloc(2000, next++))
      assert.equal(next, put)
    }
    assert.equal((await queue.stats()).lost, 0)
  })
}

it('the queue flushes on a full disk without harm to any take, and makes room', { skip }, async (t) => {
  const options = { codec: 'raw', segmentSize: 128 * 1024, flushLimit: 64 * 1024 } as const
  await using queue = await AsyncQueue.open<Buffer>(join(smallDisk(t), 'queue'), options)
  const put = await fill(queue)
  for (let n = 0; n < put; n++) assert.deepEqual(await queue.pop(), Buffer.alloc(2000, n))
  await queue.put(Buffer.alloc(2000))
  await queue.close()
})

function bytesIn(folder: string): number {
  let bytes = 0
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const found = statSync(join(folder, name), { throwIfNoEntry: false })
    if (found?.isFile()) bytes += found.size
  }
  return bytes
}

it('the queue never takes more than what waits, flushLimit and two segments', async (t) => {
  const folder = newFolder(t)
  const [flushLimit, segmentSize] = [64 * 1024, 128 * 1024]
  await using queue = await AsyncQueue.open<Buffer>(folder, { codec: 'raw', durability: 'os', flushLimit, segmentSize })
  const cursor = 2 * 64 * 1024
  for (let n = 0; n < 5000; n++) {
    await queue.put(Buffer.alloc(1000, n))
    assert.deepEqual(await queue.pop(), Buffer.alloc(1000, n))
    if (n % 50 === 0) {
      const bytes = bytesIn(folder)
      assert.ok(bytes <= flushLimit + 2 * (segmentSize + 2000) + cursor + 4096, `${bytes} bytes after ${n} items`)
    }
  }
  await queue.flush()
  assert.ok(bytesIn(folder) < 256 * 1024)
  assert.deepEqual(await queue.flush(), { reclaimed: 0 })
})
