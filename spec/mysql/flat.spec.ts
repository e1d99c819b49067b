// What a call costs the server doesn't depend on how much is there: the rows that it reads for one user are counted by
// the server itself (userstat), with few and with many rows of each status around, and what others hold among them.
// `npm run check` takes 1,000 and 100,000 of each.
// A process of its own: it is long.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Connection, createConnection } from 'mysql2/promise'
import { AsyncQueue, type Status } from '../../lib/index.ts'
import { ACKED, DELAYED, FAILED, IN_FLIGHT, READY, TIMED } from '../../lib/mysql/schema.ts'
import { cut } from '../queue/place.ts'
import { connectingTo, DATABASE, PASSWORD, sharedPort, USER, urlOf, withServer } from './server.ts'

const LONG = process.env.SPOOLQ_CHECK === '1'
const SIZES = LONG ? [1000, 100_000] : [1000, 4000]
const ORDERS = LONG ? (['fifo', 'priority'] as const) : (['fifo'] as const)
const TRIES = 5
const WITHIN = 1.5
/** Handles are looked after each 250 ms, in some of the calls. */
const SOME = 8
const DAY = 86_400_000
/** Delayed items, of this handle: what is listed of a status is read whole. */
const LATE = 10

type Queue = AsyncQueue<number>
type Call = readonly [string, (queue: Queue, n: number) => Promise<unknown>]

const list = (status: Status): Call => [
  `a list of what is ${status}`,
  async (queue) => assert.equal((await queue.list({ status, limit: 9 })).length, 9),
]
/** By id, which the index doesn't have these by: read are those of their status, and a few of the others. */
const UNSORTED = { fifo: ['delayed', 'inFlight'], priority: ['ready', 'delayed', 'inFlight'] } as const
const SORTED = { fifo: ['ready', 'failed', 'acked'], priority: ['failed', 'acked'] } as const
const OTHERS = 1100

const CALLS: readonly Call[] = [
  ['a put', (queue) => queue.put(1)],
  ['a put of 10', (queue) => queue.putMany([1, 2, 3, 4, 5, 6, 7, 8, 9, 0])],
  ['a peek', (queue) => queue.peek()],
  ['a size', (queue) => queue.size()],
  ['counts', (queue) => queue.counts()],
  ['a pop', (queue) => queue.pop()],
  ['another pop', (queue) => queue.pop()],
  ['a pop of 5', (queue) => queue.pop(5)],
  ['a get', (queue) => queue.get()],
  ['a delete', (queue) => queue.delete()],
  ['an ack', async (queue) => (await queue.lease())?.ack()],
  ['a nack', async (queue) => (await queue.lease())?.nack()],
  ['a nack to the back', async (queue) => (await queue.lease())?.nack({ to: 'back' })],
  ['a nack with a delay', async (queue) => (await queue.lease())?.nack({ delay: DAY })],
  ['a failure', async (queue) => (await queue.lease())?.fail()],
  ['an extension', async (queue) => (await queue.lease())?.extend(DAY)],
  ['a lease by id', async (queue, n) => assert.ok(await queue.lease({ id: 4 * n + 77 }))],
  ['an update', async (queue, n) => assert.ok(await queue.update(4 * n + 78, 5))],
  ['a retry', async (queue, n) => assert.equal(await queue.retry([n + 5]), 1)],
  ['a discard', async (queue, n) => assert.equal(await queue.discard([n + 6]), 1)],
  ['a look after the dead', async (queue) => assert.equal(await queue.reclaim(), 0)],
]

const OF_AGE: readonly Call[] = [
  ['stats', (queue) => queue.stats()],
  ['a lease of what is behind an id', async (queue, n) => assert.ok(await queue.lease({ after: 4 * n + 79 }))],
]

