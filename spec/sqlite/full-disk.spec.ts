// A queue that has filled its disk can be emptied; where others fill the disk, calls reject and nothing is lost.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { AsyncQueue, type Delivery, StorageError } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'

const skip = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'mounting a tmpfs needs root on Linux' : false

function smallDisk(t: TestContext, size: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
  t.after(() => {
    execFileSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

function isFull(error: unknown): boolean {
  const cause = error instanceof StorageError ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_FULL'
}

/** Puts item `from` and those behind it, so many at a time, until the disk is full; the number of the next. */
async function fill(queue: AsyncQueue<string>, from: number, batch: number): Promise<number> {
  for (let next = from; ; next += batch) {
    try {
      await queue.putMany(Array.from({ length: batch }, (_, i) => textOf(next + i)))
    } catch (error) {
      assert.ok(isFull(error), String(error))
      return next
    }
  }
}

function textOf(i: number): string {
  return `${i} `.padEnd(i % 3 === 0 ? 2000 : 50, '.')
}

for (const [size, durability, batch] of [
  ['2m', 'disk', 1],
  [CHECK ? '8m' : '3m', 'os', 100],
] as const) {
  it(`the queue on a disk of ${size} that it filled by ${batch} hands out, takes back and acknowledges all, and goes on`, {
    skip,
  }, async (t) => {
    const location = `sqlite:${smallDisk(t, size)}/q.db`
    await using queue = await AsyncQueue.open<string>(location, { durability })
    let first = 0
    for (let round = 0; round < (CHECK ? 2 : 1); round += 1) {
      const end = await fill(queue, first, batch)
      assert.ok(end - first > 300, `${end - first} items`)
      assert.equal(await queue.size(), end - first)
      await assert.rejects(queue.put('x'.repeat(1_000_000)), isFull)
      const held = await queue.lease(20)
      for (const delivery of held) await delivery.nack()
      const again = await queue.lease(20)
      assert.deepEqual(
        again.map(({ item }) => item),
        Array.from({ length: 20 }, (_, i) => textOf(first + i)),
      )
      for (const delivery of again.toReversed()) await delivery.ack()
      let next = first + 20
      for (let n = 0; n < 20; n += 1) assert.deepEqual(await queue.pop(2), [textOf(next++), textOf(next++)])
      for await (const item of queue.items({ wait: false })) assert.equal(item, textOf(next++))
      assert.equal(next, end)
      first = end
    }
  })
}

it('the queue on a disk that it filled leases all of it at once, some at a time within', { skip }, async (t) => {
  const location = `sqlite:${smallDisk(t, CHECK ? '16m' : '6m')}/q.db`
  const texts = (deliveries: readonly Delivery<string>[]) => deliveries.map(({ item }) => item)
  const first = await AsyncQueue.open<string>(location, { durability: 'os' })
  const end = await fill(first, 0, 100)
  const all = Array.from({ length: end }, (_, i) => textOf(i))
  assert.deepEqual(texts(await first.lease(end)), all)
  // All of it goes back, and out again.
  await first.close({ grace: 0 })
  await using queue = await AsyncQueue.open<string>(location, { durability: 'os' })
  assert.equal(await queue.size(), end)
  const held = await queue.lease(end)
  assert.deepEqual(texts(held), all)
  assert.ok(held.every(({ attempt }) => attempt === 1))
  await Promise.all(held.map((delivery) => delivery.ack()))
  const { ready, inFlight } = await queue.counts()
  assert.deepEqual({ ready, inFlight }, { ready: 0, inFlight: 0 })
  await queue.put('again')
})

it('the queue pops an item that is larger than what is left of its disk', { skip }, async (t) => {
  const folder = smallDisk(t, '40m')
  await using queue = await AsyncQueue.open<Buffer>(`sqlite:${folder}/q.db`, { codec: 'raw', durability: 'os' })
  await queue.put(Buffer.alloc(12 * 2 ** 20, 'x'))
  await queue.flush()
  writeFileSync(join(folder, 'other'), Buffer.alloc(18 * 2 ** 20))
  assert.equal((await queue.pop())?.length, 12 * 2 ** 20)
})

it('the queue on a disk that others filled rejects or does as it is told, loses nothing, and goes on', {
  skip,
}, async (t) => {
  const folder = smallDisk(t, '4m')
  await using queue = await AsyncQueue.open<string>(`sqlite:${folder}/q.db`, { durability: 'disk' })
  let end = 0
  for (; end < 200; end += 1) await queue.put(textOf(end))
  assert.throws(() => writeFileSync(join(folder, 'other'), Buffer.alloc(5_000_000)), { code: 'ENOSPC' })
  let next = 0
  let refused = 0
  for (let n = 0; n < 200; n += 1) {
    try {
      if (n % 2 === 0) assert.equal(await queue.pop(), textOf(next))
      else await queue.put(textOf(end))
      if (n % 2 === 0) next += 1
      else end += 1
    } catch (error) {
      assert.ok(isFull(error), String(error))
      refused += 1
    }
  }
  assert.ok(refused >= 100, 'no put found room')
  rmSync(join(folder, 'other'))
  await queue.put(textOf(end))
  for (; next <= end; next += 1) assert.equal(await queue.pop(), textOf(next))
  assert.deepEqual(await queue.peek(1), [])
})
