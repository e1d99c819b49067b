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
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
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
  /** 99.9th percentile of the event loop's delay in each run's worst pass, in ms. */
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
const WARM = { queue: 5, floor: 3, peer: 0.5 }
// Of the time that the clock runs.
const CLOCK = { queue: 1, floor: 1, peer: 0.5 }
// Passes that make one run.
const PASSES = 2
const LEAST_ROUNDS = 3

/** Those that need no whole batches. */
const SINGLE: ReadonlySet<Task> = new Set(['put', 'producers', 'pop'])
const PUTS: ReadonlySet<Task> = new Set(['put', 'putMany', 'puts at once', 'producers', 'pipeline in'])

// What did not run for a while would start again without its compiled code. So it would behind a collection that is asked
// for: nobody asks for any here, and who takes part in a round, in an order that moves on, meets what others left.
setFlagsFromString('--no-flush-bytecode')
let places = 0

interface OpenPlace {
  readonly folder: string
  readonly opened: Opened
}

interface Timed {
  readonly ms: number
  /** The event loop's: its 99.9th percentile, in ms. */
  readonly delay: number
  readonly items: number
}

/** One who takes part, and what was measured so far. */
class Runner {
  readonly contender: Contender
  readonly us: number[] = []
  /** The event loop's delay in each run: 99.9th percentile of the pass in which it was longest, in ms. */
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
    let [ms, items, delay] = [0, 0, 0]
    while (ms < this.#clockMs) {
      const pass = await this.#pass(opened, true)
      ms += pass?.ms ?? Number.NaN
      items += pass?.items ?? 0
      delay = Math.max(delay, pass?.delay ?? 0)
    }
    this.delays.push(delay)
    return (ms * 1000) / items
  }

  async #pass({ tasks, takeAll }: Opened, isClocked = false): Promise<Timed | undefined> {
    const { workload, payload } = this.#case
    const task = tasks[workload.task]
    if (task === undefined) return undefined
    const items = itemsOf(payload, this.items)
    if (workload.filled) await tasks[workload.filled]?.({ items, seen: new Sequence() })
    const seen = new Sequence()
    const passed = await timed(() => task({ items, seen }), isClocked)
    // What was put is all there, in order.
    if (PUTS.has(workload.task)) await (takeAll ?? tasks['pop(1000)'])?.({ items, seen })
    seen.end(items.length)
    return { ...passed, items: items.length }
  }
}

async function timed(work: () => Promise<void> | void, isClocked: boolean): Promise<Omit<Timed, 'items'>> {
  // A new one each time: one that was stopped takes the time until it is started again for a delay.
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  // The first tick counts for nothing, and after the work there has to be another.
  if (isClocked) await sleep(3)
  const started = performance.now()
  await work()
  const ms = performance.now() - started
  if (isClocked) await sleep(2)
  histogram.disable()
  return { ms, delay: histogram.percentile(99.9) / 1e6 }
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
