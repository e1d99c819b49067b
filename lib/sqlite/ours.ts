// ours.ts: whether a database file is one of ours. It is looked at before anything is written to it.
//
//    application_id   0x73706c71, 'splq'      set in the transaction that makes the tables, before the file goes to WAL
//    user_version     1                       of the tables; a higher one is a newer spoolq's
//    spoolq_…         as schema.ts makes it   a table, an index or a key; no trigger, no view, nothing else on such a table
//
// The file may come from anywhere, and what its schema says is run by whoever uses it: a trigger on our table, a view of its
// name or a column that computes itself would do what its author wants with each put. So a schema under our names that is
// not exactly ours is refused. Names of others are theirs: nothing here uses them.

import { FormatError } from '../errors.ts'
import { type Driver, type Row, SqliteFailure } from './driver.ts'
import { TABLES } from './schema.ts'

export const APPLICATION_ID = 0x73706c71
export const VERSION = 1

const OURS = /^spoolq_/i
/** Of a queue, or of a map. */
const NUMBERED = /\bspoolq_(map_)?\d+(?=\b|_)/g

/** False where it is empty, so that it may become ours. Throws FormatError where it is neither; it stays as it is. */
export function isOurs(driver: Driver, file: string): boolean {
  const [id, version, encoding] = ['application_id', 'user_version', 'encoding'].map((name) => {
    return readable(file, () => driver.prepare(`PRAGMA ${name}`).get()?.[0])
  })
  if (encoding !== 'UTF-8') {
    throw new FormatError(
      `${file}: its texts are ${encoding}, and ours UTF-8: give queues and maps a file of their own`,
    )
  }
  if (id === APPLICATION_ID) {
    if (version !== VERSION) {
      throw new FormatError(`${file}: its tables have version ${version}, and this is for ${VERSION}: update spoolq`)
    }
    assertSchema(driver, file)
    return true
  }
  const [tables] = driver.prepare('SELECT count(*) FROM sqlite_schema').get() ?? []
  if (id === 0 && version === 0 && tables === 0) return false
  throw new FormatError(`${file}: a database of another program: give queues and maps a file of their own`)
}

/** A schema that SQLite can't read in the encoding that the file names is no schema of ours. */
function readable<R>(file: string, read: () => R): R {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof SqliteFailure) || !/malformed database schema/.test(cause.message)) throw cause
    throw new FormatError(`${file}: its schema cannot be read (${cause.message}): it is not as spoolq makes it`)
  }
}

function assertSchema(driver: Driver, file: string): void {
  const select = 'SELECT type, name, tbl_name, sql FROM sqlite_schema'
  for (const row of readable(file, () => driver.prepare(select).all())) {
    const [type, name, table] = row.map(String)
    if (!OURS.test(name ?? '') && !OURS.test(table ?? '')) continue
    if (!isExpected(row)) {
      throw new FormatError(
        `${file}: its ${type} ${name} is not as spoolq makes it: give queues and maps a file of their own`,
      )
    }
  }
}

function isExpected([type, name, , sql = null]: Row): boolean {
  // The index of a key: it is as the table says.
  if (type === 'index' && sql === null) return true
  return EXPECTED.get(`${type} ${numberless(String(name))}`) === plain(String(sql))
}

/** By what it is and its name. */
const EXPECTED = new Map(
  TABLES.split(';').flatMap((text) => {
    const sql = plain(text.replace(' IF NOT EXISTS', ''))
    const [, type = '', name = ''] = /^create (table|index) (\w+)/i.exec(sql) ?? []
    return name === '' ? [] : [[`${type.toLowerCase()} ${name}`, sql]]
  }),
)

/** Whatever its number, however it is broken into lines; a name that was changed and changed back has quotes. */
function plain(sql: string): string {
  const words = sql
    .replaceAll('"', '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([(),]) ?/g, '$1')
  return numberless(words.trim())
}

function numberless(words: string): string {
  return words.replaceAll(NUMBERED, (_, map = '') => `spoolq_${map}0`)
}
