// turn.ts: turns of the event loop. A caller that awaits calls which complete at once never lets timers and sockets
// run (500,000 such calls held up a 10 ms timer for 528 ms), so whoever has gone on for a millisecond without a
// turn goes on behind one.

import { elapsed, setImmediate } from './timers.ts'

const TURN_MS = 1
let turnStart = 0
let marked = false
let coming: Promise<void> | undefined

/** True when the event loop has not turned for a millisecond: resolve the next call behind `turn()`. */
export function turnDue(): boolean {
  if (!marked) {
    marked = true
    turnStart = elapsed()
    setImmediate(turned)
    return false
  }
  return elapsed() - turnStart > TURN_MS
}

function turned(): void {
  marked = false
}

/** Resolves behind one turn of the event loop: for all who ask before it, the same one. */
export function turn(): Promise<void> {
  coming ??= new Promise((resolve) => {
    setImmediate(() => {
      coming = undefined
      resolve()
    })
  })
  return coming
}
