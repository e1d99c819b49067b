// A net that loses requests, replies and connections: what was resolved holds, what was asked is done once, and the same
// handle works again when the cause is gone.
// A process of its own: it waits much.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { AsyncQueue, type QueueOptions, StorageError } from '../../lib/index.ts'
import { cut, numbers, until } from '../queue/place.ts'
import { Net } from './net.ts'
import { sharedPort, urlOf, withServer } from './server.ts'

await withServer(() => {
  describe('the queue in a MySQL database, over a bad net,', { timeout: 240_000 }, () => {
    const undo: (() => unknown)[] = []
    after(async () => {
      for (const one of undo.reverse()) await one()
    })
    const bad = async (silence = 10): Promise<{ net: Net; name: string; open: Open }> => {
      const net = await Net.start(await sharedPort())
      const name = randomUUID()
      undo.push(() => net.stop())
      const open = async <T>(options?: QueueOptions<T>): Promise<AsyncQueue<T>> => {
        const queue = await AsyncQueue.open<T>(urlOf(net.port, name, `silence=${silence}`), options)
        undo.push(() => cut(queue))
        return queue
      }
      return { net, name, open }
    }

    for (const what of ['request', 'reply'] as const) {
      it(`puts once where the ${what} of a put is lost`, async () => {
        const { net, open } = await bad()
        const queue = await open<number>()
        const lost = net.lose(what)
        assert.equal(await queue.put(1), 1)
        await lost
        const lostAgain = net.lose(what)
        assert.deepEqual(await queue.putMany(numbers(2, 200)), numbers(2, 200))
        await lostAgain
        const lostLast = net.lose(what)
        assert.deepEqual(await Promise.all([queue.put(201), queue.put(202)]), [201, 202])
        await lostLast
        assert.equal(await queue.size(), 202)
        assert.deepEqual(await queue.pop(999), numbers(1, 202))
      })

      it(`takes and settles once where the ${what} is lost`, async () => {
        const { net, open } = await bad()
        const queue = await open<number>()
        await queue.putMany(numbers(1, 10))
        const popping = net.lose(what)
        assert.deepEqual(await queue.pop(2), [1, 2])
        await popping
        const leasing = net.lose(what)
        const held = await queue.lease(3)
        await leasing
        assert.deepEqual(
          held.map(({ id, attempt }) => [id, attempt]),
          [
            [3, 1],
            [4, 1],
            [5, 1],
          ],
        )
        const settling = net.lose(what)
        await held[0]?.ack()
        await settling
        const givingBack = net.lose(what)
        await held[1]?.nack()
        await givingBack
        const toBack = net.lose(what)
        await held[2]?.nack({ to: 'back' })
        await toBack
        assert.deepEqual(await queue.counts(), { ready: 7, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
        assert.deepEqual(await queue.pop(99), [4, 6, 7, 8, 9, 10, 5])
      })

      it(`ignores equals, and keeps its bound, where the ${what} of a put is lost`, async () => {
        const { net, open } = await bad()
        const queue = await open<number>({ unique: true, maxSize: 3 })
        const first = net.lose(what)
        assert.deepEqual(await queue.putMany([1, 2, 1]), [1, 2, undefined])
        await first
        const second = net.lose(what)
        assert.equal(await queue.put(3), 3)
        await second
        assert.equal(await queue.put(3), undefined)
        await assert.rejects(queue.put(4, { wait: false }))
        assert.deepEqual(await queue.pop(9), [1, 2, 3])
      })
    }

    it('keeps what it holds where every connection is cut', async () => {
      const { net, open } = await bad()
      const queue = await open<number>()
      await queue.putMany([1, 2, 3])
      const held = await queue.lease(2)
      net.cut()
      await held[0]?.ack()
      net.cut()
      assert.equal(await queue.put(4), 4)
      assert.deepEqual(await queue.counts(), { ready: 2, delayed: 0, inFlight: 1, failed: 0, acked: 0 })
      await held[1]?.ack()
    })

    it('rejects while nothing comes through, gives to others what it held, and works again', async () => {
      const { net, name, open } = await bad(2)
      const queue = await open<number>()
      await queue.putMany([1, 2])
      const held = await queue.lease()
      net.freeze()
      const other = await AsyncQueue.open<number>(urlOf(await sharedPort(), name))
      undo.push(() => cut(other))
      await assert.rejects(queue.put(3), StorageError)
      const alive = setInterval(() => {}, 1000)
      await until(async () => (await other.counts()).inFlight === 0)
      clearInterval(alive)
      assert.deepEqual(
        (await other.lease(9)).map(({ id, attempt }) => [id, attempt]),
        [
          [1, 2],
          [2, 1],
        ],
      )
      net.thaw()
      assert.ok(((await queue.put(4)) ?? 0) >= 3)
      await assert.rejects(held?.ack() ?? Promise.resolve(), { code: 'ERR_QUEUE_SETTLED' })
      assert.equal(await queue.pop(), 4)
    })
  })
})

type Open = <T>(options?: QueueOptions<T>) => Promise<AsyncQueue<T>>
