// pause.ts: a moment's rest that a call under way needs. Unlike a watch, it keeps the process alive: somebody waits.

const TIMER_MAX_MS = 2 ** 31 - 1

/** Resolves `ms` milliseconds later, or as soon as the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const over = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, Math.min(ms, TIMER_MAX_MS))
    signal?.addEventListener('abort', over, { once: true })
  })
}
