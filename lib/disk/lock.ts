// lock.ts: locks between open files, whichever process or thread opened them.
//
// With fs-ext, flock(2): of the open file, so that two descriptors of one process exclude each other as well; free again
// when the descriptor is closed, however its owner ended. A try never waits: fs-ext's asynchronous flock aborts the
// process in a worker thread, and a waiting one fills the thread pool. (fcntl's locks vanish as soon as any descriptor
// of the file is closed.) Without fs-ext, a table in memory, for the one thread that claim() lets open the queue.

import fs from 'node:fs'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { type Flock, LOCK_EX, LOCK_NB, LOCK_UN, loadFlock } from './addon.ts'
import { claimAlone, claimShared } from './claim.ts'
import { codeOf } from './disk.ts'

export interface Lock {
  tryLock(): boolean
  unlock(): void
}

/** See Disk.claim. */
export async function claim(folder: string, shown = folder): Promise<() => void> {
  const loaded = loadFlock()
  if (loaded.flock !== undefined) return claimShared(folder, loaded.flock, shown)
  warnOnce(loaded.reason)
  return claimAlone(folder, shown)
}

/** The lock of an open file. It has to be unlocked before the file is closed. */
export function lockOf(fd: number): Lock {
  const { flock } = loadFlock()
  return flock === undefined ? new TableLock(fd) : new FileLock(fd, flock)
}

const TRY_LOCK = LOCK_EX | LOCK_NB

class FileLock implements Lock {
  readonly #fd: number
  readonly #flock: Flock

  constructor(fd: number, flock: Flock) {
    this.#fd = fd
    this.#flock = flock
  }

  tryLock(): boolean {
    const frames = Error.stackTraceLimit
    limitStack(0)
    try {
      this.#flock(this.#fd, TRY_LOCK)
      return true
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return false
      throw error
    } finally {
      limitStack(frames)
    }
  }

  unlock(): void {
    this.#flock(this.#fd, LOCK_UN)
  }
}

/** A lock that is taken is told by an error, and the stack that each has is two thirds of what it costs (11 of 16 µs). */
function limitStack(frames: number): void {
  try {
    Error.stackTraceLimit = frames
  } catch {
    // Where Error is frozen, they have their stacks.
  }
}

const holders = new Map<string, TableLock>()

class TableLock implements Lock {
  readonly #file: string

  constructor(fd: number) {
    const { dev, ino } = fs.fstatSync(fd, { bigint: true })
    this.#file = `${dev}:${ino}`
  }

  tryLock(): boolean {
    const holder = holders.get(this.#file)
    if (holder === undefined) holders.set(this.#file, this)
    return holder === undefined || holder === this
  }

  unlock(): void {
    if (holders.get(this.#file) === this) holders.delete(this.#file)
  }
}

const WARNED = 'spoolq: warned that fs-ext is missing'

/** Once a process: worker threads get their starter's environment data. */
function warnOnce(reason: unknown): void {
  if (getEnvironmentData(WARNED) === true) return
  setEnvironmentData(WARNED, true)
  const why = reason instanceof Error ? reason.message.split('\n')[0] : String(reason)
  const warning =
    `fs-ext could not be loaded (${why}). Without it only one process, and one thread of it, may open a queue at a ` +
    `time. To share queues again: 'npm install fs-ext', or 'npm rebuild fs-ext' where it is installed, after ` +
    `'npm approve-scripts fs-ext' where npm runs no install scripts (it is built with python3, make and g++)`
  process.emitWarning(warning, { type: 'SpoolqWarning', code: 'SPOOLQ_NO_FS_EXT' })
}
