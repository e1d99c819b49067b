// connection.ts: one connection to one database file, in the worker thread: how a file becomes ours, transactions, and
// what is waited for when another process writes.
//
// A file with nothing in it becomes ours; anything else that is not ours is a FormatError, and stays as it is (ours.ts).
// Pages that fall free can be given back one by one (auto_vacuum = INCREMENTAL, which must be said before the first table).
//
// What is deleted is overwritten with zeros (secure_delete), also in pages that fall free: a popped item is not in the file
// any more once the WAL has been copied back. Where the
// disk is almost full, taking goes first: there pages that fall free stay as they are.
//
// A file that is deleted, or replaced by another, while it is open: SQLite would go on in what has no name any more, and
// all that is put there would go with it. So each turn looks first, and refuses.
//
// No descriptor of the database file itself is ever opened beside SQLite's: closing one would drop the locks that
// SQLite holds on the file in the same process.

import fs from 'node:fs'
import { bootId } from '../disk/boot.ts'
import { codeOf } from '../disk/disk.ts'
import { openPlain } from '../disk/ours.ts'
import { StorageError } from '../errors.ts'
import { assertBeside } from './beside.ts'
import { type Driver, type OpenDriver, SqliteFailure, type Statement } from './driver.ts'
import { makeFile } from './new-file.ts'
import { APPLICATION_ID, isOurs, VERSION } from './ours.ts'
import { patiently } from './patience.ts'
import { identityOf } from './real-file.ts'
import { FILE_TABLES } from './schema.ts'

/** Bytes to which the WAL shrinks once it has been copied back. */
const WAL_KEPT_BYTES = 4 * 2 ** 20
/**
 * A file may come from anywhere: what its schema says may call nothing but what is safe, and its pages are looked at before
 * they are believed.
 */
const SETTINGS = 'PRAGMA busy_timeout = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON'
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
    if (file !== MEMORY) {
      makeFile(file)
      assertBeside(file)
    }
    const driver = openDriver(file)
    try {
      const connection = new Connection(file, driver)
      connection.#begin()
      if (file !== MEMORY) assertBeside(file)
      connection.#identity = file === MEMORY ? '' : identityOf(file)
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
    this.#overwrite(length === 'long')
  }

  /** Does what needs room on a disk that has none: what is deleted meanwhile stays in the pages that fall free. */
  sparingly<R>(work: () => R): R {
    this.#overwrite(false)
    try {
      return work()
    } finally {
      this.#overwrite(this.#wal === 'long')
    }
  }

  /** To overwrite pages that fall free is to write them: FAST does so with others alone. */
  #overwrite(isWhole: boolean): void {
    if (!this.isMemory) this.exec(`PRAGMA secure_delete = ${isWhole ? 'ON' : 'FAST'}`)
  }

  /** What was committed so far is on the medium. */
  syncWal(): void {
    if (this.isMemory) return
    let fd: number
    try {
      fd = openPlain(`${this.file}-wal`, fs.constants.O_RDWR)
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
      this.exec(SETTINGS)
      this.#claim()
      if (this.isMemory) return
      const [mode] = this.#driver.prepare('PRAGMA journal_mode = WAL').get() ?? []
      if (mode !== 'wal') throw new StorageError(`${this.file}: no shared memory for a WAL here: use a local disk`)
      this.exec(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`)
      this.#overwrite(true)
    })
  }

  /** Makes an empty file ours, if no other process is doing so; refuses what is not. */
  #claim(): void {
    if (isOurs(this.#driver, this.file)) return
    // Before the check, because it has to be said outside a transaction; a file that has pages by then is left alone.
    this.exec('PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE')
    try {
      if (!isOurs(this.#driver, this.file)) this.#make()
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
}

export const MEMORY = ':memory:'

/** A commit whose sync failed: it may be there after a crash, or not. */
export class UnknownOutcome extends SqliteFailure {
  constructor(cause: SqliteFailure) {
    super(cause.code, cause.message, { cause })
  }
}

function isIoError(error: unknown): error is SqliteFailure {
  return error instanceof SqliteFailure && error.code === 'SQLITE_IOERR'
}
