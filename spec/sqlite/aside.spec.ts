// What a queue in SQLite sets aside comes back as what it was: with its priority, and its key; and nothing else goes or stays
// for its sake. In files of earlier versions, too, which set aside without them.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { foreign, newFile } from './rig.ts'

let isBroken = false
const codec = {
  name: 'mine',
  encode: (item: string) => Buffer.from(item),
  decode: (bytes: Uint8Array) => {
    const item = Buffer.from(bytes).toString()
    if (isBroken && item.startsWith('bad')) throw new Error('not today')
    return item
  },
}

async function whileBroken<R>(work: () => Promise<R>): Promise<R> {
  isBroken = true
  try {
    return await work()
  } finally {
    isBroken = false
  }
}

/** Puts those, each with its number as its priority. */
async function fill(queue: AsyncQueue<string>, items: Record<string, number>): Promise<void> {
  for (const [item, priority] of Object.entries(items)) await queue.put(item, { priority })
}

describe('the queue in SQLite, after what did not decode was set aside and tried again', () => {
  for (const many of [1, 9]) {
    it(`has all items once, in the order of their priorities: popped ${many} at a time`, async () => {
      await using queue = await AsyncQueue.open<string>(`sqlite:${newFile()}`, {
        order: 'priority',
        codec,
        durability: 'os',
      })
      await fill(queue, { a: 0, bad: 3, urgent: -5, z: 9, 'bad too': -0.1, b: 0.30000000000000004, c: 0.3 })
      assert.deepEqual(await whileBroken(() => queue.pop(2)), ['urgent', 'a'])
      assert.deepEqual(await whileBroken(() => queue.pop(many)), many === 1 ? ['c'] : ['c', 'b', 'z'])
      await fill(queue, { 'urgent too': -5, d: 4 })
      assert.equal(await queue.retry(), many === 1 ? 1 : 2)
      const expected =
        many === 1 ? ['urgent too', 'bad too', 'b', 'bad', 'd', 'z'] : ['urgent too', 'bad too', 'bad', 'd']
      assert.equal(await queue.size(), expected.length)
      const got: string[] = []
      for (let more = await queue.pop(many); more.length > 0; more = await queue.pop(many)) got.push(...more)
      assert.deepEqual(got, expected)
      assert.equal(await queue.size(), 0)
    })

    it(`ignores their equals: popped ${many} at a time`, async () => {
      await using queue = await AsyncQueue.open<string>(`sqlite:${newFile()}`, {
        unique: true,
        codec,
        durability: 'os',
      })
      await queue.putMany(['bad', 'a', 'b', 'c', 'bad too'])
      await whileBroken(() => queue.pop(many))
      const before = await queue.size()
      const failed = await queue.retry()
      assert.equal(failed, many === 1 ? 1 : 2)
      assert.equal(await queue.put('bad'), undefined)
      assert.equal(await queue.size(), before + failed)
    })
  }

  it('leaves it among the failed while an equal waits', async () => {
    await using queue = await AsyncQueue.open<string>(`sqlite:${newFile()}`, { unique: true, codec, durability: 'os' })
    await queue.put('bad')
    await whileBroken(() => queue.pop())
    assert.equal(typeof (await queue.put('bad')), 'number')
    assert.equal(await queue.retry(), 0)
    assert.equal(await queue.pop(), 'bad')
    assert.equal(await queue.retry(), 1)
  })

  it('takes what an earlier version set aside, or made ready, without a priority', async () => {
    const file = newFile()
    const location = `sqlite:${file}`
    const first = await AsyncQueue.open<string>(location, { order: 'priority', codec, durability: 'os' })
    await fill(first, { bad: 1, a: -1, b: 2, ready: 7 })
    await whileBroken(() => first.pop(2))
    await first.close()
    const driver = foreign(file)
    driver.exec(
      'UPDATE spoolq_1_failed SET priority = NULL; UPDATE spoolq_1_ready SET priority = NULL WHERE priority = 7',
    )
    driver.close()
    await using queue = await AsyncQueue.open<string>(location, { codec })
    await fill(queue, { urgent: -3 })
    assert.equal(await queue.retry(), 1)
    // What has no priority stands first, as SQLite orders; what is tried again has 0.
    const got: (string | undefined)[] = []
    for (let i = 0; i < 5; i += 1) got.push(await queue.pop())
    assert.deepEqual(got, ['ready', 'urgent', 'bad', undefined, undefined])
    assert.equal(await queue.size(), 0)
  })
})
