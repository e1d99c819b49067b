// pause.ts: a moment's rest that a call under way needs. Unlike a watch, it keeps the process alive: somebody waits.

import { onAbort } from './aborts.ts'
import { clearTimeout, setTimeout } from './timers.ts'

const TIMER_MAX_MS = 2 ** 31 - 1

/** Resolves `ms` milliseconds later, or as soon as the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const over = (): void => {
      clearTimeout(timer)
      unlisten?.()
      resolve()
    }
    const timer = setTimeout(over, Math.min(ms, TIMER_MAX_MS))
    const unlisten = signal && onAbort(signal, over)
  })
}
