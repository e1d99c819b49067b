// connection.ts: one connection to one database file, in the worker thread: how a file becomes ours, transactions, and
// what is waited for when another process writes.
//
//    application_id   0x73706c71, 'splq'      set in the transaction that makes the tables, before the file goes to WAL
//    user_version     1                       of the tables; a higher one is a newer spoolq's
//
// A file with neither and nothing in it becomes ours; anything else is a FormatError, and stays as it is. Pages that
// fall free can be given back one by one (auto_vacuum = INCREMENTAL, which must be said before the first table).
//
// A file that is deleted, or replaced by another, while it is open: SQLite would go on in what has no name any more, and
// all that is put there would go with it. So each turn looks first, and refuses.
//
// No descriptor of the database file itself is ever opened beside SQLite's: closing one would drop the locks that
// SQLite holds on the file in the same process.

import fs from 'node:fs'
import { bootId } from '../disk/boot.ts'
import { codeOf } from '../disk/disk.ts'
import { FormatError, StorageError } from '../errors.ts'
import { type Driver, type OpenDriver, SqliteFailure, type Statement } from './driver.ts'
import { makeFile } from './new-file.ts'
import { patiently } from './patience.ts'
import { FILE_TABLES } from './schema.ts'

const APPLICATION_ID = 0x73706c71
const VERSION = 1
/** Bytes to which the WAL shrinks once it has been copied back. */
const WAL_KEPT_BYTES = 4 * 2 ** 20
/** Pages after which it is copied back: SQLite's own number, and one for a disk that is almost full. */
const WAL_PAGES = { long: 1000, short: 16 } as const

export class Connection {
  readonly file: string
  /** What one lease may move (room.ts). */
  takeBytes = Infinity
  readonly #driver: Driver
  readonly #statements = new Map<string, Statement>()
  #identity = ''
  #synchronous: 'FULL' | 'NORMAL' | undefined
  #wal: keyof typeof WAL_PAGES = 'long'
  #pageBytes = 0

  /** Opens the file, or makes it. Throws FormatError, StorageError or a SqliteFailure. */
  static open(file: string, openDriver: OpenDriver): Connection {
    if (file !== MEMORY) makeFile(file)
    const driver = openDriver(file)
    try {
      const connection = new Connection(file, driver)
      connection.#begin()
      connection.#identity = identityOf(file)
      return connection
    } catch (error) {
      driver.close()
      throw error
    }
  }

  private constructor(file: string, driver: Driver) {
    this.file = file
    this.#driver = driver
  }

  /** Throws StorageError where the file is not the one that was opened. */
  refuseIfGone(): void {
    if (this.isMemory || identityOf(this.file) === this.#identity) return
    throw new StorageError(
      `${this.file}: deleted or replaced while it was open: what is put now would be lost with it: close it, open it again`,
    )
  }

  get driverName(): string {
    return this.#driver.name
  }

  get isMemory(): boolean {
    return this.file === MEMORY
  }

  /** Prepared once. */
  statement(sql: string): Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#driver.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  /** Statements that run once, or whose text changes. */
  exec(sql: string): void {
    this.#driver.exec(sql)
  }

  /** One number, as pragmas and counts answer. */
  number(sql: string): number {
    return Number(this.statement(sql).get()?.[0] ?? 0)
  }

  /** Of the whole file, with what is in the WAL; or those that are free in it. */
  bytesIn(pages: 'page_count' | 'freelist_count'): number {
    return this.number(`PRAGMA ${pages}`) * this.pageBytes
  }

  get pageBytes(): number {
    this.#pageBytes ||= this.number('PRAGMA page_size')
    return this.#pageBytes
  }

  /**
   * Runs `work` as one transaction; what it throws undoes all of it. `isSynced`: the commit is on the medium when this
   * returns. Another writer is waited for.
   */
  transaction<R>(kind: 'read' | 'write', isSynced: boolean, work: () => R): R {
    return patiently(this.file, () => {
      this.#synchronize(isSynced ? 'FULL' : 'NORMAL')
      this.statement(kind === 'read' ? 'BEGIN' : 'BEGIN IMMEDIATE').run()
      let result: R
      try {
        result = work()
      } catch (error) {
        this.#rollback()
        throw error
      }
      this.#commit()
      return result
    })
  }

  #commit(): void {
    try {
      this.statement('COMMIT').run()
    } catch (error) {
      this.#rollback()
      throw isIoError(error) ? new UnknownOutcome(error) : error
    }
  }

