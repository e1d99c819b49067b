// What an SQLite queue does when the file is not what it should be.

import assert from 'node:assert/strict'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { describe, it } from 'node:test'
import { AsyncQueue, CorruptionError, FormatError, StorageError } from '../../lib/index.ts'
import { foreign, newFile } from './rig.ts'

const PAGE_BYTES = 4096

/** A closed queue of so many items, all different. */
async function filled(count: number): Promise<string> {
  const file = newFile()
  await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { codec: 'json', durability: 'os' })
  await queue.putMany(Array.from({ length: count }, (_, i) => textOf(i)))
  return file
}

function textOf(i: number): string {
  return `item ${i} ${'x'.repeat(100)} of the queue`
}

/** Flips one bit wherever `needle` stands: pages keep what was moved out of them. */
function flip(file: string, needle: string): void {
  const bytes = readFileSync(file)
  assert.ok(bytes.includes(needle))
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ 1
  }
  writeFileSync(file, bytes)
}

describe('the queue', () => {
  it('sets aside an item whose bytes were damaged, tells and counts it, and hands out all the others', async () => {
    const file = await filled(100)
    flip(file, textOf(7))
    flip(file, textOf(60))
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`)
    const told: { lost: number }[] = []
    queue.on('corruption', (corruption) => told.push(corruption))
    assert.equal((await queue.peek(8)).at(-1), textOf(8))
    const held = await queue.lease(40)
    assert.deepEqual(held.map(({ item }) => item).slice(6, 9), [textOf(6), textOf(8), textOf(9)])
    for (const delivery of held) await delivery.ack()
    const rest = await queue.pop(100)
    assert.equal(rest.length, 58)
    const { ready, failed, lost } = await queue.stats()
    assert.deepEqual({ ready, failed, lost }, { ready: 0, failed: 2, lost: 2 })
    const reasons = (await queue.list({ status: 'failed' })).map(({ id, reason }) => [id, reason])
    assert.deepEqual(reasons, [
      [8, 'damaged'],
      [61, 'damaged'],
    ])
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(
      told.reduce((sum, { lost }) => sum + lost, 0),
      2,
    )
  })

  it('takes nothing where damage is to be an error, and says which item it is', async () => {
    const file = await filled(10)
    flip(file, textOf(2))
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { onDamage: 'fail' })
    assert.deepEqual(await queue.pop(2), [textOf(0), textOf(1)])
    await assert.rejects(queue.pop(5), (error) => error instanceof CorruptionError && /item 3/.test(error.message))
    assert.equal(await queue.size(), 8)
  })

  it('says that the database is damaged where a page is, and never hangs', async () => {
    const file = await filled(2000)
    const { size } = statSync(file)
    const fd = openSync(file, 'r+')
    // All but the first pages, which say what is where.
    for (let at = 24 * PAGE_BYTES; at < size; at += PAGE_BYTES) writeSync(fd, Buffer.alloc(64, 0xa5), 0, 64, at)
    closeSync(fd)
    const queue = await AsyncQueue.open<string>(`sqlite:${file}`)
    let told = 0
    queue.on('corruption', () => {
      told += 1
    })
    await assert.rejects(queue.pop(2000), CorruptionError)
    await assert.rejects(queue.pop(2000), CorruptionError)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(told, 1)
    await queue.close().catch((error) => assert.ok(error instanceof CorruptionError))
  })

  it('refuses what is not its own: another order, another program, a newer version, no database', async () => {
    const file = await filled(1)
    await assert.rejects(AsyncQueue.open(`sqlite:${file}`, { order: 'lifo' }), FormatError)
    const theirs = newFile()
    const driver = foreign(theirs)
    driver.exec('CREATE TABLE spoolq_queues (a)')
    driver.close()
    await assert.rejects(AsyncQueue.open(`sqlite:${theirs}`), FormatError)
    const newer = foreign(file)
    newer.exec('PRAGMA user_version = 99')
    newer.close()
    await assert.rejects(AsyncQueue.open(`sqlite:${file}`), FormatError)
    const text = newFile()
    writeFileSync(text, 'a text, '.repeat(1000))
    await assert.rejects(AsyncQueue.open(`sqlite:${text}`), FormatError)
    assert.equal(readFileSync(text, 'utf8'), 'a text, '.repeat(1000))
  })

  it('says so where the file cannot be written, and opens when the cause is gone', async () => {
    const file = await filled(1)
    mkdirSync(`${file}-wal`)
    await assert.rejects(AsyncQueue.open(`sqlite:${file}`), StorageError)
    rmdirSync(`${file}-wal`)
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`)
    assert.equal(await queue.pop(), textOf(0))
  })

  it('takes nothing into a file that was deleted, or replaced by another, while it was open', async () => {
    for (const other of [undefined, await filled(3)]) {
      const file = await filled(1)
      const queue = await AsyncQueue.open<string>(`sqlite:${file}`)
      await queue.put('in time')
      if (other === undefined) unlinkSync(file)
      else renameSync(other, file)
      const isGone = (error: unknown) => error instanceof StorageError && /deleted or replaced/.test(error.message)
      await assert.rejects(queue.put('too late'), isGone)
      await assert.rejects(queue.pop(), isGone)
      await assert.rejects(queue.close(), isGone)
      // What SQLite had beside the file belongs to nothing now.
      for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
      await using again = await AsyncQueue.open<string>(`sqlite:${file}`)
      assert.equal(await again.size(), other === undefined ? 0 : 3)
    }
  })
})
