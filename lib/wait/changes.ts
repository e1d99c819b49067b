// changes.ts: how waiting callers learn that something changed: told at once by this handle, by the store's watch
// what others did, and by a slow poll, because a watch may miss something. All of it only while somebody waits.
//
//      nobody ──arrived──▶ tried ──unserved──▶ parked ──a millisecond later──▶ watching ◀──arrived──┐
//        ▲                   │                   │                               │                  │
//        ├───────────────────┴───departed────────┘                               └──departed──▶ kept, unused
//        └──────────20 to 40 ms in which nobody waited, or most for some microseconds; or closed──────┘
//
// The watch starts late: many calls that park are served by their own handle before that, and opening and closing a
// watch costs ten times what serving them does. It stays for a while: who takes what others put waits again at once, and
// what came before the next watch would wait for it. But who is served within some microseconds is served by this
// handle, and needs none: each write would tell it of itself.
// The timers keep the process alive while somebody waits, and no longer.

import type { Attendance } from './line.ts'
import { clearTimeout, elapsed, setTimeout } from './timers.ts'

/** How often to look without having been told, and how often where the system tells of all that changes. */
const POLL_MS = 250
const SURE_POLL_MS = 1000
/** How soon again for what was due, and did not come. */
const OVERDUE_MS = 50
const WATCH_AFTER_MS = 1
/** How often to ask whether the watch was needed since. */
const KEEP_MS = 20
/** What comes from another process takes as long at least. */
const LONG_MS = 0.1
/** One who waited long outweighs so many who did not. */
const LONG_WEIGHT = 4

/** How to stop. */
export type Watch = (() => void) & {
  /** Asked before each slow look: false where nothing can have changed since the one before, so that none is needed. */
  readonly mayHaveChanged?: (() => boolean) | undefined
  /** The system tells of all that changes. */
  readonly isSure?: boolean | undefined
  /**
   * Milliseconds until time alone changes something, as of the last look: a delay that ends, a lease. Not above 0 where it
   * has since; Infinity: never, as far as is known.
   */
  readonly dueInMs?: (() => number) | undefined
}

export interface Watched {
  /** Starts to watch; returns how to stop. */
  watch(changed: () => void): Watch
  /** Something may have changed. */
  changed(): void
  /** Somebody waits from now on, or nobody does any more. */
  waited(somebody: boolean): void
}

export class Changes implements Attendance {
  readonly #watched: Watched
  #waiting = 0
  #start: NodeJS.Timeout | undefined
  #poll: NodeJS.Timeout | undefined
  /** When the next look is, and whether something is due then. */
  #next = { at: 0, isDue: false }
  /** It was looked for what is due, in vain. */
  #isOverdue = false
  #stop: Watch | undefined
  /** Whether it is to be asked soon if the watch is needed. */
  #isAsking = false
  /** When somebody began to wait beside the watch. */
  #since = 0
  /** Of those who waited beside the watch, lately. */
  #worth = 0
  #isClosed = false

  constructor(watched: Watched) {
    this.#watched = watched
  }

  get waiting(): number {
    return this.#waiting
  }

  arrived(): void {
    this.#waiting += 1
    if (this.#waiting > 1) return
    if (this.#stop) this.#since = elapsed()
    this.#watched.waited(true)
  }

  unserved(): void {
    if (this.#waiting === 0 || this.#isClosed) return
    if (this.#poll) this.#lookSooner()
    else if (this.#stop) this.#lookLater()
    else this.#start ??= setTimeout(() => this.#watch(), WATCH_AFTER_MS)
  }

  departed(): void {
    this.#waiting -= 1
    if (this.#waiting > 0) return
    clearTimeout(this.#start)
    this.#start = undefined
    this.#lookNoMore()
    if (this.#stop) {
      if (!this.#isAsking) this.#keep()
      this.#worth += this.#waitedLong() ? LONG_WEIGHT : -1
    }
    this.#watched.waited(false)
  }

  /** Nobody waits any more, or ever will. */
  close(): void {
    this.#isClosed = true
    this.#unwatch()
  }

  #watch(): void {
    this.#start = undefined
    if (this.#isClosed) return
    this.#stop = this.#watched.watch(this.#changed)
    this.#since = elapsed() - WATCH_AFTER_MS
    this.#lookLater()
    this.#keep()
    // What changed between the caller's look and the start of the watch was told to nobody.
    this.#changed()
  }

  readonly #changed = (): void => {
    if (this.#waiting > 0) this.#watched.changed()
  }

  #lookLater(): void {
    const pollMs = this.#stop?.isSure ? SURE_POLL_MS : POLL_MS
    const dueMs = this.#dueMs()
    const ms = Math.min(pollMs, dueMs)
    this.#next = { at: elapsed() + ms, isDue: dueMs <= pollMs }
    this.#poll = setTimeout(() => this.#look(), ms)
  }

  /** Something may be due before the next look. */
  #lookSooner(): void {
    if (elapsed() + this.#dueMs() >= this.#next.at) return
    this.#lookNoMore()
    this.#lookLater()
  }

  /** A timer counts whole milliseconds: who looks before the time has come looks twice. */
  #dueMs(): number {
    const ms = Math.ceil(this.#stop?.dueInMs?.() ?? Infinity)
    if (ms > 0) this.#isOverdue = false
    return ms > 0 ? ms : this.#isOverdue ? OVERDUE_MS : 1
  }

  #look(): void {
    this.#poll = undefined
    this.#isOverdue = this.#next.isDue
    if (this.#next.isDue || (this.#stop?.mayHaveChanged?.() ?? true)) this.#changed()
    if (this.#waiting > 0 && this.#stop && this.#poll === undefined) this.#lookLater()
  }

  #lookNoMore(): void {
    clearTimeout(this.#poll)
    this.#poll = undefined
  }

  /** Who waits for long is asked no more: he begins anew as he goes. */
  #keep(): void {
    this.#worth = 0
    this.#isAsking = true
    setTimeout(() => {
      this.#isAsking = false
      if (this.#worth > 0) this.#keep()
      else if (this.#worth < 0 || this.#waiting === 0) this.#giveUp()
    }, KEEP_MS).unref()
  }

  #waitedLong(): boolean {
    return elapsed() - this.#since >= LONG_MS
  }

  /** Whoever has just begun to wait begins anew. */
  #giveUp(): void {
    this.#unwatch()
    if (this.#poll === undefined) return
    this.#lookNoMore()
    this.unserved()
  }

  #unwatch(): void {
    this.#stop?.()
    this.#stop = undefined
  }
}
