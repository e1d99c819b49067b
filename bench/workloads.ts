// workloads.ts: what is measured, and what it has to reach. A goal is told in ratios of one run: of the queue to the
// floor of that workload, or of a peer to the queue.

import type { Durability, Task } from './contender.ts'
import type { PayloadName } from './items.ts'

export interface Goal {
  readonly against: string
  /** The queue takes at most that many times what it takes. */
  readonly atMost?: number
  /** It takes at least that many times what the queue takes. */
  readonly ahead?: number
}

export interface Workload {
  readonly title: string
  readonly task: Task
  readonly durability: Durability
  /** What is put before the clock starts: items one by one, or in batches. */
  readonly filled?: 'puts at once' | 'putMany'
  /** For S; for M see `mediumGoals`. */
  readonly goals: readonly Goal[]
  /** The queue may take this many µs an item of S. */
  readonly limitUs?: number
}

const ahead = (against: string, times: number): Goal => ({ against, ahead: times })
const floor = (times: number, against = 'floor'): Goal => ({ against, atMost: times })

const five = [ahead('SQLite', 5), ahead('lmdb', 5)]

export const workloads: readonly Workload[] = [
  {
    title: 'put, each awaited',
    task: 'put',
    durability: 'os',
    goals: [ahead('SQLite', 3), ahead('lmdb', 1)],
  },
  { title: 'putMany(1000)', task: 'putMany', durability: 'os', goals: [...five, floor(1.5)] },
  {
    title: '1,000 puts at once',
    task: 'puts at once',
    durability: 'os',
    goals: [ahead('SQLite', 3), floor(1.5)],
  },
  { title: 'put, each awaited', task: 'put', durability: 'disk', goals: [floor(1.05)] },
  { title: 'putMany(1000)', task: 'putMany', durability: 'disk', goals: [] },
  {
    title: 'put by 64 producers',
    task: 'producers',
    durability: 'disk',
    goals: [ahead('lmdb', 3), ahead('SQLite', 1), floor(1.5)],
  },
  {
    title: 'pop, each awaited',
    task: 'pop',
    durability: 'os',
    filled: 'puts at once',
    goals: [ahead('SQLite', 3), ahead('lmdb', 3)],
  },
  { title: 'pop, each awaited', task: 'pop', durability: 'disk', filled: 'puts at once', goals: [] },
  { title: 'pop(100)', task: 'pop(100)', durability: 'os', filled: 'putMany', goals: [...five, floor(1.5)] },
  { title: 'pop(1000)', task: 'pop(1000)', durability: 'os', filled: 'putMany', goals: [...five, floor(1.5)] },
  { title: 'for await', task: 'for await', durability: 'os', filled: 'putMany', goals: [floor(2)] },
  {
    title: 'put one, pop one',
    task: 'pairs',
    durability: 'os',
    goals: [ahead('SQLite', 3), ahead('lmdb', 1)],
  },
  { title: 'stream: putMany(1000), pop(1000)', task: 'stream', durability: 'os', goals: five },
  { title: 'pipeline(source, queue)', task: 'pipeline in', durability: 'os', goals: [], limitUs: 0.7 },
  {
    title: 'pipeline(queue, sink)',
    task: 'pipeline out',
    durability: 'os',
    filled: 'putMany',
    goals: [],
    limitUs: 0.7,
  },
  {
    title: 'lease(1000), ack in no order',
    task: 'lease',
    durability: 'os',
    filled: 'putMany',
    goals: [],
    limitUs: 2,
  },
]

const mediumGoals = [ahead('SQLite', 3)]

export function goalsOf(workload: Workload, payload: PayloadName): readonly Goal[] {
  if (payload === 'S') return workload.goals
  // A sync costs what it costs, whatever it is for.
  return payload === 'M' && workload.durability === 'os' ? mediumGoals : []
}

/** How long the event loop may be kept from its work during any of them: the 99.9th percentile, in ms. */
export const DELAY_LIMIT_MS = 5
