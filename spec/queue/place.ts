// place.ts: where a spec's queue is, and how it waits without sleeping.

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

/** Some turns of the event loop: enough for a call to find nothing and park. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Resolves once `holds` does; rejects after a long while. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it never came to hold')
    await turns(1)
  }
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
