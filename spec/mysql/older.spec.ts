// What MySQL keeps beside the items, and what a database of an earlier version lacks: small things, quickly tried.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type Connection, createConnection } from 'mysql2/promise'
import { AsyncQueue, SettledError } from '../../lib/index.ts'
import { addressOf } from '../../lib/mysql/address.ts'
import { MysqlStore } from '../../lib/mysql/mysql-store.ts'
import { defaults } from '../../lib/options.ts'
import type { StoreOptions } from '../../lib/store.ts'
import { asides } from '../queue/asides.ts'
import { until } from '../queue/place.ts'
import { idsEnd, NEARLY } from '../store/ids-end.ts'
import { connectingTo, DATABASE, PASSWORD, sharedPort, sharedUrl, USER, urlOf, withServer } from './server.ts'

const OPTIONS: StoreOptions = {
  durability: 'os',
  codec: undefined,
  order: undefined,
  flushLimit: defaults.flushLimit,
  segmentSize: defaults.segmentSize,
  onDamage: 'skip',
  autoResume: true,
  events: { recovered() {}, corruption() {}, flushed() {}, failed() {} },
}
const OLD = '(queue, status, place, id)'

await withServer(() => {
  describe('the queue in a MySQL database', () => {
    asides(async () => {
      const location = await sharedUrl(randomUUID())
      return {
        location,
        open: (options) => AsyncQueue.open(location, options),
        start: (options) => new AsyncQueue(location, options),
      }
    })

    idsEnd(async () => {
      const name = randomUUID()
      const location = await sharedUrl(name)
      await (await AsyncQueue.open(location)).close()
      await root.query('UPDATE ??.spoolq_queues SET next_id = ? WHERE name = ?', [DATABASE, NEARLY, name])
      return AsyncQueue.open<string>(location)
    })

    let root: Connection
    const databases: string[] = []
    before(async () => {
      root = await createConnection({ ...connectingTo(await sharedPort()), multipleStatements: true })
    })
    after(async () => {
      for (const name of databases) await root.query('DROP DATABASE ??', [name])
      await root.end()
    })
    /** The URL of a queue with three items in a database whose index is as it was. */
    const old = async (): Promise<{ url: string; database: string }> => {
      const database = `old ${randomUUID()}`
      databases.push(database)
      await root.query('CREATE DATABASE ??', [database])
      const url = urlOf(await sharedPort(), 'q').replace(encodeURIComponent(DATABASE), encodeURIComponent(database))
      await using queue = await AsyncQueue.open<number>(url)
      await queue.putMany([1, 2, 3])
      await root.query(`ALTER TABLE ??.spoolq_items DROP KEY spoolq_front, ADD KEY spoolq_front ${OLD}`, [database])
      return { url, database }
    }
    const indexOf = async (database: string): Promise<string[]> => {
      const [rows] = await root.query("SHOW INDEX FROM ??.spoolq_items WHERE Key_name = 'spoolq_front'", [database])
      return (rows as { Column_name: string }[]).map((row) => row.Column_name)
    }

    it('gets the wider index when it is opened, and an open handle works on', async () => {
      const { url, database } = await old()
      await using first = await AsyncQueue.open<number>(url)
      assert.deepEqual(await indexOf(database), ['queue', 'status', 'owner', 'place', 'id'])
      assert.equal(await first.pop(), 1)
      await using second = await AsyncQueue.open<number>(url)
      assert.deepEqual(await second.pop(9), [2, 3])
    })

    it('works with the index that is there where its user may not change it', async () => {
      const { url, database } = await old()
      const user = `worker ${randomUUID().slice(0, 8)}`
      const rights = 'SELECT, INSERT, UPDATE, DELETE'
      await root.query(`CREATE USER ?@'%' IDENTIFIED BY ?; GRANT ${rights} ON ??.* TO ?@'%'`, [
        user,
        PASSWORD,
        database,
        user,
      ])
      const mine = url.replace(USER, encodeURIComponent(user))
      const options = { leaseTimeout: 60_000 }
      const first = await AsyncQueue.open<number>(mine, options)
      assert.equal((await first.lease(2)).length, 2)
      assert.equal((await first.list({ status: 'inFlight' })).length, 2)
      await first.close()
      await using queue = await AsyncQueue.open<number>(mine, options)
      assert.deepEqual(await queue.pop(9), [1, 2, 3])
      assert.equal((await indexOf(database)).length, 4)
    })

    it('tells nobody who waits of a take that came to nothing', async () => {
      const store = await MysqlStore.open(addressOf(await sharedUrl(randomUUID())), OPTIONS)
      let told = 0
      const stop = store.watch(() => {
        told += 1
      })
      for (let i = 0; i < 9; i += 1) assert.deepEqual(await store.pop(1), [])
      stop()
      await store.close()
      // The first look of who watches tells of what was before it.
      assert.ok(told <= 1, `${told} times`)
    })

    it('holds for ever what is extended so, and nothing whose lease has ended', async () => {
      await using queue = await AsyncQueue.open<number>(await sharedUrl(randomUUID()), { leaseTimeout: 60_000 })
      await queue.putMany([1, 2])
      const [one, two] = await queue.lease(2)
      await one?.extend(Infinity)
      await two?.extend(1)
      const from = Date.now()
      await until(() => Date.now() > from + 20)
      await assert.rejects(two?.ack() ?? assert.fail(), SettledError)
      assert.deepEqual(await queue.pop(9), [2])
      await one?.ack()
      assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    })

    it('leaves nothing behind for a handle that was closed', async () => {
      const { url, database } = await old()
      const rows = async (table: string): Promise<number> => {
        const [read] = await root.query('SELECT COUNT(*) AS n FROM ??.??', [database, table])
        return (read as { n: number }[])[0]?.n ?? 0
      }
      await (await AsyncQueue.open<number>(url)).close()
      assert.deepEqual([await rows('spoolq_owners'), await rows('spoolq_tallies')], [0, 1])
    })
  })
})
