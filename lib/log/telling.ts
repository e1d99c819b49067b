// telling.ts: how the log's failures are told: what failed without saying what to do becomes a StorageError.

import { codeOf, isFull } from '../disk/disk.ts'
import { NO_INODE } from '../disk/inodes.ts'
import { QueueError, StorageError } from '../errors.ts'
import type { StoreEvents } from '../store.ts'

export function telling<E>(error: E, folder: string): E | StorageError {
  if (error instanceof QueueError || codeOf(error) === '') return error
  if (codeOf(error) === DENIED) return denied(error, folder)
  return new StorageError(`${folder}: ${error instanceof Error ? error.message : error}`, { cause: error })
}

/** Of an opening: what was wrong with a call or an option stays as it is. */
export function openingFailure(error: unknown, folder: string): unknown {
  const code = codeOf(error)
  if (error instanceof QueueError || code === '') return error
  if (code === DENIED) return denied(error, folder)
  if (code.startsWith('ERR_') && !code.startsWith('ERR_FS_')) return error
  const message = error instanceof Error ? error.message : code
  return new StorageError(`${folder} could not be opened: ${message}`, { cause: error })
}

const DENIED = 'ERR_ACCESS_DENIED'

/** By Node's permission model, which allows folders; some versions of it let nobody sync a file, whatever is allowed. */
function denied(cause: unknown, folder: string): StorageError {
  const what = cause instanceof Error ? cause.message : String(cause)
  const help = /API is disabled/.test(what)
    ? 'a log has to sync its files: run node without the permission model, or take a sqlite: or mysql: queue'
    : `start node with --allow-fs-read=${folder} and --allow-fs-write=${folder} (and --allow-addons, for fs-ext)`
  return new StorageError(`Node's permission model keeps the queue from its files in ${folder} (${what}): ${help}`, {
    cause,
  })
}

/** The same for the failures that no call waits for. */
export function tellingEvents(events: StoreEvents, folder: string): StoreEvents {
  return {
    recovered: (report) => events.recovered(report),
    corruption: (report) => events.corruption(report),
    flushed: (report) => events.flushed(report),
    waiting: (report) => events.waiting?.(report),
    failed: (error, work) => events.failed(telling(error, folder), work),
  }
}

/** A put that failed; what says what to do already stays as it is. */
export function putFailure(cause: unknown, folder: string): unknown {
  if (codeOf(cause).startsWith('ERR_QUEUE_')) return cause
  if (codeOf(cause) === DENIED) return denied(cause, folder)
  const what = isFull(cause)
    ? `the disk is full${reasonOf(cause)}: nothing was put into ${folder}; take some items or free some space, and put again`
    : `putting into ${folder} failed (${codeOf(cause)}): ${cause instanceof Error ? cause.message : cause}`
  return new StorageError(what, { cause })
}

/** Full of files, not of bytes. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error && cause.message.includes(NO_INODE) ? `, ${NO_INODE}` : ''
}