await withServer(() => {
  for (const order of ORDERS) {
    describe(`the queue in a MySQL database, '${order}', with up to ${SIZES.at(-1)} rows of each status,`, () => {
      const user = `flat ${randomUUID().slice(0, 8)}`
      let root: Connection
      let url = (_name: string): string => ''
      const living: AsyncQueue<number>[] = []
      const handles = new Map<number, Queue>()
      const names = new Map<number, string>()
      before(async () => {
        root = await createConnection({ ...connectingTo(await sharedPort()), multipleStatements: true })
        await root.query('SET GLOBAL userstat = 1')
        await root.query('CREATE USER ?@"%" IDENTIFIED BY ?; GRANT ALL ON ??.* TO ?@"%"', [
          user,
          PASSWORD,
          DATABASE,
          user,
        ])
        const port = await sharedPort()
        url = (name) => urlOf(port, name).replace(USER, encodeURIComponent(user))
        for (const n of SIZES) {
          const name = `flat ${order} ${n} ${randomUUID()}`
          living.push(await AsyncQueue.open<number>(urlOf(port, name), { order }))
          await filled(root, name, n)
          names.set(n, name)
          handles.set(n, await AsyncQueue.open<number>(url(name), { keepAcked: n }))
        }
      })
      after(async () => {
        await Promise.all([...handles.values(), ...living].map((queue) => cut(queue)))
        await root.query('SET GLOBAL userstat = 0')
        await root.end()
      })
      const reads = async (): Promise<number> => {
        const [rows] = await root.query(
          'SELECT ROWS_READ AS n FROM information_schema.USER_STATISTICS WHERE USER = ?',
          [user],
        )
        return Number((rows as { n: number }[])[0]?.n ?? 0)
      }
      const readBy = async ([, call]: Call, n: number): Promise<readonly [number, number]> => {
        const queue = handles.get(n) ?? assert.fail()
        const from = await reads()
        await call(queue, n)
        return [from, await reads()]
      }
      /** Rows that a call reads, by how many of each status there are: the least of some tries, as handles probe beside it. */
      const isFlat = async (
        call: (n: number, name: string, tried: number) => Promise<readonly [number, number]>,
      ): Promise<void> => {
        let [few, many] = [Infinity, Infinity]
        for (let tried = 0; tried < TRIES && (few === Infinity || many > WITHIN * few + SOME); tried += 1) {
          const read: number[] = []
          for (const [n, name] of names) {
            const [from, to] = await call(n, name, tried)
            read.push(to - from)
          }
          // The server may add what a statement has read a moment late: no call reads no row at all.
          if (read.includes(0)) continue
          few = Math.min(few, read[0] ?? Infinity)
          many = Math.min(many, read[1] ?? Infinity)
        }
        assert.ok(few < Infinity && many <= WITHIN * few + SOME, `${few} and ${many} rows`)
      }

      it('reads no more of them for a call', async () => {
        for (const call of [...CALLS, ...(order === 'fifo' ? OF_AGE : []), ...SORTED[order].map(list)]) {
          const counted = isFlat((n) => readBy(call, n))
          await counted.catch((error: Error) => assert.fail(`${call[0]}: ${error.message}`))
        }
      })

      it('reads of them, for a list that is sorted by something else, only what is listed', async () => {
        for (const status of UNSORTED[order]) {
          for (const n of SIZES) {
            const own = { ready: 2 * n, delayed: LATE, inFlight: n }[status]
            const most = WITHIN * own + OTHERS
            let least = Infinity
            // The server may add what the statement before has read a moment late.
            for (let tried = 0; tried < TRIES && least > most; tried += 1) {
              const [from, to] = await readBy(list(status), n)
              least = Math.min(least, to - from)
            }
            assert.ok(least <= most, `${status}: ${least} of ${n} rows`)
          }
        }
      })

      it('reads no more of them to open and to close, though others hold them', async () => {
        await isFlat(async (_n, name) => {
          const from = await reads()
          await (await AsyncQueue.open<number>(url(name))).close()
          return [from, await reads()]
        })
      })

      it('reads no more of them to bury the dead than those held', async () => {
        // The dead of a server that has just started are not looked for.
        while ((await uptimeOf(root)) < 4) await pause(100)
        await isFlat(async (n, name, tried) => {
          await killed(root, name, [2 * n + 1 + tried, 3 * n - tried])
          const queue = await AsyncQueue.open<number>(url(name), { autoResume: false })
          const from = await reads()
          assert.equal(await queue.reclaim(), 2, `try ${tried}`)
          const to = await reads()
          await queue.close()
          return [from, to]
        })
      })
    })
  }
})

/**
 * A queue of `n` acknowledged items, as many that failed, that its one open handle holds (half of them with a deadline)
 * and that are ready, and of a few that are delayed, in the order of their ids.
 */
async function filled(root: Connection, name: string, n: number): Promise<void> {
  const [rows] = await root.query(
    'SELECT q.id AS queue, o.id AS owner FROM spoolq_queues q JOIN spoolq_owners o ON o.queue = q.id WHERE name = ?',
    [name],
  )
  const { queue, owner } = (rows as { queue: number; owner: number }[])[0] ?? assert.fail()
  const far = (Date.now() + DAY) * 1000
  const lot = (from: number, count: number, row: { status: number; place?: number; owner?: number }): string =>
    `INSERT INTO spoolq_items (queue, id, status, place, owner, enqueued, payload, reason)
      SELECT ${queue}, ${from} + seq, ${row.status}, ${row.place ?? 0}, ${row.owner ?? 0}, 1, X'07', 'no' FROM seq_1_to_${count};`
  const half = n / 2
  await root.query(
    lot(0, n, { status: ACKED }) +
      lot(n, n, { status: FAILED }) +
      lot(2 * n, half, { status: IN_FLIGHT, owner }) +
      lot(2.5 * n, half, { status: TIMED, owner, place: far }) +
      lot(3 * n, 2 * n, { status: READY }) +
      lot(5 * n, LATE, { status: DELAYED, place: far }) +
      `UPDATE spoolq_queues SET next_id = ${5 * n + LATE + 1} WHERE id = ${queue};
      UPDATE spoolq_tallies SET acked = ${n}, failed = ${n}, flying = ${half}, timed = ${half}, ready = ${2 * n},
        waiting = ${LATE}, bytes = ${3 * n + LATE} WHERE queue = ${queue} AND owner = ${owner}`,
  )
}

async function uptimeOf(root: Connection): Promise<number> {
  const [rows] = await root.query("SHOW GLOBAL STATUS LIKE 'Uptime'")
  return Number((rows as { Value: string }[])[0]?.Value)
}

/** Some of what the living hold is held by a handle that is dead. */
async function killed(root: Connection, name: string, ids: readonly number[]): Promise<void> {
  const queue = '(SELECT id FROM spoolq_queues WHERE name = ?)'
  await root.query(`INSERT INTO spoolq_owners (queue, uuid, marks) VALUES (${queue}, ?, '')`, [name, randomUUID()])
  await root.query(
    `SET @dead = LAST_INSERT_ID(); INSERT INTO spoolq_tallies (queue, owner) VALUES (${queue}, @dead);
      UPDATE spoolq_items SET owner = @dead WHERE queue = ${queue} AND id IN (?)`,
    [name, name, ids],
  )
}
