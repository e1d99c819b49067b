// A server of its own, that is killed, set oddly, and lets users do little: what was resolved holds, and the queue works, or
// says why it can't.
// A process of its own: it starts a server, and kills it.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type Connection, createConnection } from 'mysql2/promise'
import { AsyncQueue, StorageError } from '../../lib/index.ts'
import { numbers, until } from '../queue/place.ts'
import { type Certified, certify } from './authority.ts'
import { DATABASE, PASSWORD, Server, USER, withServer } from './server.ts'

const ROUNDS = process.env.SPOOLQ_CHECK ? 6 : 1

const ODD = [
  "sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'",
  "time_zone = '+05:30'",
  'character_set_server = utf8mb3',
  'autocommit = 0',
  'completion_type = CHAIN',
  'sql_safe_updates = 1',
  'sql_select_limit = 3',
  'max_allowed_packet = 65536',
  'tx_read_only = 1',
]

await withServer(() => {
  describe('the queue in a MySQL database', { timeout: 300_000 }, () => {
    let server: Server
    let root: Connection | undefined
    let certified: Certified
    const folder = mkdtempSync(join(tmpdir(), 'spoolq-certified-'))
    before(async () => {
      certified = certify(folder)
      server = await Server.start(['--log-bin=binlog', ...certified.flags])
    })
    after(async () => {
      await root?.end()
      await server?.stop()
      rmSync(folder, { recursive: true })
    })
    /** A URL of a user of that name, who may do that. */
    const as = async (user: string, grants: string, limits = ''): Promise<string> => {
      await root?.query(`CREATE USER '${user}'@'%' IDENTIFIED BY '${PASSWORD.replaceAll("'", "''")}' ${limits}`)
      await root?.query(`GRANT ${grants} ON \`${DATABASE}\`.* TO '${user}'@'%'`)
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

    it('rejects while the server is gone, and goes on with the same handle', async () => {
      const queue = await AsyncQueue.open<number>(server.url('killed'))
      await queue.putMany([1, 2, 3])
      const held = await queue.lease()
      await server.kill()
      const calls = [queue.put(4), queue.size(), queue.pop()]
      await Promise.all(calls.map((call) => assert.rejects(call, StorageError)))
      await server.start()
      await held?.ack()
      assert.equal(await queue.put(4), 4)
      assert.deepEqual(await queue.get(5, { min: 3 }), [2, 3, 4])
      await queue.close()
    })

    it('loses nothing whose put resolved, and gives nothing twice that was popped, when the server is killed', async () => {
      for (let round = 0; round < ROUNDS; round += 1) await killedAtWork(server, `work ${round}`)
    })

    it('is not opened by a user who may only read, and works for one with the four rights', async () => {
      root = await createConnection(server.connecting)
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

    it('is encrypted as its URL asks, and knows its server by what its certificate says', async () => {
      const plain = await as('encrypted', 'ALL', 'REQUIRE SSL')
      const { ca, otherCa } = certified
      const verified = (file: string) => `${plain}&ssl=verify&ca=${encodeURIComponent(file)}`
      await using required = await AsyncQueue.open<number>(`${plain}&ssl=required`)
      await refused(plain, /denied/)
      await using queue = await AsyncQueue.open<number>(verified(ca))
      await queue.put(1)
      assert.equal(await required.pop(), 1)
      // With what Node trusts, with another authority, and by another name of the same server.
      await refused(`${plain}&ssl=verify`, /certificate/)
      await refused(verified(otherCa), /certificate/)
      await refused(verified(ca).replace('127.0.0.1', 'localhost'), /altnames/)
      const garbage = join(folder, 'garbage.pem')
      writeFileSync(garbage, 'no certificate')
      for (const file of [garbage, join(folder, 'nowhere.pem')]) await refused(verified(file), /parameter 'ca'/)
    })

    it('is refused by a server that writes its binary log as statements, by name, and by no other', async () => {
      await root?.query("SET GLOBAL binlog_format = 'STATEMENT'")
      await refused(server.url('log'), /binlog_format = STATEMENT/)
      await root?.query("SET GLOBAL binlog_format = 'MIXED'")
      await (await AsyncQueue.open(server.url('log'))).close()
      await root?.query('SET GLOBAL read_only = 1')
      await refused(server.url('log'), /read-only/)
      await root?.query('SET GLOBAL read_only = 0, max_allowed_packet = 8192')
      await refused(server.url('log'), /max_allowed_packet of 8192: set it to 16384/)
      await root?.query('SET GLOBAL max_allowed_packet = 16777216')
    })

    it('has statements that fit into the packets of the server, however many items it takes and settles', async () => {
      await root?.query('SET GLOBAL max_allowed_packet = 16384')
      await using queue = await AsyncQueue.open<number | string>(server.url('packets'), { unique: true })
      await root?.query('SET GLOBAL max_allowed_packet = 16777216')
      await packed(queue)
    })

    it('does not mind how the server is set', async () => {
      for (const one of ODD) await root?.query(`SET GLOBAL ${one}`)
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

const PACKED = 2000

async function packed(queue: AsyncQueue<number | string, number | undefined>): Promise<void> {
  const far = 10 ** 9
  assert.deepEqual(await queue.putMany(numbers(far + 1, far + PACKED)), numbers(1, PACKED))
  await queue.putMany(numbers(far + 1, far + PACKED))
  assert.equal(await queue.size(), PACKED)
  const large = 'x'.repeat(6000)
  await queue.put(large)
  const [tooLarge, beside] = [queue.put('y'.repeat(6200)), queue.put(0)]
  await assert.rejects(tooLarge, (error: unknown) => {
    return (
      error instanceof StorageError && /an item of 6203 bytes needs a max_allowed_packet of 16502/.test(error.message)
    )
  })
  await beside
  assert.equal(await queue.size(), PACKED + 2)
  const held = await queue.lease(PACKED + 1)
  const reason = 'z'.repeat(9000)
  const [first, ...others] = held
  await Promise.all([
    assert.rejects(first?.fail(reason) ?? assert.fail(), /a reason of 9000 bytes needs/),
    ...others.map((one, i) => (i % 3 === 0 ? one.ack() : i % 3 === 1 ? one.nack() : one.fail())),
  ])
  await first?.ack()
  const failed = (await queue.list({ status: 'failed', limit: PACKED })).map(({ id }) => id)
  const third = Math.ceil(PACKED / 3)
  assert.equal(await queue.retry(failed.filter((_, i) => i % 2 === 0)), Math.ceil(failed.length / 2))
  assert.equal(await queue.discard(failed), Math.floor(failed.length / 2))
  const back = await queue.lease(PACKED)
  await Promise.all(back.map((one) => one.nack({ to: 'back' })))
  assert.equal(await queue.size(), third + 1 + Math.ceil(failed.length / 2))
  assert.equal(await queue.clear(), back.length)
  assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
}

/** Puts and pops go on while the server dies, and after it is back; what was resolved is compared with what came out. */
async function killedAtWork(server: Server, name: string): Promise<void> {
  const queue = await AsyncQueue.open<number>(server.url(name))
  const [put, popped] = [new Set<number>(), [] as number[]]
  let [next, state] = [1, 'working' as 'working' | 'down' | 'over']
  const producer = async (): Promise<void> => {
    while (state !== 'over') {
      const batch = numbers(next, next + 9)
      next += 10
      await queue.putMany(batch).then(
        () => {
          for (const n of batch) put.add(n)
        },
        (error: unknown) => assert.ok(error instanceof StorageError, String(error)),
      )
    }
  }
  const consumer = async (): Promise<void> => {
    while (state !== 'over') {
      await queue.pop(7).then(
        (items) => popped.push(...items),
        (error: unknown) => assert.ok(error instanceof StorageError, String(error)),
      )
    }
  }
  const working = Promise.all([producer(), producer(), consumer(), consumer()])
  await until(() => put.size > 100)
  await server.kill()
  state = 'down'
  await server.start()
  const before = put.size
  await until(() => put.size > before + 100)
  state = 'over'
  await working
  for (let items = await queue.pop(100); items.length > 0; items = await queue.pop(100)) popped.push(...items)
  const lost = [...put].filter((n) => !popped.includes(n))
  assert.deepEqual(lost, [])
  assert.equal(new Set(popped).size, popped.length)
  await queue.close()
}
