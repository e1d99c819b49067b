// driver.ts: SQLite as two packages know it, behind one small interface: node:sqlite, which comes with Node from 22.13
// on, and better-sqlite3 for the Nodes before it. Both are synchronous; only the worker thread calls them.
//
//    rows      arrays of their columns, in the order of the SELECT
//    numbers   whole ones up to 2^53, and floating point ones
//    bytes     Uint8Array, in memory of their own
//    text      to its first NUL only, where node:sqlite reads it: what users name is read CAST AS BLOB (textOf)
//
// What SQLite refuses is thrown as a SqliteFailure, which names SQLite's own code ('SQLITE_BUSY', 'SQLITE_FULL' …).

import { createRequire } from 'node:module'

export type Value = null | number | string | Uint8Array
export type Row = readonly Value[]

/** A text that was read CAST AS BLOB. */
export function textOf(value: Value | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length).toString() : ''
}

export interface Statement {
  /** How many rows it changed. */
  run(...values: readonly Value[]): number
  get(...values: readonly Value[]): Row | undefined
  all(...values: readonly Value[]): Row[]
}

export interface Driver {
  readonly name: DriverName
  /** Any number of statements, whose rows nobody wants. */
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

export type DriverName = 'node:sqlite' | 'better-sqlite3'

/** What SQLite refused. */
export class SqliteFailure extends Error {
  /** The primary code: 'SQLITE_IOERR', whatever kind of I/O it was. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Neither of the two can be loaded. */
export class MissingDriver extends Error {}

/** Opens databases; an absolute path, or ':memory:'. */
export type OpenDriver = (file: string) => Driver

/** The first of those that can be loaded. */
export function loadDriver(names: readonly DriverName[] = ['node:sqlite', 'better-sqlite3']): OpenDriver {
  const causes: unknown[] = []
  for (const name of names) {
    try {
      return name === 'node:sqlite' ? loadBuiltIn() : loadBetter()
    } catch (cause) {
      causes.push(cause)
    }
  }
  const cause = causes.at(-1)
  const isForbidden = cause instanceof Error && 'code' in cause && cause.code === 'ERR_DLOPEN_DISABLED'
  const help = isForbidden ? 'addons are disabled: add --allow-addons' : 'npm i better-sqlite3'
  const message = `sqlite: queues need Node's own SQLite (from Node 22.13 on) or the package better-sqlite3, which can't be
loaded: ${help}`
  throw new MissingDriver(message.replace('\n', ' '), { cause })
}

interface BuiltInStatement {
  run(...values: readonly Value[]): { readonly changes: number | bigint }
  get(...values: readonly Value[]): object | undefined
  all(...values: readonly Value[]): object[]
  /** From 22.16 on. */
  setReturnArrays?(arrays: boolean): void
}

interface BuiltIn {
  readonly DatabaseSync: new (
    file: string,
  ) => {
    exec(sql: string): void
    prepare(sql: string): BuiltInStatement
    close(): void
  }
}

function loadBuiltIn(): OpenDriver {
  const { DatabaseSync } = quietly(() => process.getBuiltinModule('node:sqlite')) as BuiltIn
  return (file) => {
    const database = translated(() => new DatabaseSync(file))
    return {
      name: 'node:sqlite',
      exec: (sql) => translated(() => database.exec(sql)),
      prepare: (sql) => builtInStatement(translated(() => database.prepare(sql))),
      close: () => translated(() => database.close()),
    }
  }
}

/** Without the warning that it is experimental: who names a location need not know what it is opened with. */
function quietly<R>(load: () => R): R {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}

function builtInStatement(statement: BuiltInStatement): Statement {
  const isArray = statement.setReturnArrays !== undefined
  statement.setReturnArrays?.(true)
  const rowOf = (row: object): Row => (isArray ? row : Object.values(row)) as Row
  return {
    run: (...values) => translated(() => Number(statement.run(...values).changes)),
    get: (...values) => {
      const row = translated(() => statement.get(...values))
      return row === undefined ? undefined : rowOf(row)
    },
    all: (...values) => {
      const rows = translated(() => statement.all(...values))
      return isArray ? (rows as Row[]) : rows.map(rowOf)
    },
  }
}

interface BetterStatement {
  readonly reader: boolean
  run(...values: readonly Value[]): { readonly changes: number }
  get(...values: readonly Value[]): Row | undefined
  all(...values: readonly Value[]): Row[]
  raw(raw: boolean): void
}

type Better = new (
  file: string,
  options: { readonly timeout: number },
) => {
  exec(sql: string): void
  prepare(sql: string): BetterStatement
  close(): void
}

function loadBetter(): OpenDriver {
  const Database: Better = createRequire(import.meta.url)('better-sqlite3')
  // The package loads its binary only now, and that may have been built for another Node.
  new Database(':memory:', { timeout: 0 }).close()
  return (file) => {
    const database = translated(() => new Database(file, { timeout: 0 }))
    return {
      name: 'better-sqlite3',
      exec: (sql) => translated(() => database.exec(sql)),
      prepare: (sql) => betterStatement(translated(() => database.prepare(sql))),
      close: () => translated(() => database.close()),
    }
  }
}

function betterStatement(statement: BetterStatement): Statement {
  if (statement.reader) statement.raw(true)
  return {
    run: (...values) => translated(() => statement.run(...values).changes),
    get: (...values) => translated(() => statement.get(...values)),
    all: (...values) => translated(() => statement.all(...values)),
  }
}

const PRIMARY: Record<number, string> = {
  1: 'SQLITE_ERROR',
  3: 'SQLITE_PERM',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  18: 'SQLITE_TOOBIG',
  19: 'SQLITE_CONSTRAINT',
  26: 'SQLITE_NOTADB',
}

function translated<R>(call: () => R): R {
  try {
    return call()
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    const code = codeOf(cause)
    throw code === undefined ? cause : new SqliteFailure(code, cause.message, { cause })
  }
}

/** better-sqlite3 names the extended code, node:sqlite gives its number. */
function codeOf(error: Error): string | undefined {
  if ('errcode' in error && typeof error.errcode === 'number') return PRIMARY[error.errcode & 0xff] ?? 'SQLITE_ERROR'
  const code = 'code' in error ? String(error.code) : ''
  // Refused by better-sqlite3 itself, before SQLite sees it.
  if (error instanceof RangeError && error.message.includes('too big')) return 'SQLITE_TOOBIG'
  if (code.startsWith('SQLITE_')) return code.split('_').slice(0, 2).join('_')
  // better-sqlite3 looks for the folder itself.
  return error.message.includes('directory does not exist') ? 'SQLITE_CANTOPEN' : undefined
}
