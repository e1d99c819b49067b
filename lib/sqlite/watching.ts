// watching.ts: how a handle learns that somebody changed something: told at once by those who share its thread, and by
// the system when another process writes to the WAL. What is written there may not be committed yet; whoever looks
// then waits for the writer, because every look of a queue that may take is a transaction of its own. So many looks
// would slow the writers down: those of other processes wake nobody more often than once in a millisecond.

import fs from 'node:fs'
import path from 'node:path'
import type { Database } from './database.ts'

const PAUSE_MS = 1

/** Calls `changed`; returns how to stop. Misses are possible where the system tells nothing: poll too. */
export function watchDatabase(database: Database, file: string | undefined, changed: () => void): () => void {
  const unwatch = database.watch(changed)
  const stop = file === undefined ? nothing : watchWal(file, changed)
  return () => {
    unwatch()
    stop()
  }
}

function watchWal(file: string, changed: () => void): () => void {
  const wal = `${path.basename(file)}-wal`
  const paced = new Paced(changed)
  try {
    const watcher = fs.watch(path.dirname(file), { persistent: false }, (_, name) => {
      if (name === null || name === wal) paced.call()
    })
    watcher.on('error', () => watcher.close())
    return () => {
      watcher.close()
      paced.stop()
    }
  } catch {
    return nothing // The folder is gone, or inotify is used up: whoever waits polls as well.
  }
}

/** Calls at once, and after a pause once more where it was asked for meanwhile. */
class Paced {
  readonly #changed: () => void
  #timer: NodeJS.Timeout | undefined
  #isAsked = false

  constructor(changed: () => void) {
    this.#changed = changed
  }

  call(): void {
    this.#isAsked = true
    if (this.#timer === undefined) this.#next()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#isAsked = false
  }

  #next(): void {
    this.#timer = undefined
    if (!this.#isAsked) return
    this.#isAsked = false
    this.#timer = setTimeout(() => this.#next(), PAUSE_MS)
    this.#timer.unref()
    this.#changed()
  }
}

function nothing(): void {}
