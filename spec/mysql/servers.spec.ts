// Servers that are set oddly, users who may do little, and what was in the database before: the queue works, or says why
// it can't.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type Connection, createConnection } from 'mysql2/promise'
import { AsyncQueue, StorageError } from '../../lib/index.ts'
import { numbers } from '../queue/place.ts'
import { DATABASE, PASSWORD, Server, USER, withServer } from './server.ts'

const ODD = [
  "sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'",
  "time_zone = '+05:30'",
  'character_set_server = utf8mb3',
  'autocommit = 0',
  'completion_type = CHAIN',
  'sql_safe_updates = 1',
  'sql_select_limit = 3',
  'max_allowed_packet = 65536',
]

await withServer(() => {
  describe('the queue in a MySQL database', { timeout: 120_000 }, () => {
    let server: Server
    let root: Connection
    before(async () => {
      server = await Server.start()
      root = await createConnection(server.connecting)
    })
    after(async () => {
      await root.end()
      await server.stop()
    })
    /** A URL of a user of that name, who may do that. */
    const as = async (user: string, grants: string, limits = ''): Promise<string> => {
      await root.query(`CREATE USER '${user}'@'%' IDENTIFIED BY '${PASSWORD.replaceAll("'", "''")}' ${limits}`)
      await root.query(`GRANT ${grants} ON \`${DATABASE}\`.* TO '${user}'@'%'`)
      return server.url(user).replace(USER, user)
    }
    const refused = async (url: string, words: RegExp): Promise<void> => {
      await assert.rejects(AsyncQueue.open(url), (error: unknown) => {
        assert.ok(error instanceof StorageError, String(error))
        assert.match(error.message, words)
        assert.ok(!inspect(error).includes(PASSWORD))
        return true
      })
    }

    it('is not opened by a user who may only read, and works for one with the four rights', async () => {
      await (await AsyncQueue.open(server.url('first'))).close()
      await refused(await as('reader', 'SELECT'), /denied/)
      await using queue = await AsyncQueue.open<number>(await as('worker', 'SELECT, INSERT, UPDATE, DELETE'))
      await queue.putMany([1, 2])
      const delivery = await queue.lease()
      await delivery?.ack()
      assert.equal(await queue.pop(), 2)
    })

    it('works with as few connections as a user may have, and says so where it is one', async () => {
      await refused(await as('single', 'ALL', 'WITH MAX_USER_CONNECTIONS 1'), /max_user_connections/)
      await using queue = await AsyncQueue.open<number>(await as('pair', 'ALL', 'WITH MAX_USER_CONNECTIONS 2'))
      await Promise.all(numbers(1, 40).map((n) => Promise.all([queue.put(n), queue.size(), queue.peek()])))
      assert.deepEqual(await queue.pop(99), numbers(1, 40))
    })

    it('does not mind how the server is set', async () => {
      for (const one of ODD) await root.query(`SET GLOBAL ${one}`)
      await using queue = await AsyncQueue.open<{ n: number; text: string }>(server.url("odd 'name'"), {
        unique: ({ n }) => `${n}`,
      })
      const text = 'naïve \'"` \\ 🦆'
      const items = numbers(1, 1500).map((n) => ({ n, text }))
      const before = Date.now()
      assert.deepEqual(await queue.putMany(items), numbers(1, 1500))
      assert.equal(await queue.put({ n: 7, text }), undefined)
      await assert.rejects(queue.put({ n: 0, text: 'x'.repeat(60_000) }), /max_allowed_packet/)
      const [first] = await queue.list()
      assert.ok(first !== undefined && Math.abs(first.enqueuedAt.getTime() - before) < 60_000, `${first?.enqueuedAt}`)
      const held = await queue.lease(1000)
      assert.deepEqual(
        held.map(({ item }) => item),
        items.slice(0, 1000),
      )
      await Promise.all(held.map((delivery, i) => (i % 2 === 0 ? delivery.ack() : delivery.nack())))
      await using other = await AsyncQueue.open<{ n: number }>(server.url("odd 'name'"))
      assert.equal(await other.size(), 1000)
      assert.equal((await other.pop(1000)).length, 1000)
      assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    })
  })
})
