// What MySQLQueue of persist-queue does, and this does not.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../../lib/index.ts'
import { numbers, until } from '../queue/place.ts'
import { sharedPort, urlOf, withServer } from './server.ts'

await withServer(() => {
  describe('the queue in a MySQL database, unlike MySQLQueue,', { timeout: 240_000 }, () => {
    const children: ChildProcess[] = []
    const alive = setInterval(() => {}, 1000)
    after(() => {
      for (const child of children) child.kill('SIGKILL')
      clearInterval(alive)
    })
    const fresh = async (): Promise<string> => urlOf(await sharedPort(), randomUUID())
    const holder = async (url: string, count: number): Promise<[ChildProcess, number[]]> => {
      const child = fork(fileURLToPath(new URL('./holder.js', import.meta.url)), [url, String(count)])
      children.push(child)
      const [ids] = await once(child, 'message')
      return [child, ids]
    }

    it('holds items of more than 64 KB', async () => {
      await using queue = await AsyncQueue.open<Uint8Array>(await fresh(), { codec: 'raw' })
      const bytes = Uint8Array.from({ length: 1_000_003 }, (_, i) => (i * 31) % 256)
      await queue.put(bytes)
      const item = await queue.pop()
      assert.ok(item !== undefined && Buffer.compare(item, bytes) === 0)
    })

    it('knows when an item was put, to the millisecond', async () => {
      await using queue = await AsyncQueue.open<number>(await fresh())
      const times: number[] = []
      for (const n of numbers(1, 5)) {
        const before = Date.now()
        await queue.put(n)
        times.push(before, Date.now())
      }
      const listed = (await queue.list()).map(({ enqueuedAt }) => enqueuedAt.getTime())
      for (const [i, time] of listed.entries()) {
        assert.ok((times[2 * i] ?? 0) - 1 <= time && time <= (times[2 * i + 1] ?? 0) + 1, `${time}, ${times}`)
      }
    })

    it('gives no row to two processes', async () => {
      const url = await fresh()
      await using queue = await AsyncQueue.open<number>(url)
      await queue.putMany(numbers(1, 40))
      const held = await Promise.all(numbers(1, 4).map(() => holder(url, 10)))
      const ids = held.flatMap(([, those]) => those).sort((one, other) => one - other)
      assert.deepEqual(ids, numbers(1, 40))
    })

    it('tells a process that was stopped for too long that its items are somebody else’s', async () => {
      const url = await fresh()
      await using queue = await AsyncQueue.open<number>(url)
      await queue.putMany([1, 2])
      const [child, ids] = await holder(`${url}&silence=1`, 2)
      assert.deepEqual(ids, [1, 2])
      child.kill('SIGSTOP')
      await until(async () => (await queue.counts()).inFlight === 0)
      const again = await queue.lease(2)
      child.kill('SIGCONT')
      child.send('ack')
      assert.deepEqual(await once(child, 'message').then(([told]) => told), 'ERR_QUEUE_SETTLED')
      assert.deepEqual(
        again.map(({ item, attempt }) => [item, attempt]),
        [
          [1, 2],
          [2, 2],
        ],
      )
      for (const delivery of again) await delivery.ack()
      assert.equal(await queue.size(), 0)
    })

    it('is shrunk by a word that its server knows, and closed by one of its own', async () => {
      const queue = await AsyncQueue.open<number>(await fresh())
      await queue.putMany(numbers(1, 3))
      assert.ok((await queue.flush()).reclaimed >= 0)
      await queue.close()
      await assert.rejects(queue.put(4), { code: 'ERR_QUEUE_CLOSED' })
    })
  })
})
