// The file of SQLite queues: what is in it, how large it grows, who shares it, and with what it is opened.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { describe, it } from 'node:test'
import { AsyncQueue, PersistentMap, UnsupportedError } from '../../lib/index.ts'
import { type DriverName, loadDriver } from '../../lib/sqlite/driver.ts'
import { SqliteStore } from '../../lib/sqlite/sqlite-store.ts'
import type { StoreOptions } from '../../lib/store.ts'
import { systemClock } from '../../lib/wait/clock.ts'
import { cut } from '../queue/place.ts'
import { newFile } from './rig.ts'

const options: StoreOptions = {
  durability: 'disk',
  codec: 'raw',
  order: undefined,
  flushLimit: 2 ** 20,
  segmentSize: 2 ** 20,
  onDamage: 'skip',
  autoResume: true,
  events: { recovered() {}, corruption() {}, flushed() {}, failed: (error) => assert.fail(error) },
}

describe('the queue', () => {
  it('shares its file with queues and maps of any name', async () => {
    const file = newFile()
    const names = ["it's", '"quoted"', 'a b', 'a;DROP TABLE spoolq_queues', '名前 🐢', 'x'.repeat(255), '%', '?&=']
    const open = (name: string) => AsyncQueue.open<string>(`sqlite:${file}?queue=${encodeURIComponent(name)}`)
    const queues = await Promise.all(names.map(open))
    await Promise.all(queues.map((queue, i) => queue.put(names[i] ?? '')))
    await using map = await PersistentMap.open<number>(`sqlite:${file}?map=it's`)
    await map.set('a', 1)
    await Promise.all(queues.map((queue) => cut(queue)))
    for (const name of names) {
      await using again = await open(name)
      assert.deepEqual(await again.pop(9), [name])
    }
    assert.equal(await map.get('a'), 1)
  })

  it('refuses names that are none, and parameters that nobody knows', async () => {
    for (const words of ['queue=', `queue=${'x'.repeat(256)}`, 'queue=a&queue=b', 'name=a']) {
      await assert.rejects(async () => AsyncQueue.open(`sqlite:./nowhere.db?${words}`), TypeError)
    }
    for (const location of ['sqlite:', 'sqlite://host/a.db', 'sqlite:./a%.db']) {
      await assert.rejects(async () => AsyncQueue.open(location), TypeError, location)
    }
    assert.ok(!existsSync('./nowhere.db'))
  })

  it('is at the path that its location says, escapes and all', async () => {
    const file = `${newFile()}?100% of it.db`
    const queue = await AsyncQueue.open(`sqlite:${encodeURI(file).replace('?', '%3F')}`)
    await queue.close()
    assert.ok(existsSync(file))
  })

  it('holds items of a megabyte and of no byte at all, one by one and many at once', async () => {
    await using queue = await AsyncQueue.open<Uint8Array>(`sqlite:${newFile()}`, { codec: 'raw', durability: 'os' })
    const items = [
      randomBytes(2 ** 20),
      Buffer.alloc(0),
      randomBytes(3),
      Buffer.alloc(0),
      randomBytes(2 ** 20),
      Buffer.alloc(0),
    ]
    await queue.putMany(items)
    await queue.put(Buffer.alloc(0))
    assert.deepEqual((await queue.peek(9)).map(Buffer.from), [...items, Buffer.alloc(0)])
    const [held] = await queue.lease(1)
    await held?.nack()
    assert.deepEqual((await queue.pop(6)).map(Buffer.from), items)
    assert.deepEqual(await queue.pop(), Buffer.alloc(0))
    const { bytes } = await queue.stats()
    assert.equal(bytes, 0)
  })

  it('takes an item that is longer than what one statement cuts out of many', async () => {
    await using queue = await AsyncQueue.open<Uint8Array>(`sqlite:${newFile()}`, { codec: 'raw', durability: 'os' })
    const long = Buffer.alloc(17 * 2 ** 20, 'long')
    await queue.putMany([Buffer.from('a'), long, Buffer.from('b'), Buffer.from('c'), Buffer.from('d')])
    const [, second, third] = await queue.pop(5)
    assert.ok(long.equals(second ?? Buffer.alloc(0)))
    assert.deepEqual(third, Buffer.from('b'))
  })

  it('gives its space back when it is flushed, and empties the log that goes before it', async () => {
    const file = newFile()
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os', flushLimit: Infinity })
    await queue.putMany(Array.from({ length: 4000 }, (_, i) => `${i} ${'x'.repeat(500)}`))
    await queue.flush()
    const full = statSync(file).size
    await queue.pop(3990)
    const { deadBytes } = await queue.stats()
    assert.ok(deadBytes > full / 2)
    const { reclaimed } = await queue.flush()
    assert.equal(reclaimed, deadBytes)
    assert.ok(statSync(file).size < full / 4)
    assert.equal(statSync(`${file}-wal`).size, 0)
    assert.equal((await queue.stats()).deadBytes, 0)
    assert.equal((await queue.pop(99)).length, 10)
  })

  it('gives space back by itself where more is free than may be, and tells of it', async () => {
    const file = newFile()
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os', flushLimit: 200_000 })
    let told = 0
    queue.on('flush', ({ reclaimed }: { reclaimed: number }) => {
      told += reclaimed
    })
    await queue.putMany(Array.from({ length: 4000 }, (_, i) => `${i} ${'x'.repeat(500)}`))
    await queue.pop(3990)
    const isTidy = async () => told > 0 && (await queue.stats()).deadBytes <= 200_000
    while (!(await isTidy())) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await queue.pop(99)).length, 10)
  })

  it('keeps the log that goes before it small, however much passes through', async () => {
    const file = newFile()
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os' })
    for (let round = 0; round < 60; round += 1) {
      await queue.putMany(Array.from({ length: 500 }, (_, i) => `${i} ${'x'.repeat(500)}`))
      await queue.pop(500)
    }
    assert.ok(statSync(`${file}-wal`).size < 16 * 2 ** 20)
  })

  it("is nobody else's in memory unless it has a name", async () => {
    await using one = await AsyncQueue.open<number>('sqlite::memory:')
    await using other = await AsyncQueue.open<number>('sqlite::memory:')
    await one.put(1)
    assert.equal(await other.size(), 0)
    await using named = await AsyncQueue.open<number>('sqlite::memory:name')
    await using same = await AsyncQueue.open<number>('sqlite::memory:name')
    await named.put(1)
    assert.equal(await same.pop(), 1)
  })

  const isRoot = process.platform === 'linux' && process.getuid?.() === 0
  it('belongs to who has its folder, with all that lies beside it, also where root has made it', {
    skip: isRoot ? false : 'only root may give a file away',
  }, async () => {
    const folder = newFile()
    mkdirSync(folder, { mode: 0o700 })
    chownSync(folder, 1234, 4321)
    const file = `${folder}/q.db`
    const modes = (...names: string[]) => {
      return names.map((name) => {
        const { uid, gid, mode } = statSync(folder + name)
        return `${uid}:${gid} ${(mode & 0o777).toString(8)}`
      })
    }
    const first = await AsyncQueue.open(`sqlite:${file}`, { durability: 'os' })
    await first.put('a')
    const [owner] = readdirSync(`${file}-owners`).filter((name) => !name.startsWith('only.'))
    const beside = ['/q.db', '/q.db-wal', '/q.db-shm', '/q.db-owners', `/q.db-owners/${owner}`]
    assert.deepEqual(modes(...beside), [
      '1234:4321 600',
      '1234:4321 600',
      '1234:4321 600',
      '1234:4321 700',
      '1234:4321 600',
    ])
    await first.close()
  })

  it('can be opened by the group that may open its file', async () => {
    const file = newFile()
    await (await AsyncQueue.open(`sqlite:${file}`)).close()
    chmodSync(file, 0o660)
    await using queue = await AsyncQueue.open(`sqlite:${file}`, { durability: 'os' })
    await queue.put('b')
    const [own] = readdirSync(`${file}-owners`).filter((name) => !name.startsWith('only.'))
    const modes = ['-wal', '-owners', `-owners/${own}`].map((name) => (statSync(file + name).mode & 0o777).toString(8))
    assert.deepEqual(modes, ['660', '770', '660'])
  })

  it('names the package to install where there is no SQLite', async () => {
    const opening = SqliteStore.open({ file: newFile(), queue: 'q' }, options, { clock: systemClock, drivers: [] })
    await assert.rejects(
      opening,
      (error) => error instanceof UnsupportedError && /npm i better-sqlite3/.test(error.message),
    )
  })

  for (const driver of ['node:sqlite', 'better-sqlite3'] as DriverName[]) {
    it(`puts, takes, settles and comes back with ${driver}`, { skip: missing(driver) }, async () => {
      const world = { clock: systemClock, drivers: [driver] }
      const address = { file: newFile(), queue: 'q' }
      const documents = ['a', 'b', '', 'd', 'e', 'f'].map((text) => ({ bytes: Buffer.from(text), count: 1 }))
      const store = await SqliteStore.open(address, options, world)
      assert.equal(await store.append(documents), 1)
      assert.deepEqual(await store.appendUnique(documents.slice(0, 2), ['k', 'k']), [7, undefined])
      const held = await store.lease(3)
      await store.settle([{ outcome: 'ack', ids: [{ from: 1, to: 2, attempt: 1 }] }])
      await store.close()
      assert.equal(held.length, 3)
      const again = await SqliteStore.open(address, { ...options, codec: undefined }, world)
      const pieces = await again.pop(9)
      assert.deepEqual(
        pieces.map(({ firstId, document }) => [firstId, Buffer.from(document.bytes).toString()]),
        [
          [3, ''],
          [4, 'd'],
          [5, 'e'],
          [6, 'f'],
          [7, 'a'],
        ],
      )
      await again.close()
    })
  }
})

function missing(driver: DriverName): string | false {
  try {
    loadDriver([driver])
    return false
  } catch {
    return `${driver} can't be loaded on Node ${process.version}`
  }
}
