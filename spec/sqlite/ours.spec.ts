// Which files a queue or a map in SQLite takes for its own: a schema under our names that is not ours is refused, and so is what is
// no file with one name. A link is the file that it leads to.
// A process of its own: it starts others, and changes its umask.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { AsyncQueue, FormatError, PersistentMap, StorageError } from '../../lib/index.ts'
import { loadDriver } from '../../lib/sqlite/driver.ts'
import { Engine } from '../../lib/sqlite/engine.ts'
import { call, foreign, newFile } from './rig.ts'

/** What is done to a database of ours that has one queue and one map, and what the refusal names. */
const FOREIGN: Readonly<Record<string, string>> = {
  spoolq_1_away: 'CREATE TRIGGER spoolq_1_away AFTER DELETE ON spoolq_1_ready BEGIN SELECT 1; END',
  theirs: "CREATE TRIGGER theirs AFTER UPDATE ON spoolq_queues BEGIN UPDATE spoolq_queues SET name = 'x'; END",
  spoolq_1_ready: 'ALTER TABLE spoolq_1_ready RENAME TO a; CREATE VIEW spoolq_1_ready AS SELECT * FROM a',
  spoolq_2_ready: 'CREATE VIEW spoolq_2_ready AS SELECT 1',
  SPOOLQ_LOST: 'DROP TABLE spoolq_lost; CREATE VIEW SPOOLQ_LOST AS SELECT 1',
  spoolq_1_failed: 'DROP TABLE spoolq_1_failed; CREATE TABLE spoolq_1_failed (id, reason)',
  spoolq_1_acked: 'ALTER TABLE spoolq_1_acked ADD COLUMN more AS (id + 1)',
  spoolq_file: "UPDATE spoolq_file SET boot = ''; ALTER TABLE spoolq_file ADD COLUMN more",
  spoolq_time: 'DROP TABLE spoolq_time; CREATE TABLE spoolq_time (id, boot, origin, drift)',
  spoolq_owners:
    'DROP TABLE spoolq_owners; CREATE TABLE spoolq_owners (id INTEGER PRIMARY KEY, queue INTEGER NOT NULL)',
  spoolq_map_1:
    'DROP TABLE spoolq_map_1; CREATE TABLE spoolq_map_1 (place INTEGER PRIMARY KEY, key, version, sum, value)',
  spoolq_other: 'CREATE TABLE spoolq_other (a)',
  slow: 'CREATE UNIQUE INDEX slow ON spoolq_1_ready (attempt)',
  spoolq_1_due: 'DROP INDEX spoolq_1_due; CREATE INDEX spoolq_1_due ON spoolq_1_delayed (id)',
}

