// sqlite.ts: a table as a queue, by better-sqlite3: WAL, NORMAL beside 'os' and FULL beside 'disk', prepared statements,
// a batch a transaction, and ranges of ids deleted as ranges. JSON is stored as text, which SQLite's callers find fastest.

import { join } from 'node:path'
import { type Contender, type Place, type SyncCalls, syncTasks } from '../contender.ts'
import type { Item } from '../items.ts'
import { load } from './find.ts'

interface Row {
  readonly id: number
  readonly v: string | Uint8Array
}

interface Statement {
  run(...values: readonly unknown[]): unknown
  get(...values: readonly unknown[]): Row | undefined
  all(...values: readonly unknown[]): Row[]
}

export interface Database {
  pragma(text: string): unknown
  exec(text: string): unknown
  prepare(text: string): Statement
  transaction<A extends readonly unknown[], R>(work: (...values: A) => R): { immediate(...values: A): R }
  close(): void
}

export function openDatabase({ folder, durability, warming }: Place): Database {
  const Sqlite: new (path: string) => Database = load('better-sqlite3')
  const database = new Sqlite(join(folder, 'queue.db'))
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${durability === 'disk' && !warming ? 'FULL' : 'NORMAL'}`)
  return database
}

const toColumn = (item: Item) => (item instanceof Uint8Array ? item : JSON.stringify(item))
const fromColumn = ({ v }: Row): Item => (typeof v === 'string' ? JSON.parse(v) : v)

function callsOf(database: Database): SyncCalls {
  database.exec('CREATE TABLE queue (id INTEGER PRIMARY KEY, v)')
  const insert = database.prepare('INSERT INTO queue (v) VALUES (?)')
  const first = database.prepare(
    'DELETE FROM queue WHERE id = (SELECT id FROM queue ORDER BY id LIMIT 1) RETURNING id, v',
  )
  const front = database.prepare('SELECT id, v FROM queue ORDER BY id LIMIT ?')
  const remove = database.prepare('DELETE FROM queue WHERE id <= ?')
  const putMany = database.transaction((items: readonly Item[]) => {
    for (const item of items) insert.run(toColumn(item))
  })
  const popMany = database.transaction((count: number) => {
    const rows = front.all(count)
    const last = rows.at(-1)
    if (last !== undefined) remove.run(last.id)
    return rows
  })
  return {
    put: (item) => void insert.run(toColumn(item)),
    putMany: (items) => putMany.immediate(items),
    pop: () => {
      const row = first.get()
      return row && fromColumn(row)
    },
    popMany: (count) => popMany.immediate(count).map(fromColumn),
  }
}

export const sqlite: Contender = {
  name: 'SQLite',
  kind: 'peer',
  open(place) {
    const database = openDatabase(place)
    return { tasks: syncTasks(callsOf(database)), close: () => database.close() }
  },
}
