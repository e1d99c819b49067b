// What the server does for a call: the statements that the queue really sends are taken from the wire and looked at:
// which index they use, and how many rows the server reads for them, with settled and failed rows all around.
// A process of its own: it is long.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type Connection, createConnection } from 'mysql2/promise'
import { AsyncQueue } from '../../lib/index.ts'
import { OUT_OF_RANGE } from '../../lib/mysql/statements.ts'
import { numbers } from '../queue/place.ts'
import { Net } from './net.ts'
import { connectingTo, sharedPort, urlOf, withServer } from './server.ts'

const MANY = process.env.SPOOLQ_CHECK ? 3000 : 1000
/** Rows that the server reads for one call beyond the items that it gets: sums, owners, ends of ranges. */
const FEW = 60

await withServer(() => {
  for (const order of ['fifo', 'lifo', 'priority'] as const) {
    describe(`the queue in a MySQL database, '${order}', among ${MANY} acknowledged, failed and ready items,`, () => {
      let net: Net
      let eye: Connection
      let queue: AsyncQueue<number>
      before(async () => {
        net = await Net.start(await sharedPort())
        eye = await createConnection({ ...connectingTo(await sharedPort()), rowsAsArray: true })
        queue = await AsyncQueue.open<number>(urlOf(net.port, randomUUID()), { order, keepAcked: MANY })
        await queue.putMany(numbers(1, MANY))
        await Promise.all((await queue.lease(MANY)).map((delivery) => delivery.ack()))
        await queue.putMany(numbers(1, MANY))
        await Promise.all((await queue.lease(MANY)).map((delivery) => delivery.fail('no')))
        await queue.putMany(numbers(1, MANY), order === 'priority' ? { priority: 3 } : {})
      })
      after(async () => {
        await queue.close()
        await eye.end()
        net.stop()
      })

      /** Rows read for each statement that a call sends, undone where it changes something. */
      const reads = async (call: () => Promise<unknown>): Promise<number> => {
        net.statements
        await call()
        const statements = net.statements.filter((text) => /^(SELECT|UPDATE|DELETE) .*spoolq_/.test(text))
        assert.ok(statements.length > 0, 'nothing was seen')
        let sum = 0
        for (const statement of statements) sum += await readsOf(eye, statement)
        return sum
      }

      const calls: readonly (readonly [string, number, () => Promise<unknown>])[] = [
        ['a pop', 1, () => queue.pop()],
        ['another pop', 1, () => queue.pop()],
        ['a pop of 10', 10, () => queue.pop(10)],
        ['a lease', 1, async () => (await queue.lease())?.nack()],
        ['a lease and an acknowledgement', 1, async () => (await queue.lease())?.ack()],
        ['40 leases, of which every second is acknowledged', 40, () => leaseAndAckHalf(queue)],
        ['a lease by id', 1, async () => (await queue.lease({ id: 2 * MANY + 500 }))?.nack()],
        ['a lease of what is behind an id', 1, async () => (await queue.lease({ after: 2 * MANY + 600 }))?.nack()],
        ['a peek', 1, () => queue.peek()],
        ['a size', 0, () => queue.size()],
        // By priority the oldest is found along the ids, behind what failed and was kept.
        ['stats', order === 'priority' ? 2 * MANY : 1, () => queue.stats()],
        // By priority as many rows again are looked at before the index is.
        ['a list', order === 'priority' ? 110 : 10, () => queue.list({ after: 2 * MANY + 300, limit: 10 })],
        ['a list of what failed', 10, () => queue.list({ status: 'failed', after: MANY + 300, limit: 10 })],
        ['a list of what was acknowledged', 10, () => queue.list({ status: 'acked', after: 300, limit: 10 })],
        ['a retry', 1, () => queue.retry([MANY + 5])],
        ['a put', 1, () => queue.put(7)],
      ]
      for (const [title, items, call] of calls) {
        it(`reads a few rows for ${title}`, async () => {
          const read = await reads(call)
          assert.ok(read <= 12 * items + FEW, `${read} rows`)
        })
      }
    })
  }
})

async function leaseAndAckHalf(queue: AsyncQueue<number>): Promise<void> {
  const held = await queue.lease(40)
  await Promise.all(held.filter((_, i) => i % 2 === 0).map((delivery) => delivery.ack()))
  await Promise.all(held.filter((_, i) => i % 2 === 1).map((delivery) => delivery.nack()))
}

/** Rows that the server reads for a statement, by its own count; none may be scanned or sorted without an index. */
async function readsOf(eye: Connection, statement: string): Promise<number> {
  const [plan] = await eye.query(`EXPLAIN ${statement}`)
  for (const row of plan as unknown[][]) {
    const [, , table, type] = row
    if (table === 'spoolq_items') assert.ok(['range', 'ref', 'const', 'eq_ref', null].includes(String(type)), statement)
  }
  await eye.query('BEGIN')
  await eye.query('FLUSH STATUS')
  // Some statements fail on purpose, where something is not as it was expected.
  await eye.query(statement).catch((error: { errno?: number }) => assert.equal(error.errno, OUT_OF_RANGE))
  const [counters] = await eye.query("SHOW SESSION STATUS LIKE 'Handler_read%'")
  await eye.query('ROLLBACK')
  return (counters as [string, string][]).reduce((sum, [, count]) => sum + Number(count), 0)
}
