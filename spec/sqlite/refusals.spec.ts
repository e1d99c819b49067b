// What a queue in SQLite refuses, it refuses with an error of its own that says what to do; and what it takes in, it keeps whole.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { AsyncQueue, FormatError, PersistentMap, StorageError } from '../../lib/index.ts'
import { openDatabase } from '../../lib/sqlite/database.ts'
import { loadDriver, type OpenDriver, type Row, type Statement } from '../../lib/sqlite/driver.ts'
import { Engine } from '../../lib/sqlite/engine.ts'
import { marksOf, ownersFolder } from '../../lib/sqlite/marks.ts'
import { assertPermitted } from '../../lib/sqlite/permitted.ts'
import { sealed } from '../../lib/sqlite/seal.ts'
import { call, foreign, newFile, valuesOf } from './rig.ts'

const isStorage = (words: RegExp) => (error: unknown) => error instanceof StorageError && words.test(error.message)
const MODEL = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
const library = new URL('../../lib/index.js', import.meta.url).href

describe('the queue in SQLite', () => {
  it('says what to allow where the permission model forbids its thread, and nothing is left uncaught', () => {
    const file = newFile()
    const words = `import { AsyncQueue, PersistentMap } from ${JSON.stringify(library)}
      const told = (open) => open.then(() => 'opened', (error) => error.code + ' ' + error.message)
      console.log(await told(AsyncQueue.open('sqlite:${file}')))
      console.log(await told(PersistentMap.open('sqlite:${file}')))`
    const args = [MODEL, '--no-warnings', '--allow-fs-read=*', '--allow-fs-write=*', '--input-type=module', '-e', words]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^(ERR_QUEUE_STORAGE .*: add --allow-worker\n){2}$/)
  })

  it('says which files to allow, its neighbours among them', () => {
    const file = newFile()
    const allowing = (...allowed: string[]) => ({
      has: (scope: string, reference = '') => allowed.includes(scope) || allowed.includes(`${scope} ${reference}`),
    })
    const all = ['worker', 'fs.read', 'fs.write']
    assertPermitted(file, allowing(...all))
    assertPermitted(undefined, allowing('worker'))
    const [read, write] = ['read', 'write'].map((scope) => `--allow-fs-${scope}=${dirname(file)}`)
    const missing = [
      { allowed: ['worker', 'fs.read'], add: write },
      { allowed: ['worker', 'fs.write', `fs.read ${file}`], add: read },
      { allowed: ['worker'], add: `${read} ${write}` },
      { allowed: ['fs.read', 'fs.write'], add: '--allow-worker' },
    ]
    for (const { allowed, add } of missing) {
      const told = (error: unknown) => error instanceof StorageError && error.message.endsWith(`: add ${add}`)
      assert.throws(() => assertPermitted(file, allowing(...allowed)), told, add)
    }
  })

  it('rejects what its thread cannot be asked, and is asked again', async () => {
    const database = await openDatabase(newFile())
    // A function can't be cloned; bytes may be asked for when there is no memory.
    const never = () => assert.fail('no memory')
    const calls = [
      database.call('queue.counts', { queue: 1, now: never as never }),
      database.call('page.driver', null, { blobs: never }),
    ]
    for (const one of calls) await assert.rejects(one, isStorage(/can't be asked/))
    const [asked] = await Promise.allSettled([
      database.call('page.driver', null),
      database.call('page.driver', null, { blobs: never }),
    ])
    assert.equal(asked?.status, 'fulfilled')
    await database.close()
  })

  it('tells of tables and rows that another program has changed as a StorageError, and changes nothing then', async () => {
    const file = newFile()
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os' })
    await queue.put('a')
    const driver = foreign(file)
    driver.exec("INSERT INTO spoolq_1_ready (id, enqueued, payload) VALUES (2, 0, x'00')")
    await assert.rejects(queue.put('b'), isStorage(/constraint.*another program/i))
    driver.exec('DELETE FROM spoolq_1_ready WHERE id = 2; ALTER TABLE spoolq_1_ready RENAME TO away')
    await assert.rejects(queue.put('b'), isStorage(/no such table.*another program/))
    await assert.rejects(queue.pop(), isStorage(/no such table.*another program/))
    driver.exec('ALTER TABLE away RENAME TO spoolq_1_ready')
    driver.close()
    assert.equal(await queue.put('b'), 2)
    assert.deepEqual(await queue.pop(3), ['a', 'b'])
  })

  it('tells what nobody expected as a QueueError, with where it was thrown', () => {
    const engine = new Engine(newFile(), () => () => {
      throw new RangeError('out of everything')
    })
    const [outcome] = engine.run([call('page.driver', null)])
    assert.ok(outcome && 'failure' in outcome)
    assert.equal(outcome.failure.kind, 'storage')
    assert.match(outcome.failure.stack ?? '', /refusals\.spec/)
  })

  it('refuses a file whose texts are UTF-16, empty or not, and leaves it as it is', async () => {
    for (const words of ['', 'PRAGMA application_id = 1936747633; PRAGMA user_version = 1;']) {
      const file = newFile()
      const driver = foreign(file)
      driver.exec(`PRAGMA encoding = 'UTF-16'; CREATE TABLE a (x); DROP TABLE a; ${words}`)
      driver.close()
      const before = readFileSync(file)
      const isUtf16 = (error: unknown) => error instanceof FormatError && /UTF-16/.test(error.message)
      await assert.rejects(AsyncQueue.open(`sqlite:${file}`), isUtf16)
      if (words === '') await assert.rejects(PersistentMap.open(`sqlite:${file}`), isUtf16)
      assert.ok(readFileSync(file).equals(before))
    }
  })

  it('keeps names, reasons and keys that have a NUL in them', async () => {
    const file = newFile()
    const codec = {
      name: 'a\0b',
      encode: (item: string) => Buffer.from(item),
      decode: (bytes: Uint8Array) => `${bytes}`,
    }
    for (const [i, name] of ['a%00b', 'a%00c', 'a'].entries()) {
      await using queue = await AsyncQueue.open<string>(`sqlite:${file}?queue=${name}`, { codec, durability: 'os' })
      assert.equal(await queue.size(), 0, name)
      for (let n = 0; n <= i; n += 1) await queue.put('x')
      const held = await queue.lease()
      await held?.fail('one\0two')
      assert.equal((await queue.list({ status: 'failed' }))[0]?.reason, 'one\0two')
      await using map = await PersistentMap.open<string>(`sqlite:${file}?map=${name}`, { codec, durability: 'os' })
      assert.equal(await map.size(), 0, name)
      await map.set(`k\0${name}`, 'v')
      for await (const [key] of map) assert.equal(key, `k\0${name}`)
    }
    await using again = await AsyncQueue.open<string>(`sqlite:${file}?queue=a%00c`, { codec })
    assert.equal(await again.size(), 1)
  })

  it('keeps them with a driver that ends a text at its first NUL', () => {
    const engine = new Engine(newFile(), () => cutting(loadDriver()))
    const open = () => call('queue.open', { name: 'q', codec: 'a\0b', order: 'fifo' })
    const map = () => call('map.open', { name: 'm', codec: 'a\0b' })
    const lease = { queue: 1, now: 1000, owner: 7, keep: 0, n: 1, isStrict: false, isAhead: false, deadline: null }
    const ids = [{ from: 1, to: 1 }]
    const settlements = [{ outcome: 'fail' as const, ids, reason: 'one\0two' }]
    const put = {
      queue: 1,
      now: 0,
      wall: 0,
      due: 0,
      attempt: 0,
      priority: 0,
      bound: undefined,
      owner: 7,
      keys: undefined,
    }
    valuesOf(engine.run([open(), map()]))
    const [, , , , listed] = valuesOf(
      engine.run([
        open(),
        call('queue.put', put, sealed([Buffer.from('x')])),
        call('queue.lease', { ...lease, pick: undefined, settlements: [] }),
        call('queue.settle', { queue: 1, now: 1000, owner: 7, keep: 0, settlements }),
        call('queue.list', { queue: 1, now: 1000, status: 'failed', after: 0, limit: 9 }),
        map(),
      ]),
    )
    assert.deepEqual((listed as { reasons: string[] }).reasons, ['one\0two'])
    engine.close()
  })

  it('charges nobody for marks that are damaged, and opens', async () => {
    const file = newFile()
    const first = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os', maxAttempts: 1 })
    await first.put('a')
    await first.close()
    const folder = ownersFolder(file)
    mkdirSync(`${folder}/98`, { recursive: true })
    writeFileSync(`${folder}/99`, Buffer.alloc(5000, 0x7f))
    assert.deepEqual(marksOf(file, 98), [])
    assert.deepEqual(marksOf(file, 99), [])
    const driver = foreign(file)
    driver.exec(`INSERT INTO spoolq_owners (id, queue) VALUES (99, 1);
      INSERT INTO spoolq_1_flying (id, attempt, enqueued, owner, ahead, payload)
        SELECT id, 1, enqueued, 99, 1, payload FROM spoolq_1_ready;
      DELETE FROM spoolq_1_ready; INSERT INTO spoolq_1_holds VALUES (99, 0, 1);
      UPDATE spoolq_queues SET ready = 0, flying = 1`)
    driver.close()
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { maxAttempts: 1 })
    assert.equal(await queue.pop(), 'a')
  })
})

/** As node:sqlite reads texts. */
function cutting(open: OpenDriver): OpenDriver {
  const cut = (row: Row): Row => row.map((value) => (typeof value === 'string' ? value.replace(/\0.*/s, '') : value))
  const read = (statement: Statement): Statement => ({
    run: (...values) => statement.run(...values),
    get: (...values) => {
      const row = statement.get(...values)
      return row && cut(row)
    },
    all: (...values) => statement.all(...values).map(cut),
  })
  return (file) => {
    const driver = open(file)
    return { ...driver, prepare: (sql) => read(driver.prepare(sql)) }
  }
}
