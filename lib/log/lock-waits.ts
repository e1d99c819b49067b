// lock-waits.ts: the calls of one handle that wait for a lock, in their order. They stand in the line (lock-line.ts) as one.
//
//     add ──▶ tries at once ──▶ a try in each turn of the event loop ──▶ in the line ──its turn──▶ all of them, one by one
//
// Where there is no line, they try after pauses.

import { pause } from '../wait/pause.ts'
import { turn } from '../wait/turn.ts'
import type { Look } from './lock-line.ts'
import { type LockShare, sliceMs } from './lock-share.ts'

/** Tries at once, then tries once a turn, before it goes to the line. */
export interface Patience {
  readonly spins: number
  readonly turns: number
}

/** True once it has had the lock, or wants it no more. */
export type Attempt = () => boolean

const LONGEST_PAUSE_MS = 2
const LONGEST_SLEEP_MS = 50
/** So much later each position may try than the one before: that one may be dead. */
const POSITION_MS = 2
/** Who comes next looks in each turn of the event loop for so long, then each millisecond. */
const SPIN_MS = 2
const LONG_MS = 1000

export class LockWaits {
  readonly #share: LockShare
  readonly #random: () => number
  readonly #now: () => number
  /** Hears how long they have waited, in milliseconds: after a second, and each time that it has doubled. */
  onLong: (waitedMs: number) => void = () => undefined
  readonly #attempts: Attempt[] = []
  #isRunning = false
  #spunSince = 0

  constructor(share: LockShare, random: () => number, now: () => number) {
    this.#share = share
    this.#random = random
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#attempts.length === 0
  }

  add(attempt: Attempt, patience: Patience): void {
    this.#attempts.push(attempt)
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run(patience)
  }

  /** Wants the lock no more. */
  drop(attempt: Attempt): void {
    const at = this.#attempts.indexOf(attempt)
    if (at >= 0) this.#attempts.splice(at, 1)
  }

  async #run({ spins, turns }: Patience): Promise<void> {
    for (let spin = 0; spin < spins && !this.#share.isOver; spin++) if (this.#tryAll()) return
    for (let count = 0; count < turns && !this.#share.isOver; count++) {
      await turn()
      if (this.#tryAll()) return
    }
    this.#spunSince = 0
    const since = this.#now()
    let tellAt = LONG_MS
    for (;;) {
      const look = this.#share.wait()
      const now = this.#now()
      const dueMs = look ? look.freeAt + look.position * POSITION_MS - now : 0
      if (dueMs <= 0 && this.#tryAll(look?.others ?? 0)) return
      if (now - since >= tellAt) {
        tellAt *= 2
        this.onLong(now - since)
      }
      await this.#rest(look, now, dueMs)
    }
  }

  #rest(look: Look | undefined, now: number, dueMs: number): Promise<void> {
    if (look === undefined) return pause((this.#random() / 2 ** 32) * LONGEST_PAUSE_MS)
    if (look.position > 0) return pause(sleepMs(look, now))
    if (dueMs > 1) return pause(Math.min(SPIN_MS, Math.floor(dueMs)))
    if (this.#spunSince === 0) this.#spunSince = now
    return now - this.#spunSince < SPIN_MS ? turn() : pause(1)
  }

  /** True where none is left. `others`: how many wait besides, where a slice begins with the first. */
  #tryAll(others?: number): boolean {
    for (let count = 0; this.#attempts.length > 0; count++) {
      if (count > 0 && this.#share.isOver) return false
      const first = this.#attempts[0]
      if (!first?.()) return false
      this.drop(first)
      if (count === 0 && others !== undefined) this.#share.begin(others)
      if (count === 0) this.#spunSince = 0
    }
    if (others !== undefined) this.#share.leave()
    // In the turn in which the last had the lock: who comes next runs anew.
    this.#isRunning = false
    return true
  }
}

/** Most of the time until it comes next. */
function sleepMs({ position, others, freeAt }: Look, now: number): number {
  const expectedMs = Math.max(0, freeAt - now) + (position - 1) * sliceMs(others)
  return Math.min(LONGEST_SLEEP_MS, Math.max(1, expectedMs * 0.8))
}
