// workloads.ts: what is measured, as a user would write it, and by the floor. Each checks that all items came, in order.

import type { AsyncQueue } from '../lib/index.ts'
import type { Floor } from './floor.ts'

export interface Item {
  readonly id: number
  readonly ts: number
  readonly name: string
  readonly ok: boolean
}

export interface Workload {
  readonly name: string
  readonly items: number
  readonly queue: (queue: AsyncQueue<Item>, items: readonly Item[]) => Promise<void>
  readonly floor: (floor: Floor<Item>, items: readonly Item[]) => void
  /** Puts the items before the clock starts. */
  readonly filled: 'no' | 'one by one' | 'in batches'
}

export function itemsOf(count: number): Item[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    ts: 1_700_000_000_000 + id,
    name: 'abcdefghijklmnop',
    ok: true,
  }))
}

export function* batchesOf(items: readonly Item[], size = 1000): Generator<Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

function check(found: Item | undefined, id: number): void {
  if (found?.id !== id) throw new Error(`item ${id} should have come, and ${found?.id} did`)
}

function checkAll(found: readonly Item[], from: number): void {
  for (const [at, item] of found.entries()) check(item, from + at)
}

const appendBatches = (floor: Floor<Item>, items: readonly Item[]) => {
  for (const batch of batchesOf(items)) floor.append(batch)
}

export const workloads: readonly Workload[] = [
  {
    name: 'put, each awaited',
    items: 20_000,
    filled: 'no',
    queue: async (queue, items) => {
      for (const item of items) await queue.put(item)
    },
    floor: (floor, items) => {
      for (const item of items) floor.append(item)
    },
  },
  {
    name: 'putMany(1000)',
    items: 200_000,
    filled: 'no',
    queue: async (queue, items) => {
      for (const batch of batchesOf(items)) await queue.putMany(batch)
    },
    floor: appendBatches,
  },
  {
    name: '1,000 puts at once',
    items: 100_000,
    filled: 'no',
    queue: async (queue, items) => {
      for (const batch of batchesOf(items)) await Promise.all(batch.map((item) => queue.put(item)))
    },
    floor: appendBatches,
  },
  {
    name: 'pop, each awaited',
    items: 20_000,
    filled: 'one by one',
    queue: async (queue, items) => {
      for (const { id } of items) check(await queue.pop(), id)
    },
    floor: (floor, items) => {
      for (const { id } of items) checkAll(floor.next(), id)
    },
  },
  {
    name: 'pop(1000)',
    items: 200_000,
    filled: 'in batches',
    queue: async (queue, items) => {
      for (let at = 0; at < items.length; at += 1000) checkAll(await queue.pop(1000), at)
    },
    floor: (floor, items) => {
      for (let at = 0; at < items.length; at += 1000) checkAll(floor.next(), at)
    },
  },
  {
    name: 'for await',
    items: 200_000,
    filled: 'in batches',
    queue: async (queue, items) => {
      let id = 0
      for await (const item of queue.items({ wait: false })) check(item, id++)
      if (id !== items.length) throw new Error(`${id} of ${items.length} items came`)
    },
    floor: (floor, items) => {
      for (let at = 0; at < items.length; at += 1000) checkAll(floor.next(), at)
    },
  },
]
