// telling.ts: how the log's failures are told: what failed without saying what to do becomes a StorageError.

import { codeOf, isFull } from '../disk/disk.ts'
import { QueueError, StorageError } from '../errors.ts'
import type { StoreEvents } from '../store.ts'

export function telling<E>(error: E, folder: string): E | StorageError {
  if (error instanceof QueueError || codeOf(error) === '') return error
  return new StorageError(`${folder}: ${error instanceof Error ? error.message : error}`, { cause: error })
}

/** The same for the failures that no call waits for. */
export function tellingEvents(events: StoreEvents, folder: string): StoreEvents {
  return {
    recovered: (report) => events.recovered(report),
    corruption: (report) => events.corruption(report),
    flushed: (report) => events.flushed(report),
    failed: (error, work) => events.failed(telling(error, folder), work),
  }
}

/** A put that failed; what says what to do already stays as it is. */
export function putFailure(cause: unknown, folder: string): unknown {
  if (codeOf(cause).startsWith('ERR_QUEUE_')) return cause
  const what = isFull(cause)
    ? `the disk is full: nothing was put into ${folder}; take some items or free some space, and put again`
    : `putting into ${folder} failed (${codeOf(cause)}): ${cause instanceof Error ? cause.message : cause}`
  return new StorageError(what, { cause })
}
