// patience.ts: what is waited for where another process has the file locked. Only in the worker thread: it sleeps.

import { StorageError } from '../errors.ts'
import { elapsed } from '../wait/timers.ts'
import { SqliteFailure } from './driver.ts'

/** How long another process may hold the file before a call rejects. */
const BUSY_MS = 10_000
const PAUSE_MIN_MS = 0.05
const PAUSE_MAX_MS = 8
const BUSY = ['SQLITE_BUSY', 'SQLITE_LOCKED', 'SQLITE_PROTOCOL']
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Again and again while another process is in the way: each time after a longer pause, of a random length. */
export function patiently<R>(file: string, attempt: () => R, busyMs = BUSY_MS): R {
  const end = elapsed() + busyMs
  for (let limit = PAUSE_MIN_MS; ; limit = Math.min(PAUSE_MAX_MS, limit * 1.5)) {
    try {
      return attempt()
    } catch (error) {
      const isBusy = error instanceof SqliteFailure && BUSY.includes(error.code)
      if (!isBusy) throw error
      if (elapsed() > end) {
        throw new StorageError(`${file}: another program has held it locked for ${busyMs / 1000} s: try again later`, {
          cause: error,
        })
      }
      Atomics.wait(sleeper, 0, 0, limit * (0.5 + Math.random()))
    }
  }
}
