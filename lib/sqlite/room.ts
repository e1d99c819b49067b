// room.ts: the room on the disk that puts leave for takes. A take needs some too, in the WAL, which begins anew only when
// what lies there has found room in the file. So nothing is put while the disk has less free than
//
//      what the file still has to grow by, for what is in the WAL
//      + what is written now: there, and, where no free pages are left for it, in the file
//      + a spare
//
// and a queue that has filled its disk can be emptied. A lease moves its items: to the WAL, from there to other pages of the
// file. So it takes no more at once than a part of what is there, the spare included. While there is less than the WAL may grow to, and the file by that,
// the WAL is kept short. What others write there nobody can promise.

import fs from 'node:fs'
import path from 'node:path'
import { elapsed } from '../wait/timers.ts'
import type { Connection } from './connection.ts'
import { SqliteFailure } from './driver.ts'
import { patiently } from './patience.ts'

const SPARE_BYTES = 2 ** 20
/** At most this part of a small disk is kept spare. */
const SPARE_PART = 1 / 8
/** What a transaction writes beside the bytes that it is about: some pages. */
const PAGES_BYTES = 2 ** 15
/** As much as a long WAL holds, in the WAL and in the file (connection.ts). */
const WIDE_BYTES = 2 ** 23
/** The part of what is free that one lease may move: it writes it twice, and items may take twice their bytes in pages. */
const TAKE_PART = 1 / 8
/** A look is good for half of what it found, and for so long. */
const LOOK_MS = 1000

export class Room {
  readonly #connection: Connection
  #left = 0
  #free = Infinity
  #spare = 0
  #lookedAt = -Infinity

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** False where so many bytes may not be put, also after the WAL was copied back. */
  makeFor(bytes: number): boolean {
    if (this.#connection.isMemory) return true
    const has = this.#has(bytes)
    this.#connection.keepWal(this.#free < WIDE_BYTES ? 'short' : 'long')
    if (has || bytes === 0) return true
    emptyWal(this.#connection)
    return this.#has(bytes)
  }

  /** Bytes that one lease may move, if it is to be sure of its room. */
  get takeBytes(): number {
    return Math.max(0, this.#free + this.#spare) * TAKE_PART
  }

  #has(bytes: number): boolean {
    const written = bytes + PAGES_BYTES
    this.#left -= 2 * written
    const now = elapsed()
    if (this.#left > 0 && now - this.#lookedAt < LOOK_MS) return true
    const { free, reusable, spare } = this.#found()
    const left = free - written - Math.max(0, written - reusable)
    this.#left = left / 2
    this.#free = free
    this.#spare = spare
    this.#lookedAt = now
    return left >= 0
  }

  /** Bytes that may be put, where the file system says it; those that the file has free within; those that are kept. */
  #found(): { readonly free: number; readonly reusable: number; readonly spare: number } {
    const { file } = this.#connection
    const { bsize, blocks, bfree, bavail } = fs.statfsSync(path.dirname(file))
    if (blocks === 0) return { free: Infinity, reusable: 0, spare: 0 }
    const bytesIn = (pages: 'page_count' | 'freelist_count') => patiently(file, () => this.#connection.bytesIn(pages))
    const reusable = bytesIn('freelist_count')
    const growth = Math.max(0, bytesIn('page_count') - fs.statSync(file).size)
    const spare = Math.min(SPARE_BYTES, blocks * bsize * SPARE_PART)
    const available = (process.getuid?.() === 0 ? bfree : bavail) * bsize
    return { free: available - growth - spare, reusable, spare }
  }
}

/** Does it once more where the disk is full, and the WAL could be copied back. */
export function withRoom<R>(connection: Connection, work: () => R): R {
  try {
    return work()
  } catch (error) {
    if (!saysFull(error) || !emptyWal(connection)) throw error
    return connection.sparingly(work)
  }
}

export function saysFull(error: unknown): boolean {
  return error instanceof SqliteFailure && error.code === 'SQLITE_FULL'
}

/** False where not all of it can be copied back now. */
function emptyWal(connection: Connection): boolean {
  try {
    return connection.checkpoint()
  } catch (error) {
    if (error instanceof SqliteFailure) return false
    throw error
  }
}
