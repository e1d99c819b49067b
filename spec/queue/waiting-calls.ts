// waiting-calls.ts: calls that wait for a lock that somebody else holds, and that a signal ends.

import assert from 'node:assert/strict'
import type { AsyncQueue } from '../../lib/index.ts'
import { fate, turns } from './place.ts'

export type Queue = AsyncQueue<number>
export type Call = readonly [string, (queue: Queue, signal: AbortSignal) => Promise<unknown>]
export interface Holding {
  /** With 1, 2, 3 in it. */
  readonly queue: Queue
  readonly letGo: () => void
}

async function first(all: AsyncIterable<unknown>): Promise<unknown> {
  for await (const one of all) return one
  return undefined
}

export const TAKING: readonly Call[] = [
  ['get()', (queue, signal) => queue.get({ signal })],
  ['get(n)', (queue, signal) => queue.get(2, { signal })],
  ['get(n) of a least', (queue, signal) => queue.get(2, { min: 2, signal })],
  ['items()', (queue, signal) => first(queue.items({ signal }))],
  ['batches()', (queue, signal) => first(queue.batches(2, { signal }))],
  ['deliveries()', (queue, signal) => first(queue.deliveries({ signal }))],
  ['join()', (queue, signal) => queue.join({ signal })],
]
export const PUTTING: readonly Call[] = [
  ['put()', (queue, signal) => queue.put(4, { signal })],
  ['putMany()', (queue, signal) => queue.putMany([4, 5], { signal })],
]

/** Aborted while it waits: it rejects with the reason, while the lock is still held, and nothing has come of it. */
export async function stops({ queue, letGo }: Holding, [name, call]: Call): Promise<void> {
  const stop = new AbortController()
  const reason = new Error(`enough of ${name}`)
  const called = call(queue, stop.signal)
  called.catch(() => {})
  assert.equal(await fate(called), 'pending', name)
  stop.abort(reason)
  const ended = called.then(
    () => 'resolved',
    (error) => error,
  )
  const outcome = await Promise.race([ended, turns(200)])
  letGo()
  assert.equal(outcome, reason, name)
  assert.deepEqual([await queue.size(), await queue.pop(9)], [3, [1, 2, 3]], name)
  await queue.close()
}
