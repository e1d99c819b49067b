// earliest.ts: of some times the first.

/** Undefined where there is none. */
export function earliest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times)
}
