import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AsyncQueue, StorageError } from '../../lib/index.ts'
import { loadDriver, SqliteFailure } from '../../lib/sqlite/driver.ts'
import { patiently } from '../../lib/sqlite/patience.ts'
import { sealed } from '../../lib/sqlite/seal.ts'
import { call, engineWith, fates, foreign, hearing, newFile, put, valuesOf } from './rig.ts'

const settle = (from: number) => {
  const settlements = [{ outcome: 'ack', ids: [{ from, to: from }] }] as const
  return call('queue.settle', { queue: 1, now: 1000, owner: 7, settlements, keep: 0 })
}
const counts = () => call('queue.counts', { queue: 1, now: 1000 })
const readyOf = (value: unknown) => (value as { ready: number }).ready

describe('the engine of a queue', () => {
  it('commits what came together together', () => {
    const heard: string[] = []
    const engine = engineWith(
      newFile(),
      hearing((sql) => heard.push(sql)),
    )
    heard.length = 0
    valuesOf(engine.run(Array.from({ length: 50 }, (_, i) => put(`item ${i}`))))
    assert.equal(heard.filter((sql) => sql.startsWith('BEGIN')).length, 1)
    assert.equal(heard.filter((sql) => sql === 'COMMIT').length, 1)
    assert.equal(readyOf(valuesOf(engine.run([counts()]))[0]), 50)
    engine.close()
  })

  it('undoes the call that is refused, and no other', () => {
    const engine = engineWith(newFile(), loadDriver())
    const outcomes = engine.run([put('a', 'b'), settle(1), put('c'), settle(9), put('d')])
    assert.deepEqual(fates(outcomes), ['done', 'settled', 'done', 'settled', 'done'])
    assert.equal(readyOf(valuesOf(engine.run([counts()]))[0]), 4)
    engine.close()
  })

  it('leaves nothing of a call that is refused half-way, alone or among others', () => {
    const file = newFile()
    const engine = engineWith(file, loadDriver())
    valuesOf(engine.run([put('a', 'b')]))
    const lease = {
      queue: 1,
      now: 1000,
      n: 2,
      isStrict: false,
      owner: 7,
      keep: 0,
      deadline: null,
      isAhead: false,
      pick: undefined,
    }
    valuesOf(engine.run([call('queue.lease', { ...lease, settlements: [] })]))
    const both = [1, 9].map((from) => ({ outcome: 'ack' as const, ids: [{ from, to: from }] }))
    const half = () => call('queue.settle', { queue: 1, now: 1000, owner: 7, settlements: both, keep: 0 })
    assert.deepEqual(fates(engine.run([half()])), ['settled'])
    assert.deepEqual(fates(engine.run([put('c'), half(), put('d')])), ['done', 'settled', 'done'])
    const [sums] = valuesOf(engine.run([counts()]))
    assert.equal((sums as { flying: number }).flying, 2)
    engine.close()
  })

  it('syncs where one of the calls asks for it, and only then', () => {
    const modes: string[] = []
    const engine = engineWith(
      newFile(),
      hearing((sql) => {
        if (sql.startsWith('PRAGMA synchronous')) modes.push(sql.slice(-6).trim())
      }),
    )
    modes.length = 0
    const relaxed = () => ({ ...put('x'), within: Infinity })
    engine.run([relaxed()])
    engine.run([relaxed(), put('y'), relaxed()])
    engine.run([relaxed()])
    assert.deepEqual(modes, ['NORMAL', '= FULL', 'NORMAL'])
    engine.close()
  })

  it('refuses what finds the disk full, and takes what fits, also of those that came together', () => {
    const file = newFile()
    const open = loadDriver()
    const engine = engineWith(file, (name) => {
      const driver = open(name)
      driver.exec('PRAGMA max_page_count = 60')
      return driver
    })
    const large = () => call('queue.put', put().args, sealed([Buffer.alloc(2 ** 20)]))
    assert.deepEqual(fates(engine.run([put('a'), large(), put('b')])), ['done', 'storage', 'done'])
    assert.deepEqual(fates(engine.run([large()])), ['storage'])
    assert.deepEqual(fates(engine.run([put('c')])), ['done'])
    assert.equal(readyOf(valuesOf(engine.run([counts()]))[0]), 3)
    engine.close()
  })

  it('calls nothing safe after a failed sync before all of it was written again', () => {
    let failing = false
    const heard: string[] = []
    const engine = engineWith(
      newFile(),
      hearing((sql) => {
        heard.push(sql)
        if (failing && sql === 'COMMIT') throw new SqliteFailure('SQLITE_IOERR', 'disk I/O error')
      }),
    )
    failing = true
    assert.deepEqual(fates(engine.run([put('a'), put('b')])), ['storage', 'storage'])
    failing = false
    heard.length = 0
    assert.deepEqual(fates(engine.run([put('c')])), ['done'])
    const checkpoint = heard.findIndex((sql) => sql.includes('wal_checkpoint'))
    assert.ok(checkpoint >= 0 && checkpoint < heard.findIndex((sql) => sql.startsWith('BEGIN')), heard.join('\n'))
    assert.equal(readyOf(valuesOf(engine.run([counts()]))[0]), 1)
    engine.close()
  })

  it('gives up on a file that somebody holds locked, and not before its time', () => {
    let tries = 0
    const busy = () => {
      tries += 1
      throw new SqliteFailure('SQLITE_BUSY', 'database is locked')
    }
    assert.throws(
      () => patiently('a.db', busy, 30),
      (error) => error instanceof StorageError && /locked/.test(error.message),
    )
    assert.ok(tries > 1)
    let left = 5
    const soon = () => (left-- > 0 ? busy() : 'done')
    assert.equal(patiently('a.db', soon, 60_000), 'done')
  })
})

describe('the queue', () => {
  it('waits for a program that holds the file locked, and lets the event loop go on meanwhile', async () => {
    const file = newFile()
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`)
    const other = foreign(file)
    other.exec('BEGIN IMMEDIATE')
    let done = false
    const putting = queue.put('late').then(() => {
      done = true
    })
    // The transaction is waited for in the worker thread: here everything goes on.
    for (let turns = 0; turns < 2000; turns += 1) await new Promise((resolve) => setImmediate(resolve))
    const timer = Date.now() + 100
    while (Date.now() < timer) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.equal(done, false)
    other.exec('COMMIT')
    other.close()
    await putting
    assert.equal(await queue.pop(), 'late')
  })

  it('lets the event loop go on while it changes very much', async () => {
    await using queue = await AsyncQueue.open<number>(`sqlite:${newFile()}`, { durability: 'os' })
    for (let from = 0; from < 60_000; from += 10_000) {
      await queue.putMany(Array.from({ length: 10_000 }, (_, i) => from + i))
    }
    let turns = 0
    let isDone = false
    const leasing = queue.delete(59_000).finally(() => {
      isDone = true
    })
    while (!isDone) {
      turns += 1
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(await leasing, 59_000)
    assert.ok(turns > 100, `${turns} turns`)
  })
})
