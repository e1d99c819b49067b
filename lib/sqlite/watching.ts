// watching.ts: how a handle learns that somebody changed something: told at once by those who share its thread, and by
// the system when another process writes to the WAL. What is written there may not be committed yet; whoever looks
// then waits for the writer, because every look of a queue that may take is a transaction of its own.

import fs from 'node:fs'
import path from 'node:path'
import type { Database } from './database.ts'

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
  try {
    const watcher = fs.watch(path.dirname(file), { persistent: false }, (_, name) => {
      if (name === null || name === wal) changed()
    })
    watcher.on('error', () => watcher.close())
    return () => watcher.close()
  } catch {
    return nothing // The folder is gone, or inotify is used up: whoever waits polls as well.
  }
}

function nothing(): void {}
