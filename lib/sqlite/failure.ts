// failure.ts: what a call in the worker thread was refused with, as a message, and as the error that its caller gets.
//
//    SQLite's code                             error
//    NOTADB                                    FormatError
//    CORRUPT                                   CorruptionError
//    BUSY, FULL, IOERR, READONLY, CANTOPEN …   StorageError
//    none (a decision of ours)                 the class that was thrown

import { constants } from 'node:buffer'
import * as errors from '../errors.ts'
import { MissingDriver, SqliteFailure } from './driver.ts'

/** An error on its way to another thread. */
export interface Failure {
  readonly kind: Kind
  readonly message: string
  /** SQLite's. */
  readonly code?: string | undefined
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

type Kind = keyof typeof classes | 'bug'

const hints: Record<string, string> = {
  SQLITE_BUSY: 'another program holds it locked: end its transaction, then try again',
  SQLITE_CANTOPEN: 'it cannot be opened: look at its folder and permissions',
  SQLITE_CORRUPT: "it is damaged: save what can be read with SQLite's own .recover, and go on in a new file",
  SQLITE_FULL: 'the disk is full: make room, then try again',
  SQLITE_IOERR: 'the disk failed: whether the last change is on it is not known',
  SQLITE_NOTADB: 'it is no SQLite database: use another file',
  SQLITE_READONLY: 'it cannot be written: look at its permissions',
  SQLITE_TOOBIG: `an item may have ${Math.min(constants.MAX_LENGTH, 1_000_000_000)} bytes`,
}

/** Any error as a message; those of SQLite say which file they mean. */
export function failureOf(error: unknown, file: string): Failure {
  if (error instanceof SqliteFailure) {
    const { code, message } = error
    const hint = hints[code]
    return { kind: kindOf(code), message: `${file}: ${message}${hint === undefined ? '' : `: ${hint}`}`, code }
  }
  if (error instanceof MissingDriver) return { kind: 'unsupported', message: error.message }
  const kind = kinds.find((each) => error instanceof classes[each])
  const message = error instanceof Error ? error.message : String(error)
  if (kind !== undefined) return { kind, message }
  if (error instanceof Error && 'code' in error && 'syscall' in error) {
    return { kind: 'storage', message: `${file}: ${message}`, code: String(error.code) }
  }
  return { kind: 'bug', message: error instanceof Error ? (error.stack ?? message) : message }
}

const kinds = Object.keys(classes).filter((name): name is keyof typeof classes => name in classes)

function kindOf(code: string): Kind {
  if (code === 'SQLITE_NOTADB') return 'format'
  if (code === 'SQLITE_CORRUPT') return 'corrupt'
  return code === 'SQLITE_ERROR' || code === 'SQLITE_CONSTRAINT' ? 'bug' : 'storage'
}

/** The error that a caller gets. */
export function errorOf({ kind, message, code }: Failure): Error {
  const cause = code === undefined ? undefined : Object.assign(new Error(message), { code })
  return kind === 'bug' ? new Error(message, { cause }) : new classes[kind](message, { cause })
}
