// A map's file: what else is in it, what damage costs, and that no call looks at more of it than it has to.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { CodecError, FormatError, type MapOptions, PersistentMap, StorageError } from '../../lib/index.ts'
import { Connection } from '../../lib/sqlite/connection.ts'
import { openDatabase } from '../../lib/sqlite/database.ts'
import { loadDriver } from '../../lib/sqlite/driver.ts'
import { mapOps } from '../../lib/sqlite/map-ops.ts'
import { NOTHING, pack } from '../../lib/sqlite/messages.ts'
import { until } from '../queue/place.ts'
import { collect } from './suite.ts'

const folder = await mkdtemp(join(tmpdir(), 'spoolq-map-'))
let made = 0

function newFile(): string {
  made += 1
  return join(folder, `${made}.db`)
}

describe('a map in a file', { timeout: 240_000 }, () => {
  after(() => rm(folder, { recursive: true, force: true }))

  it('is beside other maps, each with its name, its codec and its entries', async () => {
    const file = newFile()
    // It keeps the thread going.
    await using _other = await PersistentMap.open(`sqlite:${file}?map=other`)
    const names = ['map', 'Map', "'; --", 'a b', 'żółw 🐢', '"', 'x'.repeat(255)]
    for (const [i, name] of names.entries()) {
      const codec = i % 2 === 0 ? 'json' : 'v8'
      await using map = await PersistentMap.open<number>(`sqlite:${file}?map=${encodeURIComponent(name)}`, { codec })
      assert.equal(await map.size(), 0, name)
      await map.set('n', i)
      await map.set(name, -1)
    }
    await using unnamed = await PersistentMap.open<number>(`sqlite:${file}`)
    assert.equal(await unnamed.get('n'), 0)
    for (const [i, name] of names.entries()) {
      await using map = await PersistentMap.open<number>(`sqlite:${file}?map=${encodeURIComponent(name)}`)
      assert.deepEqual(await collect(map), [
        ['n', i],
        [name, -1],
      ])
      assert.equal(await map.clear(), 2)
    }
  })

  it('is made for its user alone, with its folders', async () => {
    const file = join(folder, 'deep', 'down', 'state.db')
    await using map = await PersistentMap.open(`sqlite:${file}`)
    await map.set('a', 1)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.equal((await stat(join(folder, 'deep'))).mode & 0o777, 0o700)
  })

  it('is nobody else’s in memory, but where it has a name there', async () => {
    await using one = await PersistentMap.open('sqlite::memory:')
    await using other = await PersistentMap.open('sqlite::memory:')
    await one.set('a', 1)
    assert.equal(await other.has('a'), false)
    const named = `sqlite::memory:maps-${process.pid}`
    await using first = await PersistentMap.open(named)
    await using second = await PersistentMap.open(named)
    await first.set('a', 1)
    assert.equal(await second.get('a'), 1)
    assert.deepEqual(
      readdirSync('.').filter((name) => name.includes('memory:')),
      [],
    )
  })

  it('costs the one value that a flipped bit is in, and says which', async () => {
    const file = newFile()
    const values = ['first', 'SECOND', 'third'].map((word) => word.repeat(3000))
    const map = await PersistentMap.open<string>(`sqlite:${file}`)
    for (const [i, value] of values.entries()) await map.set(`key ${i}`, value)
    await map.close()
    const bytes = await readFile(file)
    const at = bytes.indexOf('SECOND') + 1
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(file, bytes)
    await using again = await PersistentMap.open<string>(`sqlite:${file}`)
    const failure = await again.get('key 1').catch((error: unknown) => error)
    assert.ok(failure instanceof CodecError)
    assert.match(failure.message, /"key 1".*have changed/)
    assert.deepEqual([await again.get('key 0'), await again.get('key 2')], [values[0], values[2]])
    const walk = again.values()
    assert.equal((await walk.next()).value, values[0])
    await assert.rejects(walk.next(), CodecError)
    assert.equal((await walk.next()).value, values[2])
    await assert.rejects(
      again.update('key 1', (old = '') => old),
      CodecError,
    )
    await again.set('key 1', 'whole')
    assert.equal(await again.get('key 1'), 'whole')
  })

  it('is refused in a file of another kind, which is not touched', async () => {
    const file = newFile()
    await writeFile(file, 'a shopping list\n'.repeat(100))
    await assert.rejects(PersistentMap.open(`sqlite:${file}`), FormatError)
    assert.equal((await readFile(file)).toString(), 'a shopping list\n'.repeat(100))
    await assert.rejects(PersistentMap.open(`sqlite:${folder}`), StorageError)
  })

  it('holds values of no bytes', async () => {
    await using map = await PersistentMap.open<Buffer>(`sqlite:${newFile()}`, { codec: 'raw' })
    await map.set('none', Buffer.alloc(0))
    await map.set('one', Buffer.alloc(1))
    assert.deepEqual(await collect(map), [
      ['none', Buffer.alloc(0)],
      ['one', Buffer.alloc(1)],
    ])
  })

  it('gives back the space of what was deleted, by itself', async () => {
    const file = newFile()
    const map = await PersistentMap.open<Buffer>(`sqlite:${file}`, { durability: 'os' })
    await Promise.all(Array.from({ length: 60 }, (_, i) => map.set(`key ${i}`, Buffer.alloc(100_000, i + 1))))
    await map.set('last', Buffer.alloc(10))
    await map.clear()
    const database = await openDatabase(file)
    await until(async () => (await database.call('page.free', null)).value < 1_100_000)
    await database.close()
    await map.close()
    const { size } = await stat(file)
    assert.ok(size < 1_300_000, `${size} bytes`)
  })

  it('is closed when it is collected', async () => {
    const file = newFile()
    const program = `
      import { existsSync } from 'node:fs'
      import { PersistentMap } from ${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)}
      await (async () => {
        const dropped = await PersistentMap.open('sqlite:${file}')
        await dropped.set('a', 1)
        await dropped.keys().next()
      })()
      console.log(existsSync('${file}-wal'))
      while (existsSync('${file}-wal')) {
        gc()
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      console.log('closed')`
    const words = ['--expose-gc', '--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 200_000 })
    assert.equal(stdout, 'true\nclosed\n')
  })

  it('tells a sync that failed in the background to the next call that changes something, or to close', async () => {
    const calls: readonly ((map: PersistentMap) => Promise<unknown>)[] = [
      (map) => map.set('b', 2),
      (map) => map.update('b', () => 2),
      (map) => map.delete('a'),
      (map) => map.clear(),
      (map) => map.close(),
    ]
    const file = newFile()
    const open = (durability: MapOptions['durability']) => PersistentMap.open(`sqlite:${file}`, { durability })
    const witness = await open({ interval: 10 })
    /** Lets a sync fail behind the call; true where it rejects for that. */
    const isTold = async (call: (map: PersistentMap) => Promise<unknown>): Promise<boolean> => {
      const map = await open({ interval: 10 })
      const other = await open('os')
      // A folder can't be synced as a file is.
      await rename(`${file}-wal`, `${file}-aside`)
      await mkdir(`${file}-wal`)
      await until(() =>
        witness.set('a', 1).then(
          () => false,
          (error: unknown) => error instanceof StorageError,
        ),
      )
      await rm(`${file}-wal`, { recursive: true })
      await rename(`${file}-aside`, `${file}-wal`)
      assert.equal(await map.get('a'), 1)
      const error: unknown = await call(map).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(error === undefined || error instanceof StorageError, String(error))
      await other.set('c', 3)
      await other.close()
      // Another one may have failed before the file was back.
      await map.close().catch(() => {})
      return error !== undefined
    }
    for (const call of calls) {
      let told = false
      // What the witness waited for may have failed itself, and nothing behind it.
      for (let tries = 0; tries < 10 && !told; tries++) told = await isTold(call)
      assert.ok(told, String(call))
    }
    await witness.close().catch(() => {})
  })

  it('is never looked through as a whole, but to clear it', () => {
    const connection = Connection.open(newFile(), loadDriver())
    const asked = new Set<string>()
    const listening = {
      file: connection.file,
      exec: (sql: string) => connection.exec(sql),
      number: (sql: string) => {
        asked.add(sql)
        return connection.number(sql)
      },
      statement: (sql: string) => {
        asked.add(sql)
        return connection.statement(sql)
      },
    } as unknown as Connection
    const { map } = mapOps['map.open'].run(listening, { name: 'a', codec: 'json' }, NOTHING).value
    mapOps['map.open'].run(listening, { name: 'a', codec: 'json' }, NOTHING)
    const of = (key: string) => ({ map, key })
    const bytes = pack([Buffer.from('1')])
    for (const key of ['a', 'a', 'b\0']) mapOps['map.set'].run(listening, of(key), bytes)
    const { value: seen } = mapOps['map.get'].run(listening, of('a'), NOTHING)
    mapOps['map.has'].run(listening, of('a'), NOTHING)
    mapOps['map.replace'].run(listening, { ...of('a'), seen }, bytes)
    mapOps['map.replace'].run(listening, { ...of('c'), seen: null }, bytes)
    for (const values of [true, false]) {
      mapOps['map.page'].run(listening, { map, after: 0, entries: 9, bytes: 9, values }, NOTHING)
    }
    mapOps['map.size'].run(listening, map, NOTHING)
    mapOps['map.delete'].run(listening, of('a'), NOTHING)
    assert.ok(asked.size >= 11, `${asked.size} statements`)
    for (const sql of asked) {
      const parameters = [...sql.matchAll(/\?/g)].map(() => 0)
      const plan = connection.statement(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters)
      for (const row of plan) assert.doesNotMatch(String(row[3]), /SCAN (?!CONSTANT)/, `${sql}: ${row[3]}`)
    }
    connection.close()
  })
})
