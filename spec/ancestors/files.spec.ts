// What becomes of the ancestors' files: a lost or unreadable one costs everything, and some are never cleared away.
// A process of its own: it sets TMPDIR.

import assert from 'node:assert/strict'
import { open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FormatError } from '../../lib/index.ts'
import { numbers } from '../queue/place.ts'
import { type FilePlace, inLog, onDisk } from './places.ts'

inLog('persist-queue', 'an info file of zeros, as a power cut leaves it, makes the queue unopenable', async (place) => {
  await fill(place, numbers(1, 100))
  for (const damage of [zeros, emptied, rm]) {
    await damage(join(place.folder, 'queue.json'))
    const queue = await place.open<number>()
    assert.deepEqual(await queue.peek(200), numbers(1, 100))
    await queue.close()
  }
})

inLog('persist-queue', 'without its info file the queue begins anew, and cuts off what was there', async (place) => {
  await fill(place, numbers(1, 100))
  const again = await place.open<number>()
  await again.pop(10)
  await again.close()
  for (const name of ['cursor.0', 'cursor.1']) await rm(join(place.folder, name))
  const queue = await place.open<number>()
  // What was taken may come again, which is told: but nothing is gone.
  assert.deepEqual((await queue.pop(200)).slice(-90), numbers(11, 100))
  assert.equal(await queue.put(101), 101)
})

inLog('python_persistent_queue', 'a torn record blocks all that is put behind it', async (place) => {
  await fill(place, ['a', 'b'])
  const [segment = ''] = await segments(place)
  const { size } = await stat(segment)
  const queue = await place.open<string>()
  await queue.put('torn')
  const { size: whole } = await stat(segment)
  for (let cut = 1; cut < whole - size; cut += 3) {
    const killed = await place.killed()
    const [copy = ''] = await segments(killed)
    await truncate(copy, whole - cut)
    const again = await killed.open<string>()
    await again.put('c')
    assert.equal(await again.size(), 3)
    assert.deepEqual(await again.pop(9), ['a', 'b', 'c'], `${cut} bytes short`)
    await again.close()
    await rm(killed.folder, { recursive: true })
  }
})

inLog(
  'persist-queue',
  'a record that can not be read sticks: every get fails, and none behind it is reached',
  async (place) => {
    const queue = await place.open<string>({ codec: 'json' })
    for (const item of ['first', 'second', 'third']) await queue.put(item)
    await queue.close()
    const [segment = ''] = await segments(place)
    const file = await open(segment, 'r+')
    const { buffer } = await file.read({ buffer: Buffer.alloc((await file.stat()).size), position: 0 })
    await file.write(Buffer.from('X'), 0, 1, buffer.indexOf('second'))
    await file.close()
    const again = await place.open<string>()
    assert.equal(await again.get(), 'first')
    assert.equal(await again.get(), 'third')
    const { lost, ready } = await again.stats()
    assert.deepEqual([lost, ready], [1, 0])
    await again.put('fourth')
    assert.equal(await again.get(), 'fourth')
  },
)

inLog('persist-queue', 'garbage in a chunk to come is delivered, or buries what is put', async (place) => {
  await fill(place, [1, 2, 3])
  for (const garbage of ['', 'garbage', 'x'.repeat(5000)]) {
    const next = `${String(4).padStart(20, '0')}.0.log`
    const killed = await place.killed()
    await writeFile(join(killed.folder, next), garbage)
    const queue = await killed.open<number>({ segmentSize: 1 })
    for (const item of [4, 5, 6]) await queue.put(item)
    await queue.close()
    const again = await killed.open<number>()
    assert.deepEqual(await again.pop(9), numbers(1, 6))
    await again.close()
    await rm(killed.folder, { recursive: true })
  }
})

inLog('python_persistent_queue', 'a file of no bytes makes every call fail', async (place) => {
  for (const n of [0, 1, 2]) {
    const killed = await nonempty(place, n)
    const all = await readdir(killed.folder, { withFileTypes: true })
    for (const { name } of all.filter((each) => each.isFile())) {
      await truncate(join(killed.folder, name), 0)
      const queue = await killed.open<number>()
      // A lost cursor gives again what it had settled.
      for (const item of await queue.pop(99)) assert.ok(item === 1 || item === 2)
      await queue.put(1)
      assert.deepEqual(await queue.pop(9), [1], name)
      await queue.close()
    }
    await rm(killed.folder, { recursive: true })
  }
})

inLog('persist-queue', 'the recorded chunk size wins over the one that is asked for', async (place) => {
  const small = await place.open<number>({ segmentSize: 1 })
  for (const n of numbers(1, 5)) await small.put(n)
  const { segments: many } = await small.stats()
  assert.ok(many >= 5, `${many} segments`)
  await small.close()
  // The segment that has begun keeps its size, because all processes have to agree on it.
  const large = await place.open<number>()
  for (const n of numbers(6, 15)) await large.put(n)
  const { segments: more } = await large.stats()
  assert.ok(more <= many + 1, `${more} segments`)
  assert.deepEqual(await large.pop(99), numbers(1, 15))
})

onDisk('persist-queue', 'temporary files have to be on the device of the queue', async (place) => {
  const { TMPDIR } = process.env
  process.env.TMPDIR = join(place.folder, 'nowhere')
  try {
    const queue = await place.open<number>({ segmentSize: 1 })
    for (const n of numbers(1, 5)) await queue.put(n)
    await queue.pop(2)
    await queue.flush()
    assert.deepEqual(await queue.pop(9), [3, 4, 5])
    await queue.close()
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
})

onDisk('python_persistent_queue', 'flush does nothing below its limit, so the file grows', async (place) => {
  const queue = await place.open<string>({ flushLimit: Infinity })
  await queue.putMany(numbers(1, 200).map((n) => `${n}${'x'.repeat(1000)}`))
  await queue.delete(199)
  const { reclaimed } = await queue.flush()
  assert.ok(reclaimed > 150_000, `${reclaimed} bytes`)
  assert.match((await queue.pop()) ?? '', /^200x/)
})

inLog('DyBASE', 'an opening that fails says nothing', async (place) => {
  await writeFile(place.folder, 'somebody else’s')
  await assert.rejects(place.open(), FormatError)
  const queue = place.start()
  await assert.rejects(queue.put(1), FormatError)
  await assert.rejects(queue.get(), FormatError)
})

async function fill<T>(place: FilePlace, items: readonly T[]): Promise<void> {
  const queue = await place.open<T>()
  await queue.putMany(items)
  await queue.close()
}

/** A queue of n items, killed. */
async function nonempty(place: FilePlace, n: number): Promise<FilePlace> {
  const queue = await place.open<number>()
  await queue.clear()
  await queue.putMany(numbers(1, n))
  const killed = await place.killed()
  await queue.close()
  return killed
}

async function segments({ folder }: FilePlace): Promise<string[]> {
  const names = await readdir(folder)
  return names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(folder, name))
}

async function zeros(path: string): Promise<void> {
  await writeFile(path, Buffer.alloc((await stat(path)).size))
}

async function emptied(path: string): Promise<void> {
  await truncate(path, 0)
}
