// changes.ts: how waiting callers learn that something changed: told at once by this handle, by the store's watch
// what others did, and by a slow poll, because a watch may miss something. All of it only while somebody waits.
//
//      nobody ──arrived──▶ tried ──unserved──▶ parked ──a millisecond later──▶ watching
//        ▲                   │                   │                               │
//        └───────────────────┴───departed (the last one)─────────────────────────┘
//
// The watch starts late: many calls that park are served by their own handle before that, and opening and closing a
// watch costs ten times what serving them does. The timers keep the process alive while somebody waits.

import type { Attendance } from './line.ts'

/** How often to look without having been told. */
const POLL_MS = 250
const WATCH_AFTER_MS = 1

export interface Watched {
  /** Starts to watch; returns how to stop. */
  watch(changed: () => void): () => void
  /** Something may have changed. */
  changed(): void
  /** Somebody waits from now on, or nobody does any more. */
  waited(somebody: boolean): void
}

export class Changes implements Attendance {
  readonly #watched: Watched
  #waiting = 0
  #start: NodeJS.Timeout | undefined
  #stop: (() => void) | undefined

  constructor(watched: Watched) {
    this.#watched = watched
  }

  get waiting(): number {
    return this.#waiting
  }

  arrived(): void {
    this.#waiting += 1
    if (this.#waiting === 1) this.#watched.waited(true)
  }

  unserved(): void {
    if (this.#waiting > 0) this.#start ??= setTimeout(() => this.#watch(), WATCH_AFTER_MS)
  }

  departed(): void {
    this.#waiting -= 1
    if (this.#waiting > 0) return
    clearTimeout(this.#start)
    this.#start = undefined
    this.#stop?.()
    this.#stop = undefined
    this.#watched.waited(false)
  }

  #watch(): void {
    const changed = (): void => this.#watched.changed()
    const unwatch = this.#watched.watch(changed)
    const poll = setInterval(changed, POLL_MS)
    this.#stop = () => {
      clearInterval(poll)
      unwatch()
    }
    // What changed between the caller's look and the start of the watch was told to nobody.
    changed()
  }
}
