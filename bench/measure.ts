// measure.ts: one workload by all who do it, interleaved: in each round each of them once, in an order that moves on, in
// a place of its own, filled before the clock starts. A first round, which counts for nothing, warms up and finds how
// many items make a run as long as asked.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BATCH, type Contender, type Opened, PRODUCERS, type Task } from './contender.ts'
import { type Item, itemsOf, type PayloadName, Sequence } from './items.ts'
import { type Spread, spreadOf } from './stats.ts'
import type { Workload } from './workloads.ts'

export interface Effort {
  readonly rounds: number
  /** How long one run of one contender takes, about. */
  readonly runMs: number
  /** Where it all happens. */
  readonly folder: string
}

export interface Measured {
  readonly name: string
  readonly kind: Contender['kind']
  readonly items: number
  /** µs an item. */
  readonly us: Spread
  /** What it takes, as a multiple of what the queue takes in the same round. */
  readonly times: Spread
  /** 99.9th percentile of the event loop's delay in each run, in ms. */
  readonly delayMs: Spread
}

export interface Outcome {
  readonly title: string
  readonly durability: Workload['durability']
  readonly payload: PayloadName
  readonly contenders: readonly Measured[]
}

// So many are made ahead; the items of M are large.
const MOST = { S: 100_000, M: 20_000, R: 50_000 }
const FIRST = { os: 4000, disk: 256 }
// JavaScript needs many calls before it is compiled: a run of the queue or a floor has so many items at least. A peer does its
// work in other languages, and has what fits the time. Whoever asks for shorter runs wants to see that they work.
const LEAST = { os: 10_000, disk: 64 }
const WARM_MS = 10

/** Those that need no whole batches. */
const SINGLE: ReadonlySet<Task> = new Set(['put', 'producers', 'pop'])
const PUTS: ReadonlySet<Task> = new Set(['put', 'putMany', 'puts at once', 'producers', 'pipeline in'])

setFlagsFromString('--expose-gc')
// So many collections would make what did not run in between start again without its compiled code.
setFlagsFromString('--no-flush-bytecode')
const collect: () => void = runInNewContext('gc')
let places = 0

/** One who takes part, and what was measured so far. */
class Runner {
  readonly contender: Contender
  readonly us: number[] = []
  /** The event loop's delay in each run: 99.9th percentile, in ms. */
  readonly delays: number[] = []
  items: number

  constructor(contender: Contender, items: number) {
    this.contender = contender
    this.items = items
  }

  /** µs an item; undefined where this contender does not do that. */
  async run({ workload, payload }: Case, folder: string): Promise<number | undefined> {
    const place = { folder: join(folder, String(++places)), durability: workload.durability, payload }
    mkdirSync(place.folder)
    const opened = await this.contender.open(place)
    try {
      return await this.#runIn(opened, workload, itemsOf(payload, this.items))
    } finally {
      await opened.close()
      rmSync(place.folder, { recursive: true, force: true })
    }
  }

  async #runIn(opened: Opened, workload: Workload, items: readonly Item[]): Promise<number | undefined> {
    const { tasks } = opened
    const task = tasks[workload.task]
    if (task === undefined) return undefined
    if (workload.filled) await tasks[workload.filled]?.({ items, seen: new Sequence() })
    const seen = new Sequence()
    const ms = await this.#timed(() => task({ items, seen }))
    // What was put is all there, in order.
    if (PUTS.has(workload.task)) await (opened.takeAll ?? tasks['pop(1000)'])?.({ items, seen })
    seen.end(items.length)
    return (ms * 1000) / items.length
  }

  async #timed(work: () => Promise<void> | void): Promise<number> {
    collect()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    // The first tick counts for nothing, and after the work there has to be another.
    await sleep(3)
    const started = performance.now()
    await work()
    const ms = performance.now() - started
    await sleep(2)
    delay.disable()
    this.delays.push(delay.percentile(99.9) / 1e6)
    return ms
  }
}

export interface Case {
  readonly workload: Workload
  readonly payload: PayloadName
}

export async function measure(one: Case, contenders: readonly Contender[], effort: Effort): Promise<Outcome> {
  const { workload, payload } = one
  const runners = contenders.map((contender) => new Runner(contender, FIRST[workload.durability]))
  const able: Runner[] = []
  for (const runner of runners) if (await warmedUp(runner, one, effort)) able.push(runner)
  for (let round = 0; round < effort.rounds; round++) {
    for (let turn = 0; turn < able.length; turn++) {
      const runner = able[(turn + round) % able.length]
      const us = await runner?.run(one, effort.folder)
      if (us !== undefined) runner?.us.push(us)
    }
  }
  const { title, durability } = workload
  return { title, durability, payload, contenders: measured(able) }
}

/** Runs three times, and finds how many items a run takes; false where this contender does not do that. */
async function warmedUp(runner: Runner, one: Case, effort: Effort): Promise<boolean> {
  const step = one.workload.durability === 'os' || !SINGLE.has(one.workload.task) ? BATCH : PRODUCERS
  const most = Math.min(MOST[one.payload], runner.contender.mostItems ?? Infinity)
  const least =
    runner.contender.kind === 'peer' || effort.runMs < WARM_MS ? step : Math.max(step, LEAST[one.workload.durability])
  const fit = () => {
    runner.items = Math.max(least, Math.min(most, Math.round(runner.items / step) * step))
  }
  for (let times = 0; times < 3; times++) {
    fit()
    const us = await runner.run(one, effort.folder)
    if (us === undefined) return false
    runner.items = (effort.runMs * 1000) / us
  }
  fit()
  runner.delays.length = 0
  return true
}

function measured(runners: readonly Runner[]): Measured[] {
  const queue = runners.find(({ contender }) => contender.kind === 'queue')
  return runners.map(({ contender: { name, kind }, items, us, delays }) => ({
    name,
    kind,
    items,
    us: spreadOf(us),
    times: spreadOf(us.map((each, round) => each / (queue?.us[round] ?? Number.NaN))),
    delayMs: spreadOf(delays),
  }))
}
