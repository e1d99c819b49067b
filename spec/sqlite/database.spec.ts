import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { FormatError, QueueClosedError, StorageError, UnsupportedError } from '../../lib/errors.ts'
import { openDatabase } from '../../lib/sqlite/database.ts'
import { loadDriver } from '../../lib/sqlite/driver.ts'

const scratch = mkdtempSync(join(tmpdir(), 'spoolq-sqlite-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

/** What another program does. */
function foreign(file: string, sql: string): void {
  const driver = loadDriver()(file)
  driver.exec(sql)
  driver.close()
}

describe('the database', () => {
  it('is made with its folders, for its user alone', async () => {
    const file = join(scratch, 'new', 'folder', 'state.db')
    const database = await openDatabase(file)
    await database.call('page.free', null)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(`${file}-wal`).mode & 0o777, 0o600)
    assert.equal(statSync(join(scratch, 'new')).mode & 0o777, 0o700)
    await database.close()
    assert.ok(!existsSync(`${file}-wal`))
  })

  it('is shared by all who open it, and closed by the last', async () => {
    const file = join(scratch, 'shared.db')
    const [one, other] = await Promise.all([openDatabase(file), openDatabase(file)])
    await one.close()
    await one.close()
    assert.equal((await other.call('page.free', null)).value, 0)
    await assert.rejects(one.call('page.free', null), QueueClosedError)
    await other.close()
  })

  it('does what was asked for before it was closed', async () => {
    const database = await openDatabase(join(scratch, 'closing.db'))
    const asked = database.call('page.free', null)
    await database.close()
    assert.equal((await asked).value, 0)
  })

  it('refuses a database of another program, and leaves it as it is', async () => {
    const file = join(scratch, 'foreign.db')
    foreign(file, 'CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)')
    const before = readFileSync(file)
    await assert.rejects(openDatabase(file), FormatError)
    assert.deepEqual(readFileSync(file), before)
  })

  it('refuses a newer version, and leaves it as it is', async () => {
    const file = join(scratch, 'newer.db')
    await (await openDatabase(file)).close()
    foreign(file, 'PRAGMA user_version = 2')
    const before = readFileSync(file)
    await assert.rejects(openDatabase(file), (error) => error instanceof FormatError && /version 2/.test(error.message))
    assert.deepEqual(readFileSync(file), before)
  })

  it('refuses a file that is no database', async () => {
    const file = join(scratch, 'text.db')
    writeFileSync(file, 'no database, but long enough to be looked at as if it were one. '.repeat(100))
    await assert.rejects(openDatabase(file), FormatError)
  })

  it('takes an empty file for a new one', async () => {
    const file = join(scratch, 'empty.db')
    writeFileSync(file, '')
    await (await openDatabase(file)).close()
    assert.ok(statSync(file).size > 0)
  })

  it('says what is in the way of a file that cannot be made', async () => {
    const file = join(scratch, 'text.db', 'below', 'a.db')
    await assert.rejects(openDatabase(file), StorageError)
    await assert.rejects(openDatabase(scratch), StorageError)
  })

  it('names the package where there is no SQLite', async () => {
    const opening = openDatabase(join(scratch, 'none.db'), { drivers: [] })
    await assert.rejects(
      opening,
      (error) => error instanceof UnsupportedError && /npm i better-sqlite3/.test(error.message),
    )
  })
})
