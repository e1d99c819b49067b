// A take may lock nothing but what it takes: who takes elsewhere meanwhile would skip it, as if it were not there. So the
// statements that the queue really sends are taken from the wire and done once more, in a transaction that stays open,
// while others try to lock the items of the queues before and behind it.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type Connection, createConnection } from 'mysql2/promise'
import { AsyncQueue } from '../../lib/index.ts'
import { OUT_OF_RANGE } from '../../lib/mysql/statements.ts'
import { cut, numbers } from '../queue/place.ts'
import { Net } from './net.ts'
import { connectingTo, sharedPort, urlOf, withServer } from './server.ts'

const DAY = 86_400_000

await withServer(() => {
  for (const order of ['fifo', 'lifo', 'priority'] as const) {
    describe(`the queue in a MySQL database, '${order}', between two others`, { timeout: 240_000 }, () => {
      const database = `neighbours ${randomUUID()}`
      const queues: AsyncQueue<number>[] = []
      let net: Net
      let [one, other]: Connection[] = []
      const connection = async (): Promise<Connection> => {
        const opened = await createConnection({ ...connectingTo(await sharedPort()), rowsAsArray: true })
        await opened.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
        return opened
      }
      before(async () => {
        net = await Net.start(await sharedPort())
        ;[one, other] = [await connection(), await connection()]
        await one.query('CREATE DATABASE ??', [database])
        for (const each of [one, other]) await each.query('USE ??', [database])
        for (const name of ['before', 'between', 'behind']) {
          const url = urlOf(net.port, name).replace(/\/[^/?]*\?/, `/${encodeURIComponent(database)}?`)
          queues.push(await AsyncQueue.open<number>(url, { order }))
        }
        for (const queue of queues) await queue.putMany(numbers(1, 5))
        await queues[1]?.put(6, { delay: DAY })
      })
      after(async () => {
        await Promise.all(queues.map((queue) => cut(queue)))
        await one?.query('DROP DATABASE ??', [database])
        await Promise.all([one?.end(), other?.end()])
        net.stop()
      })

      /** What others can't lock of the queues around while the call's statements are under way. */
      const lockedBy = async (call: (queue: AsyncQueue<number>) => Promise<unknown>): Promise<unknown> => {
        net.statements
        await call(queues[1] ?? assert.fail())
        const statements = net.statements.filter((text) => /^(SELECT|UPDATE|DELETE) .*spoolq_items/.test(text))
        assert.ok(statements.length > 0, 'nothing was seen')
        await one?.query('BEGIN')
        for (const statement of statements) {
          await one?.query(statement).catch((error: { errno?: number }) => assert.equal(error.errno, OUT_OF_RANGE))
        }
        const select = (queue: number): string =>
          `SELECT COUNT(*) FROM (SELECT id FROM spoolq_items WHERE queue = ${queue} FOR UPDATE SKIP LOCKED) AS free`
        const free: number[] = []
        for (const queue of [1, 3]) {
          const [rows] = (await other?.query(select(queue))) ?? []
          free.push(Number((rows as unknown[][])[0]?.[0]))
        }
        await one?.query('ROLLBACK')
        return free
      }

      const calls: readonly (readonly [string, (queue: AsyncQueue<number>) => Promise<unknown>])[] = [
        ['a pop', (queue) => queue.pop()],
        ['a lease of more than there is', async (queue) => (await queue.lease(9))[0]?.nack()],
        ['a lease behind an id', async (queue) => (await queue.lease({ after: 3 }))?.nack()],
        ['a retry of what failed', (queue) => queue.retry()],
        ['a pop of more than there is', (queue) => queue.pop(99)],
        ['a pop of nothing', (queue) => queue.pop()],
        ['a lease of nothing behind an id', (queue) => queue.lease({ after: 3 })],
        ['a clear', (queue) => queue.clear()],
        ['a discard of what failed', (queue) => queue.discard()],
      ]
      for (const [title, call] of calls) {
        it(`locks no item of theirs for ${title}`, async () => {
          assert.deepEqual(await lockedBy(call), [5, 5])
        })
      }
    })
  }
})
