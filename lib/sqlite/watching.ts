// watching.ts: how a handle learns that somebody changed something: told at once by those who share its thread, and by
// the system when another process writes to the WAL. What is written there may not be committed yet; whoever looks
// then waits for the writer, because every look of a queue that may take is a transaction of its own. So many looks
// would slow the writers down: those of other processes wake nobody more often than once in a millisecond.

import fs from 'node:fs'
import path from 'node:path'
import type { Watch } from '../wait/changes.ts'
import { clearTimeout, setTimeout, wall } from '../wait/timers.ts'
import type { Database } from './database.ts'

const PAUSE_MS = 1

/** After so many slow looks that nothing asked for there is one all the same, and where the system tells of each write. */
const LOOKS = 5
const SURE_LOOKS = 30
/** A write that comes right behind another may leave the file's time as it is. */
const FRESH_MS = 100

export interface Watching {
  /** Undefined: in memory. */
  readonly file: string | undefined
  readonly changed: () => void
  /** Whether a consumer may have died. */
  readonly isRestless: () => boolean
}

/** Misses are possible where the system tells nothing: poll too. */
export function watchDatabase(database: Database, { file, changed, isRestless }: Watching): Watch {
  const unwatch = database.watch(changed)
  const stop = file === undefined ? nothing : watchWal(file, changed)
  const stillness = new Stillness(file, stop === unsure ? LOOKS : SURE_LOOKS)
  const stopAll = () => {
    unwatch()
    stop()
  }
  return Object.assign(stopAll, { mayHaveChanged: () => isRestless() || stillness.isBroken(), isSure: stop !== unsure })
}

/** Whether anybody wrote to the WAL since it was asked last: who looks each time takes half a core for 50 idle queues. */
class Stillness {
  readonly #file: string | undefined
  readonly #most: number
  #seen: string | undefined
  #looks = 0

  constructor(file: string | undefined, most: number) {
    this.#file = file
    this.#most = most
  }

  isBroken(): boolean {
    this.#looks += 1
    if (this.#file === undefined) return false
    const found = stampOf(`${this.#file}-wal`)
    const isBroken = found === undefined || found !== this.#seen || this.#looks % this.#most === 0
    this.#seen = found
    return isBroken
  }
}

/** Undefined where it says nothing yet. */
function stampOf(wal: string): string | undefined {
  const found = fs.statSync(wal, { bigint: true, throwIfNoEntry: false })
  if (found === undefined) return 'none'
  return wall() - Number(found.mtimeMs) < FRESH_MS ? undefined : `${found.ino}:${found.size}:${found.mtimeNs}`
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
    return unsure // The folder is gone, or inotify is used up: whoever waits polls as well.
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

function unsure(): void {}
