// pause.ts: a moment's rest that a call under way needs. Unlike a watch, it keeps the process alive: somebody waits.

/** Resolves `ms` milliseconds later. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
