// Handles that live, die, stop and vanish, and what becomes of what they held.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { AsyncQueue, type QueueOptions } from '../../lib/index.ts'
import { cut, numbers, until } from '../queue/place.ts'
import { Net } from './net.ts'
import { connectingTo, sharedPort, urlOf, withServer } from './server.ts'

await withServer(() => {
  describe('the queue in a MySQL database', { timeout: 240_000 }, () => {
    const undo: (() => unknown)[] = []
    const alive = setInterval(() => {}, 1000)
    after(async () => {
      for (const one of undo.reverse()) await one()
      clearInterval(alive)
    })
    const open = async <T>(url: string, options?: QueueOptions<T>): Promise<AsyncQueue<T>> => {
      const queue = await AsyncQueue.open<T>(url, options)
      undo.push(() => cut(queue))
      return queue
    }
    const holder = async (url: string, count: number): Promise<[ChildProcess, number[]]> => {
      const child = fork(fileURLToPath(new URL('./holder.js', import.meta.url)), [url, String(count)])
      undo.push(() => child.kill('SIGKILL'))
      const [ids] = await once(child, 'message')
      return [child, ids]
    }

    it('gives back what a killed process held, each attempt counted', async () => {
      const url = urlOf(await sharedPort(), randomUUID())
      const queue = await open<number>(url)
      await queue.putMany(numbers(1, 5))
      const [child, ids] = await holder(url, 3)
      assert.deepEqual(ids, [1, 2, 3])
      child.kill('SIGKILL')
      const again = await queue.get(5, { min: 5 })
      assert.deepEqual(again, numbers(1, 5))
    })

    it('gives back what a process held that exits, to one that waits in a loop', async () => {
      const url = urlOf(await sharedPort(), randomUUID())
      const queue = await open<number>(url)
      await queue.put(1)
      const [child] = await holder(url, 1)
      const attempts: number[] = []
      const looping = (async () => {
        for await (const delivery of queue.deliveries()) {
          attempts.push(delivery.attempt)
          await delivery.ack()
          break
        }
      })()
      child.send('exit')
      await looping
      assert.deepEqual(attempts, [2])
    })

    it('leaves to a stopped process what it holds', async () => {
      const url = urlOf(await sharedPort(), randomUUID())
      const queue = await open<number>(url)
      await queue.putMany([1, 2])
      const [child] = await holder(url, 1)
      child.kill('SIGSTOP')
      for (let i = 0; i < 5; i += 1) assert.equal(await queue.reclaim(), 0)
      assert.equal(await queue.pop(), 2)
      assert.equal(await queue.pop(), undefined)
      child.kill('SIGCONT')
      child.send('ack')
      await once(child, 'message')
      assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    })

    it('gives back what a host held that vanished without a word', async () => {
      const name = randomUUID()
      const net = await Net.start(await sharedPort())
      undo.push(() => net.stop())
      const queue = await open<number>(urlOf(await sharedPort(), name))
      const far = await open<number>(urlOf(net.port, name, 'silence=1'))
      await queue.putMany([1, 2])
      assert.equal((await far.lease(2)).length, 2)
      net.freeze()
      await until(async () => (await queue.counts()).inFlight === 0)
      const [first] = await queue.lease(1)
      assert.deepEqual([first?.id, first?.attempt], [1, 2])
      net.thaw()
    })

    it('leaves to the dead what they held, where it is told to, until it is told otherwise', async () => {
      const url = urlOf(await sharedPort(), randomUUID())
      const queue = await open<number>(url, { autoResume: false })
      await queue.putMany([1, 2])
      const [child] = await holder(url, 2)
      child.kill('SIGKILL')
      await once(child, 'exit')
      assert.equal((await queue.counts()).inFlight, 2)
      await until(async () => (await queue.reclaim()) === 2)
      assert.equal((await queue.counts()).ready, 2)
    })

    it('tells, as it opens, how many items it took back from the dead', async () => {
      const told: unknown[] = []
      // The server may take a moment to notice: who opens too early finds nobody dead, and so another one dies.
      for (let tries = 0; tries < 20 && told.length === 0; tries += 1) {
        const url = urlOf(await sharedPort(), randomUUID())
        const patient = await open<number>(url, { autoResume: false })
        await patient.putMany([1, 2, 3])
        const [child] = await holder(url, 2)
        child.kill('SIGKILL')
        await once(child, 'exit')
        const queue = await open<number>(url)
        queue.on('recovered', (report) => told.push(report))
        await until(async () => (await queue.size()) === 3)
      }
      assert.deepEqual(told, [{ tornBytes: 0, reclaimed: 2 }])
    })

    it('leaves no row behind of handles that are closed', async () => {
      const url = urlOf(await sharedPort(), randomUUID())
      const queue = await open<number>(url)
      const others = await Promise.all(numbers(1, 20).map(() => AsyncQueue.open<number>(url)))
      await Promise.all(others.map((other, i) => other.put(i)))
      await others[3]?.lease(5)
      await Promise.all(others.map((other) => cut(other)))
      const connection = await createConnection(connectingTo(await sharedPort()))
      const [rows] = await connection.query(
        'SELECT COUNT(*) AS n FROM spoolq_owners o JOIN spoolq_queues q ON q.id = o.queue WHERE q.name = ?',
        [decodeURIComponent(new URL(url).searchParams.get('queue') ?? '')],
      )
      await connection.end()
      assert.deepEqual(rows, [{ n: 1 }])
      assert.deepEqual(await queue.counts(), { ready: 20, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    })

    it('shares a few connections among all handles of a process', async () => {
      const port = await sharedPort()
      const database = `pooled ${randomUUID()}`
      const connection = await createConnection(connectingTo(port))
      await connection.query('CREATE DATABASE ??', [database])
      const url = (queue: number): string =>
        urlOf(port, `q${queue}`, 'connections=4').replace(/\/[^/?]*\?/, `/${encodeURIComponent(database)}?`)
      const queues = await Promise.all(numbers(1, 30).map((n) => AsyncQueue.open<number>(url(n))))
      await Promise.all(queues.flatMap((queue) => [queue.put(1), queue.pop(), queue.counts()]))
      const count = async (): Promise<unknown> => {
        const [rows] = await connection.query('SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE DB = ?', [
          database,
        ])
        return rows
      }
      const [busy] = (await count()) as { n: number }[]
      assert.ok(Number(busy?.n) >= 2 && Number(busy?.n) <= 5, `${busy?.n} connections`)
      await Promise.all(queues.map((queue) => cut(queue)))
      await until(async () => JSON.stringify(await count()) === '[{"n":0}]')
      await connection.query('DROP DATABASE ??', [database])
      await connection.end()
    })
  })
})
