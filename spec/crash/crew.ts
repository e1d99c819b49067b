// crew.ts: work shared by worker threads. Each asks for the next few pieces when it is done with its last ones, so that
// all of them end at about the same time; pieces that stand together go to one worker, which knows their disks already.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { Battery, type BatteryOptions, type Failure, type Result } from './battery.ts'
import { FaultBattery } from './fault-battery.ts'
import { logSubject, type SubjectName } from './log-subject.ts'
import { NeighbourBattery } from './neighbour-battery.ts'

export const handNames = ['words', 'calls', 'syncs', 'neighbours'] as const

/** What a piece, a word, is tried as: its crashes, its failing calls, its failing syncs; or a piece of neighbour-battery.ts. */
export interface Task {
  readonly hand: (typeof handNames)[number]
  readonly subject: SubjectName
  readonly options: BatteryOptions
}

export interface Outcome {
  readonly states: number
  /** Crashes during what followed a crash. */
  readonly again: number
  /** How many disks were opened for it. */
  readonly disks: number
  readonly failures: readonly Failure[]
}

/** The next pieces for a worker; none: there are no more. */
export type Order = readonly string[]

/** After so many failures a worker gives up: they are likely to be the same one. */
const ENOUGH = 20
const AT_ONCE = 4
const SHOWN = 5

/** All pieces, by so many worker threads; 0: by this one. */
export async function shared(
  task: Task,
  pieces: readonly string[],
  workers = availableParallelism(),
): Promise<Outcome> {
  const orders: Order[] = []
  const step = pieces.length > 64 ? AT_ONCE : 1
  for (let at = 0; at < pieces.length; at += step) orders.push(pieces.slice(at, at + step))
  const next = () => orders.shift() ?? []
  const lanes = Array.from({ length: workers }, () => work(task, next))
  const outcomes = workers > 0 ? await Promise.all(lanes) : [await workedOff(task, async () => next())]
  return {
    states: outcomes.reduce((sum, { states }) => sum + states, 0),
    again: outcomes.reduce((sum, { again }) => sum + again, 0),
    disks: outcomes.reduce((sum, { disks }) => sum + disks, 0),
    failures: outcomes.flatMap(({ failures }) => failures),
  }
}

/** Order after order, until there is none, or too much is wrong. */
export async function workedOff(task: Task, next: () => Promise<Order>): Promise<Outcome> {
  const hand = handFor(task)
  const failures: Failure[] = []
  let [states, again] = [0, 0]
  for (let order = await next(); order.length > 0 && failures.length < ENOUGH; order = await next()) {
    for (const piece of order) {
      const result = await hand.try(piece)
      states += result.states
      again += result.again
      failures.push(...result.failures)
    }
  }
  return { states, again, disks: hand.disks, failures }
}

export interface Hand {
  readonly disks: number
  try(piece: string): Promise<Result>
  /** What is wrong with one case, by its name. */
  named(name: string): Promise<string[]>
}

export function handFor({ hand, subject, options }: Task): Hand {
  const tried = logSubject(subject)
  if (hand === 'words') return new Battery(tried, options)
  if (hand === 'neighbours') return new NeighbourBattery(tried, options)
  return new FaultBattery(tried, hand, options)
}

/** What is wrong, with stacks, and how each of it is seen again. */
export async function tell(task: Task, { failures }: Outcome): Promise<string> {
  const told = [`${failures.length} are wrong:`]
  const hand = handFor(task)
  for (const { name, wrong } of failures.slice(0, SHOWN)) {
    const again = await hand.named(name)
    told.push(`${RERUN}='${task.hand} ${task.subject} ${name}' node dist/spec/run.js crash/one`)
    told.push(...(again.length > 0 ? again : wrong))
  }
  return told.join('\n    ')
}

/** Names one case to be run alone. */
export const RERUN = 'SPOOLQ_CRASH'

function work(task: Task, next: () => Order): Promise<Outcome> {
  const worker = new Worker(new URL('./crew-worker.js', import.meta.url), {
    workerData: task,
    // Each trial leaves much that is dead at once: a larger nursery spares it most of the collector's work.
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  })
  return new Promise((resolve, reject) => {
    worker.on('message', (message: 'next' | Outcome) => {
      if (message === 'next') worker.postMessage(next())
      else resolve(message)
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`a worker of the battery ended with ${code} before it was done`)))
  })
}
