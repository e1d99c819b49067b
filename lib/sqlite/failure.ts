// failure.ts: what a call in the worker thread was refused with, as a message, and as the error that its caller gets.
//
//    SQLite's code                             error
//    NOTADB                                    FormatError
//    CORRUPT                                   CorruptionError
//    BUSY, FULL, IOERR, READONLY, TOOBIG,
//    ERROR, CONSTRAINT …                       StorageError
//    none (a decision of ours)                 the class that was thrown
//    none (anything else)                      StorageError, its cause with the stack that it had in the thread

import { dirname } from 'node:path'
import { hasNoInode, NO_INODE } from '../disk/inodes.ts'
import * as errors from '../errors.ts'
import { MissingDriver, SqliteFailure } from './driver.ts'

/** An error on its way to another thread. */
export interface Failure {
  readonly kind: Kind
  readonly message: string
  /** SQLite's, or the system's. */
  readonly code?: string | undefined
  /** Where it was thrown, for what nobody expected. */
  readonly stack?: string | undefined
}

const classes = {
  codec: errors.CodecError,
  mismatch: errors.CodecMismatchError,
  corrupt: errors.CorruptionError,
  format: errors.FormatError,
  settled: errors.SettledError,
  storage: errors.StorageError,
  unsupported: errors.UnsupportedError,
} as const

type Kind = keyof typeof classes

const hints: Record<string, string> = {
  SQLITE_BUSY: 'another program holds it locked: end its transaction, then try again',
  SQLITE_CANTOPEN: 'it cannot be opened: look at its folder and permissions',
  SQLITE_CONSTRAINT: 'its rows contradict each other: has another program changed them?',
  SQLITE_CORRUPT: "it is damaged: save what can be read with SQLite's own .recover, and go on in a new file",
  SQLITE_ERROR: 'its tables are not as they were made: has another program changed them?',
  SQLITE_FULL: 'the disk is full: make room, then try again',
  SQLITE_NOMEM: 'there is not memory enough for it',
  SQLITE_IOERR: 'the disk failed: whether the last change is on it is not known',
  SQLITE_NOTADB: 'it is no SQLite database: use another file',
  SQLITE_READONLY: 'it cannot be written: look at its permissions',
  SQLITE_TOOBIG: "an item may have just under 512 MiB with better-sqlite3, 1,000,000,000 bytes with Node's own SQLite",
}

/** Any error as a message; those of SQLite say which file they mean. */
export function failureOf(error: unknown, file: string): Failure {
  if (error instanceof SqliteFailure) {
    const { code, message } = error
    const isLacking = code === 'SQLITE_CANTOPEN' && hasNoInode(dirname(file))
    const hint = isLacking ? `nothing can be made beside it, ${NO_INODE}` : hints[code]
    return { kind: kindOf(code), message: `${file}: ${message}${hint === undefined ? '' : `: ${hint}`}`, code }
  }
  if (error instanceof MissingDriver) return { kind: 'unsupported', message: error.message }
  const kind = kinds.find((each) => error instanceof classes[each])
  const message = error instanceof Error ? error.message : String(error)
  if (kind !== undefined) return { kind, message }
  if (error instanceof Error && 'code' in error && 'syscall' in error) {
    return { kind: 'storage', message: `${file}: ${message}`, code: String(error.code) }
  }
  return { kind: 'storage', message: `${file}: ${message}`, stack: error instanceof Error ? error.stack : undefined }
}

const kinds = Object.keys(classes).filter((name): name is keyof typeof classes => name in classes)

function kindOf(code: string): Kind {
  if (code === 'SQLITE_NOTADB') return 'format'
  return code === 'SQLITE_CORRUPT' ? 'corrupt' : 'storage'
}

/** The error that a caller gets. */
export function errorOf({ kind, message, code, stack }: Failure): Error {
  if (code === undefined && stack === undefined) return new classes[kind](message)
  const cause = Object.assign(new Error(message), code === undefined ? { stack } : { code })
  return new classes[kind](message, { cause })
}