describe('the queue in SQLite', () => {
  let made: Buffer
  before(async () => {
    const file = newFile()
    await (await AsyncQueue.open(`sqlite:${file}`, { durability: 'os' })).close()
    await (await PersistentMap.open(`sqlite:${file}`, { durability: 'os' })).close()
    made = readFileSync(file)
  })

  for (const [name, sql] of Object.entries(FOREIGN)) {
    it(`refuses a ${name} that is not as it makes it, before it writes anything`, () => {
      const file = newFile()
      change(file, sql, made)
      const bytes = readFileSync(file)
      const engine = new Engine(file, () => loadDriver())
      const [outcome] = engine.run([call('page.driver', null)])
      engine.close()
      assert.ok(outcome && 'failure' in outcome)
      assert.equal(outcome.failure.kind, 'format')
      assert.ok(outcome.failure.message.includes(` ${name} is not as`), outcome.failure.message)
      assert.ok(readFileSync(file).equals(bytes))
      assert.deepEqual(beside(file), [])
    })
  }

  it('rejects with FormatError there, and so does a map', async () => {
    const file = newFile()
    change(file, FOREIGN.theirs ?? '', made)
    const bytes = readFileSync(file)
    await assert.rejects(AsyncQueue.open(`sqlite:${file}`), FormatError)
    await assert.rejects(PersistentMap.open(`sqlite:${file}`), FormatError)
    assert.ok(readFileSync(file).equals(bytes))
  })

  it('refuses a schema that cannot be read in the encoding that the file names', async () => {
    const file = newFile()
    const bytes = Buffer.from(made)
    bytes.writeUInt32BE(6, 56)
    change(file, '', bytes)
    await assert.rejects(AsyncQueue.open(`sqlite:${file}`), FormatError)
    assert.ok(readFileSync(file).equals(bytes))
  })

  it('minds no names of others, and none that were changed and changed back', async () => {
    const file = newFile()
    const theirs = 'CREATE TABLE theirs (a); CREATE VIEW seen AS SELECT a FROM theirs; CREATE INDEX by_a ON theirs (a);'
    const trigger = 'CREATE TRIGGER t AFTER INSERT ON theirs BEGIN DELETE FROM theirs; END; ANALYZE;'
    const back = 'ALTER TABLE spoolq_1_ready RENAME TO b; ALTER TABLE b RENAME TO spoolq_1_ready'
    change(file, theirs + trigger + back, made)
    for (const options of [{}, { order: 'priority' }] as const) {
      const location = `sqlite:${file}?queue=${options.order ?? 'queue'}`
      await using queue = await AsyncQueue.open<number>(location, { durability: 'os', ...options })
      await queue.put(1)
      assert.equal(await queue.pop(), 1)
    }
    await (await AsyncQueue.open(`sqlite:${file}?queue=priority`)).close()
  })

  it('is one under its name and a link to it: in this process and in another', async () => {
    const file = newFile()
    const [link, folder] = [newFile(), newFile()]
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os' })
    await queue.putMany(['a', 'b', 'c', 'd'])
    const held = await queue.lease()
    symlinkSync(basename(file), link)
    symlinkSync(dirname(file), folder)
    {
      await using linked = await AsyncQueue.open<string>(`sqlite:${link}`)
      assert.equal(await linked.pop(), 'b')
      await using linkedFolder = await AsyncQueue.open<string>(`sqlite:${join(folder, basename(file))}`)
      assert.equal(await linkedFolder.pop(), 'c')
    }
    const library = new URL('../../lib/index.js', import.meta.url).href
    const words = `const { AsyncQueue } = await import('${library}')
      const queue = await AsyncQueue.open('sqlite:${link}')
      console.log(await queue.pop(9))
      await queue.close()`
    const told = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', words], {
      encoding: 'utf8',
    })
    assert.equal(told, "[ 'd' ]\n")
    await held?.ack()
    assert.deepEqual(beside(link), [])
  })

  it('refuses a file that has two names, and takes it again once it has one', async () => {
    const [file, other] = [newFile(), newFile()]
    const queue = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os' })
    await queue.putMany(['a', 'b'])
    const held = await queue.lease()
    linkSync(file, other)
    const isRefused = (error: unknown) => error instanceof StorageError && /2 names/.test(error.message)
    await assert.rejects(AsyncQueue.open(`sqlite:${other}`), isRefused)
    await assert.rejects(PersistentMap.open(`sqlite:${other}`), isRefused)
    assert.deepEqual(beside(other), [])
    await held?.ack()
    await queue.close()
    rmSync(other)
    await using again = await AsyncQueue.open<string>(`sqlite:${file}`)
    assert.deepEqual(await again.pop(9), ['b'])
  })

  it('is not kept from its file by the name under which that was made', async () => {
    const file = newFile()
    await (await AsyncQueue.open(`sqlite:${file}`, { durability: 'os' })).close()
    linkSync(file, join(dirname(file), `.${basename(file)}.0f8fad5b.tmp`))
    await (await AsyncQueue.open(`sqlite:${file}`, { durability: 'os' })).close()
    assert.equal(statSync(file).nlink, 1)
  })

  it('makes the file that a link leads to for its user alone, also through a link of a link', async () => {
    const [file, link, second] = [newFile(), newFile(), newFile()]
    symlinkSync(basename(file), link)
    symlinkSync(link, second)
    const old = process.umask(0)
    try {
      await using queue = await AsyncQueue.open(`sqlite:${second}`, { durability: 'os' })
      await queue.put(1)
      const modes = ['', '-wal', '-shm'].map((end) => (statSync(file + end).mode & 0o777).toString(8))
      assert.deepEqual(modes, ['600', '600', '600'])
      assert.deepEqual([...beside(link), ...beside(second)], [])
    } finally {
      process.umask(old)
    }
  })

  it('refuses what is no file, and links in a circle, at once', async () => {
    const [pipe, folder, one, other] = [newFile(), newFile(), newFile(), newFile()]
    execFileSync('mkfifo', [pipe])
    mkdirSync(folder)
    symlinkSync(other, one)
    symlinkSync(one, other)
    for (const file of [pipe, folder, one, '/dev/null']) {
      await assert.rejects(AsyncQueue.open(`sqlite:${file}`), StorageError, file)
    }
  })

  for (const bytes of [40, 3000, 20_000]) {
    it(`leaves no byte of an item of ${bytes} that was popped or acknowledged in its file`, async () => {
      const file = newFile()
      await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { durability: 'os', flushLimit: Infinity })
      const text = (word: string) => word.repeat(Math.ceil(bytes / word.length))
      await queue.putMany(Array.from({ length: 40 }, () => text('POPPED')))
      await queue.putMany(Array.from({ length: 40 }, () => text('ACKED')))
      await queue.put(text('STAYS'))
      emptyWal(file)
      await queue.pop(40)
      for (const one of await queue.lease(40)) await one.ack()
      emptyWal(file)
      const left = readFileSync(file).toString('latin1')
      assert.ok((await queue.stats()).deadBytes > 0 || bytes === 40)
      assert.deepEqual(
        [/POPPED/, /ACKED/, /STAYS/].map((word) => word.test(left)),
        [false, false, true],
      )
    })
  }
})

/** Other bytes at the file, changed by another program. */
function change(file: string, sql: string, bytes: Buffer): void {
  writeFileSync(file, bytes)
  if (sql === '') return
  const driver = foreign(file)
  driver.exec(`PRAGMA synchronous = OFF; ${sql}; PRAGMA wal_checkpoint(TRUNCATE)`)
  driver.close()
}

/** Copies it back, as SQLite does by itself after a thousand pages. */
function emptyWal(file: string): void {
  const driver = foreign(file)
  driver.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  driver.close()
}

function beside(file: string): string[] {
  const name = basename(file)
  return readdirSync(dirname(file)).filter((each) => each.startsWith(`${name}-`))
}
