import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DriverName, loadDriver, MissingDriver, type OpenDriver, SqliteFailure } from '../../lib/sqlite/driver.ts'

const names: DriverName[] = ['node:sqlite', 'better-sqlite3']

/** Why it isn't here, or how it opens. */
function loaded(name: DriverName): OpenDriver | string {
  try {
    return loadDriver([name])
  } catch (error) {
    assert.ok(error instanceof MissingDriver)
    return `${name} can't be loaded on Node ${process.version}`
  }
}

for (const name of names) {
  const open = loaded(name)
  describe(`the driver ${name}`, { skip: typeof open === 'string' ? open : false }, () => {
    const database = () => (typeof open === 'string' ? assert.fail(open) : open(':memory:'))

    it('hands back what it was given: numbers up to 2^53, text, bytes, nothing', () => {
      const driver = database()
      driver.exec('CREATE TABLE t (a, b, c, d, e)')
      const bytes = Buffer.from([0, 255, 7])
      const insert = driver.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)')
      assert.equal(insert.run(2 ** 53 - 1, -0.5, 'née', bytes, null), 1)
      const [row] = driver.prepare('SELECT a, b, c, d, e FROM t').all()
      assert.deepEqual(row?.slice(0, 3), [2 ** 53 - 1, -0.5, 'née'])
      assert.ok(row?.[3] instanceof Uint8Array)
      assert.deepEqual([...row[3]], [0, 255, 7])
      assert.equal(row[4], null)
      driver.close()
    })

    it('finds no row, says how many rows changed, and names the code of what is refused', () => {
      const driver = database()
      driver.exec('CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)')
      assert.equal(driver.prepare('SELECT id FROM t WHERE id > ?').get(9), undefined)
      assert.equal(driver.prepare('DELETE FROM t WHERE id > ?').run(1), 2)
      const insert = driver.prepare('INSERT INTO t VALUES (?)')
      assert.throws(
        () => insert.run(1),
        (error) => error instanceof SqliteFailure && error.code === 'SQLITE_CONSTRAINT',
      )
      assert.equal(insert.run(4), 1)
      driver.close()
      assert.throws(() => driver.prepare('SELECT 1'))
    })

    it('names the code of a file that cannot be opened', () => {
      if (typeof open === 'string') return
      const isCantOpen = (error: unknown) => error instanceof SqliteFailure && error.code === 'SQLITE_CANTOPEN'
      assert.throws(() => open('/nowhere/at/all.db').exec('SELECT 1'), isCantOpen)
    })
  })
}

describe('the choice of a driver', () => {
  it('is one that there is', () => {
    assert.ok(names.includes(loadDriver()(':memory:').name))
  })

  it('says which package to install where there is none', () => {
    assert.throws(
      () => loadDriver([]),
      (error) => {
        return error instanceof MissingDriver && error.message.includes('npm i better-sqlite3')
      },
    )
  })
})
