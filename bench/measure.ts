// measure.ts: one workload by all who do it, interleaved: in each round each of them once, in an order that moves on, each
// in a place of its own, which stays open from its first run to the last: its code stays compiled. A run there is
//
//   warm up    before the first, on 'disk': passes where nothing is synced, so that the code is compiled; then, as for
//              'os', passes in the place where the clock will run, which also find how many items a pass has. Before a
//              later one: a pass, since others ran in between
//   clock      passes until they took as long as asked
//
// A pass fills the place, does the task, and takes what is left: what was put has to be all there, in order. The clock
// runs during the task alone, and during a run's last passes alone. A workload that has taken all the time that it may,
// on a slow machine, has fewer rounds, but three at least.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BATCH, type Contender, type Opened, PRODUCERS, type Task } from './contender.ts'
import { itemsOf, type PayloadName, Sequence } from './items.ts'
import { type Spread, spreadOf } from './stats.ts'
import type { Workload } from './workloads.ts'

export interface Effort {
  readonly rounds: number
  /** How long the clock runs in one run of one contender, about; half of it for a peer. */
  readonly runMs: number
  /** No round begins after that, but for the least; `Infinity` if not given. */
  readonly workloadMs?: number
  /** Where it all happens. */
  readonly folder: string
}

export interface Measured {
  readonly name: string
  readonly kind: Contender['kind']
  /** Of one pass. */
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
const MOST = { S: 50_000, M: 10_000, R: 25_000 }
// A pass on the way up has at most so many times the items of the one before.
const GROWTH = 4
// JavaScript is compiled while it runs, which takes some ten thousand calls. A peer does its work in other languages.
const WARM = { queue: 3, floor: 2, peer: 0.5 }
// Of the time that the clock runs.
const CLOCK = { queue: 1, floor: 1, peer: 0.5 }
// Passes that make one run.
const PASSES = 2
const LEAST_ROUNDS = 3

/** Those that need no whole batches. */
const SINGLE: ReadonlySet<Task> = new Set(['put', 'producers', 'pop'])
const PUTS: ReadonlySet<Task> = new Set(['put', 'putMany', 'puts at once', 'producers', 'pipeline in'])

setFlagsFromString('--expose-gc')
// So many collections would make what did not run in between start again without its compiled code.
setFlagsFromString('--no-flush-bytecode')
const collect: () => void = runInNewContext('gc')
let places = 0

interface OpenPlace {
  readonly folder: string
  readonly opened: Opened
}

interface Timed {
  readonly ms: number
  readonly items: number
}

/** One who takes part, and what was measured so far. */
class Runner {
  readonly contender: Contender
  readonly us: number[] = []
  /** The event loop's delay in each run: 99.9th percentile, in ms. */
  readonly delays: number[] = []
  /** Of one pass. */
  items: number
  readonly #case: Case
  readonly #folder: string
  readonly #step: number
  readonly #clockMs: number
  #place: OpenPlace | undefined

  constructor(contender: Contender, one: Case, effort: Effort) {
    const { task, durability } = one.workload
    this.contender = contender
    this.#case = one
    this.#folder = effort.folder
    this.#clockMs = effort.runMs * CLOCK[contender.kind]
    this.#step = durability === 'os' || !SINGLE.has(task) ? BATCH : PRODUCERS
    this.items = this.#step
  }

  /** One run; false where this contender does not do that. */
  async run(): Promise<boolean> {
    collect()
    this.#place ??= await this.#warm()
    const { opened } = this.#place
    if ((await this.#pass(opened)) === undefined) return false
    this.us.push(await this.#clock(opened))
    return true
  }

  async close(): Promise<void> {
    const place = this.#place
    this.#place = undefined
    await place?.opened.close()
    if (place) rmSync(place.folder, { recursive: true, force: true })
  }

  /** The place for all runs, once the code is warm. */
  async #warm(): Promise<OpenPlace> {
    const enoughMs = this.#clockMs * WARM[this.contender.kind]
    if (this.#case.workload.durability === 'disk') {
      this.#place = await this.#open(true)
      await this.#warmUp(this.#place.opened, enoughMs)
      await this.close()
    }
    this.#place = await this.#open(false)
    await this.#warmUp(this.#place.opened, enoughMs)
    return this.#place
  }

  async #open(warming: boolean): Promise<OpenPlace> {
    const { workload, payload } = this.#case
    const folder = join(this.#folder, String(++places))
    mkdirSync(folder)
    const opened = await this.contender.open({ folder, durability: workload.durability, payload, warming })
    return { folder, opened }
  }

  async #warmUp(opened: Opened, enoughMs: number): Promise<void> {
    for (let passed = 0; passed < enoughMs; ) {
      const pass = await this.#pass(opened)
      if (pass === undefined) return
      passed += pass.ms
      this.#fit((this.#clockMs * pass.items) / pass.ms / PASSES)
    }
  }

  #fit(items: number): void {
    const most = Math.min(MOST[this.#case.payload], this.contender.mostItems ?? Infinity, this.items * GROWTH)
    this.items = Math.max(this.#step, Math.floor(Math.min(most, items) / this.#step) * this.#step)
  }

  /** µs an item. */
  async #clock(opened: Opened): Promise<number> {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    let ms = 0
    let items = 0
    while (ms < this.#clockMs) {
      const pass = await this.#pass(opened, delay)
      ms += pass?.ms ?? Number.NaN
      items += pass?.items ?? 0
    }
    this.delays.push(delay.percentile(99.9) / 1e6)
    return (ms * 1000) / items
  }

  async #pass({ tasks, takeAll }: Opened, delay?: IntervalHistogram): Promise<Timed | undefined> {
    const { workload, payload } = this.#case
    const task = tasks[workload.task]
    if (task === undefined) return undefined
    const items = itemsOf(payload, this.items)
    if (workload.filled) await tasks[workload.filled]?.({ items, seen: new Sequence() })
    const seen = new Sequence()
    const ms = await timed(() => task({ items, seen }), delay)
    // What was put is all there, in order.
    if (PUTS.has(workload.task)) await (takeAll ?? tasks['pop(1000)'])?.({ items, seen })
    seen.end(items.length)
    return { ms, items: items.length }
  }
}

async function timed(work: () => Promise<void> | void, delay?: IntervalHistogram): Promise<number> {
  delay?.enable()
  // The first tick counts for nothing, and after the work there has to be another.
  if (delay) await sleep(3)
  const started = performance.now()
  await work()
  const ms = performance.now() - started
  if (delay) await sleep(2)
  delay?.disable()
  return ms
}

export interface Case {
  readonly workload: Workload
  readonly payload: PayloadName
}

export async function measure(one: Case, contenders: readonly Contender[], effort: Effort): Promise<Outcome> {
  const able = contenders.map((contender) => new Runner(contender, one, effort))
  const until = performance.now() + (effort.workloadMs ?? Infinity)
  try {
    for (let round = 0; round < effort.rounds; round++) {
      if (round >= LEAST_ROUNDS && performance.now() > until) break
      const turns = able.map((_, turn) => able[(turn + round) % able.length])
      for (const runner of turns) {
        if (runner && !(await runner.run())) await able.splice(able.indexOf(runner), 1)[0]?.close()
      }
    }
  } finally {
    for (const runner of able) await runner.close()
  }
  const { title, durability } = one.workload
  return { title, durability, payload: one.payload, contenders: measured(able) }
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
