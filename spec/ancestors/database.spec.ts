// What the ancestors do with their database files.

import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AsyncQueue, PersistentMap } from '../../lib/index.ts'
import { numbers } from '../queue/place.ts'
import { type FilePlace, inSqlite } from './places.ts'

inSqlite('AsyncSQLiteQueue', 'the name is ignored: all queues of a file are one', async (place) => {
  const unnamed = await place.open<string>()
  await using jobs = await AsyncQueue.open<string>(`${place.location}?queue=jobs`, { order: 'lifo', codec: 'json' })
  await using mails = await AsyncQueue.open<string>(`${place.location}?queue=mails`, { unique: true })
  await using state = await PersistentMap.open<string>(`${place.location}?map=jobs`)
  await using same = await PersistentMap.open<string>(`${place.location}?map=queue`)
  for (const [i, queue] of [unnamed, jobs, mails].entries()) {
    assert.deepEqual(await queue.putMany([`a${i}`, `b${i}`]), [1, 2])
  }
  await state.set('a', 'of a map')
  assert.deepEqual([await same.size(), await state.size()], [0, 1])
  assert.deepEqual(await jobs.pop(9), ['b1', 'a1'])
  assert.equal(await jobs.clear(), 0)
  await unnamed.put('c0')
  assert.deepEqual(
    [await unnamed.pop(9), await mails.peek(9)],
    [
      ['a0', 'b0', 'c0'],
      ['a2', 'b2'],
    ],
  )
  assert.equal(await state.clear(), 1)
  assert.equal(await mails.size(), 2)
})

inSqlite('SQLiteQueue', 'shrink_disk_usage gives nothing back before the queue is closed', async (place) => {
  const queue = await place.open<string>({ flushLimit: Infinity })
  await queue.putMany(numbers(1, 500).map((n) => `${n}${'x'.repeat(4000)}`))
  await queue.delete(499)
  const before = await bytesOf(place)
  await queue.flush()
  const after = await bytesOf(place)
  assert.ok(before > 2_000_000 && after < 200_000, `${before} bytes, then ${after}`)
  assert.match((await queue.pop()) ?? '', /^500x/)
})

inSqlite('AsyncSQLiteQueue', 'close drops what was put and not committed', async (place) => {
  const queue = await place.open<number>()
  const puts = numbers(1, 50).map((n) => queue.put(n))
  await queue.close()
  assert.deepEqual(await Promise.all(puts), numbers(1, 50))
  const again = await (await place.killed()).open<number>()
  assert.deepEqual(await again.pop(99), numbers(1, 50))
})

async function bytesOf({ folder }: FilePlace): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('queue.db'))
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
