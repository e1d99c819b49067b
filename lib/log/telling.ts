// telling.ts: how the log's failures are told: what failed without saying what to do becomes a StorageError.

import { codeOf } from '../disk/disk.ts'
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
