// place.ts: where a spec's queue is, and how it waits without sleeping.

import { setTimeout as pause } from 'node:timers/promises'
import type { AsyncQueue, QueueOptions } from '../../lib/index.ts'

/** What it opens is closed when the suite is over. */
export interface Place {
  readonly location: string
  open<T = unknown>(options?: QueueOptions<T>): Promise<AsyncQueue<T>>
  /** `new`: not open yet. */
  start<T = unknown>(options?: QueueOptions<T>): AsyncQueue<T>
}
export type MakePlace = () => Promise<Place>

/** A fresh queue. */
export async function fresh<T = unknown>(place: MakePlace, options?: QueueOptions<T>): Promise<AsyncQueue<T>> {
  return (await place()).open<T>(options)
}

/** Closes a handle at once, whatever is in hand: an error destroys it. */
export async function cut<T>(queue: AsyncQueue<T>): Promise<void> {
  queue.on('error', () => {})
  queue.destroy(new Error('cut'))
  await queue.close()
}

/** Some turns of the event loop: enough for a call to find nothing and park. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

// What takes longer than so many looks is waited for with less of an effort.
const MANY_LOOKS = 20
const PAUSE_MS = 5

/** Resolves once `holds` does; rejects after a long while. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 60_000
  for (let looks = 1; !(await holds()); looks += 1) {
    if (performance.now() > end) throw new Error('it never came to hold')
    if (looks < MANY_LOOKS) await turns(1)
    else await pause(PAUSE_MS)
  }
}

/** Whether `holds` does before some seconds are over: what would never hold is told soon. */
export async function soon(holds: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + 5000; performance.now() < end; await pause(PAUSE_MS)) {
    if (await holds()) return true
  }
  return false
}

/** Tries what has to be over before a delay is, with a longer one each time, until the try resolves to true. */
export async function inTime(trial: (delayMs: number) => Promise<boolean>): Promise<void> {
  for (let delayMs = 300; !(await trial(delayMs)); ) delayMs *= 2
}

/** What has become of a promise by now. */
export async function fate(promise: Promise<unknown>): Promise<'resolved' | 'rejected' | 'pending'> {
  const settled = promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  )
  return Promise.race([settled, turns().then(() => 'pending' as const)])
}

/** Numbers from `from` to `to`, both included. */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
