// processes.ts: one, two and four processes on one queue: what they do together, how evenly, and how long an item takes
// from a put in one process to its delivery in another. Durability 'os'.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AsyncQueue } from '../lib/index.ts'
import { Child, type Job, type Told, together } from './children.ts'
import type { Keyed } from './items.ts'
import type { Effort } from './measure.ts'
import { cell, quantile } from './stats.ts'

export interface Shared {
  readonly title: string
  readonly processes: number
  /** Of all together. */
  readonly itemsPerSecond?: number
  /** What the least of them did, as a part of an even share. */
  readonly fairness?: number
  readonly medianMs?: number
  readonly p99Ms?: number
  readonly items: number
}

interface Options extends Effort {
  wanted(name: string): boolean
}

const COUNTS = [1, 2, 4]
const MOST_PER_MS = 2500

export async function processes({ wanted, folder, runMs }: Options): Promise<Shared[]> {
  const all: Shared[] = []
  // So long that starting and stopping don't count.
  const ms = runMs * 20
  for (const job of ['put', 'pop', 'items'] as const) {
    for (const count of COUNTS) {
      const title = `processes: ${{ put: 'put', pop: 'pop(100)', items: 'for await' }[job]}`
      if (!wanted(title)) continue
      all.push(tell(await share({ title, job, count, ms }, join(folder, `processes-${all.length}`))))
    }
  }
  for (const count of [2, 4]) {
    const title = 'processes: latency'
    if (wanted(title))
      all.push(tell(await latency({ title, count, pings: runMs * 10 }, join(folder, `latency-${count}`))))
  }
  return all
}

function tell(shared: Shared): Shared {
  const { title, processes, itemsPerSecond, fairness, medianMs, p99Ms } = shared
  const parts = [`\n${title}, ${processes} of them:`]
  if (itemsPerSecond !== undefined) parts.push(`${Math.round(itemsPerSecond)} items a second,`)
  if (fairness !== undefined) parts.push(`the least did ${cell(fairness, 0)} of its share`)
  if (medianMs !== undefined && p99Ms !== undefined) {
    parts.push(`median ${cell(medianMs, 0)} ms, 99th percentile ${cell(p99Ms, 0)} ms`)
  }
  console.log(parts.join(' '))
  return shared
}

interface Sharing {
  readonly title: string
  readonly job: Job
  readonly count: number
  readonly ms: number
}

async function share({ title, job, count, ms }: Sharing, folder: string): Promise<Shared> {
  const filled = job === 'put' ? 0 : ms * MOST_PER_MS
  if (filled > 0) await together(['fill'], folder, filled)
  const told = await together(
    Array.from({ length: count }, () => job),
    folder,
    ms,
  )
  const counts = told.map((each) => each.count ?? 0)
  const items = counts.reduce((sum, each) => sum + each, 0)
  await check(folder, job === 'put' ? items : filled - items, job === 'put')
  const longest = Math.max(...told.map((each) => each.ms ?? 0))
  return {
    title,
    processes: count,
    itemsPerSecond: (items * 1000) / longest,
    fairness: Math.min(...counts) / (items / count),
    items,
  }
}

/** As many are left as have to be; what several put is there, each one's in its order. */
async function check(folder: string, left: number, put: boolean): Promise<void> {
  await using queue = await AsyncQueue.open<Keyed & { readonly producer: number }>(folder, { durability: 'os' })
  const size = await queue.size()
  if (size !== left) throw new Error(`${size} items are left, and ${left} should be`)
  const due = new Map<number, number>()
  for (let rest = put ? size : 0; rest > 0; rest -= 1000) {
    for (const { id, producer } of await queue.pop(1000)) {
      if (id !== (due.get(producer) ?? 0)) throw new Error(`item ${due.get(producer)} was due, and item ${id} came`)
      due.set(producer, id + 1)
    }
  }
}

interface Pinging {
  readonly title: string
  readonly count: number
  readonly pings: number
}

async function latency({ title, count, pings }: Pinging, folder: string): Promise<Shared> {
  const half = Array.from({ length: count / 2 })
  const listeners = half.map(() => new Child('listen', folder, 0))
  await Promise.all(listeners.map((child) => child.ready()))
  for (const child of listeners) child.tell()
  await together(
    half.map(() => 'ping'),
    folder,
    pings,
  )
  await drained(folder)
  for (const child of listeners) child.tell()
  const told: Told[] = await Promise.all(listeners.map((child) => child.done))
  const latencies = told.flatMap((each) => each.latenciesMs ?? [])
  if (latencies.length !== pings * half.length) throw new Error(`${latencies.length} of ${pings * half.length} came`)
  return { title, processes: count, medianMs: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), items: pings }
}

async function drained(folder: string): Promise<void> {
  await using queue = await AsyncQueue.open(folder, { durability: 'os' })
  await queue.join()
  await sleep(10)
}
