// back-off.ts: how long to wait before a batch is tried again: longer each time, and never quite as long as others wait,
// so that consumers who failed together don't come back together.

import type { RetryOptions } from '../call-options.ts'

export const retryDefaults = Object.freeze({ minDelay: 100, maxDelay: 30_000, factor: 2 })

/** Milliseconds to wait after that many deliveries; `dice` from 0 to 1. Half of it is certain, the rest is chance. */
export function backOff(attempt: number, options: RetryOptions = {}, dice = Math.random()): number {
  const {
    minDelay = retryDefaults.minDelay,
    maxDelay = retryDefaults.maxDelay,
    factor = retryDefaults.factor,
  } = options
  const whole = Math.min(maxDelay, minDelay * factor ** (attempt - 1))
  return Math.ceil(whole / 2 + (whole / 2) * dice)
}