  /** What SQLite has rolled back by itself is not open any more. */
  #rollback(): void {
    try {
      this.statement('ROLLBACK').run()
    } catch {}
  }

  #synchronize(mode: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === mode || this.isMemory) return
    this.exec(`PRAGMA synchronous = ${mode}`)
    this.#synchronous = mode
  }

  /** How far the WAL may grow before it begins anew. */
  keepWal(length: keyof typeof WAL_PAGES): void {
    if (this.#wal === length) return
    this.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES[length]}`)
    this.#wal = length
  }

  /** What was committed so far is on the medium. */
  syncWal(): void {
    if (this.isMemory) return
    let fd: number
    try {
      fd = fs.openSync(`${this.file}-wal`, 'r+')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error
    }
    try {
      fs.fdatasyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Copies what is in the WAL to its places in the file and syncs that; true where all of it is there now. */
  checkpoint(): boolean {
    if (this.isMemory) return true
    return this.statement('PRAGMA wal_checkpoint(TRUNCATE)').get()?.[0] === 0
  }

  close(): void {
    this.#driver.close()
  }

  #begin(): void {
    patiently(this.file, () => {
      this.exec('PRAGMA busy_timeout = 0')
      this.#claim()
      if (this.isMemory) return
      const [mode] = this.#driver.prepare('PRAGMA journal_mode = WAL').get() ?? []
      if (mode !== 'wal') throw new StorageError(`${this.file}: no shared memory for a WAL here: use a local disk`)
      this.exec(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`)
    })
  }

  /** Makes an empty file ours, if no other process is doing so; refuses what is not. */
  #claim(): void {
    if (this.#isOurs()) return
    // Before the check, because it has to be said outside a transaction; a file that has pages by then is left alone.
    this.exec('PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE')
    try {
      if (!this.#isOurs()) this.#make()
      this.exec('COMMIT')
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  #make(): void {
    this.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}; ${FILE_TABLES}`)
    this.#driver.prepare('INSERT INTO spoolq_file (id, boot) VALUES (1, ?)').run(bootId())
  }

  #isOurs(): boolean {
    const [encoding] = this.#driver.prepare('PRAGMA encoding').get() ?? []
    if (encoding !== 'UTF-8') {
      throw new FormatError(
        `${this.file}: its texts are ${encoding}, and ours UTF-8: give queues and maps a file of their own`,
      )
    }
    const [id] = this.#driver.prepare('PRAGMA application_id').get() ?? []
    const [version] = this.#driver.prepare('PRAGMA user_version').get() ?? []
    if (id === APPLICATION_ID) {
      if (version === VERSION) return true
      throw new FormatError(
        `${this.file}: its tables have version ${version}, and this is for ${VERSION}: update spoolq`,
      )
    }
    const [tables] = this.#driver.prepare('SELECT count(*) FROM sqlite_schema').get() ?? []
    if (id === 0 && version === 0 && tables === 0) return false
    throw new FormatError(`${this.file}: a database of another program: give queues and maps a file of their own`)
  }
}

export const MEMORY = ':memory:'

/** Which file has the name; '' where none has. */
function identityOf(file: string): string {
  if (file === MEMORY) return ''
  const found = fs.statSync(file, { throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev}:${found.ino}`
}

/** A commit whose sync failed: it may be there after a crash, or not. */
export class UnknownOutcome extends SqliteFailure {
  constructor(cause: SqliteFailure) {
    super(cause.code, cause.message, { cause })
  }
}

function isIoError(error: unknown): error is SqliteFailure {
  return error instanceof SqliteFailure && error.code === 'SQLITE_IOERR'
}
