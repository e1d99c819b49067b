// measure.ts: one workload by all who do it, interleaved: in each round each of them once, in an order that moves on, in
// a place of its own. A run there is
//
//   warm up    'disk': passes where nothing is synced, so that the code is compiled; then, as for 'os', passes in the
//              place where the clock will run, which also find how many items make a pass as long as asked
//   clock      passes until they took as long as asked
//
// A pass fills the place, does the task, and takes what is left: what was put has to be all there, in order. The clock
// runs during the task alone, and during a run's last passes alone.

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
// JavaScript is compiled while it runs. Of code that has run here before, a part is thrown away with what it was compiled
// for; code that never ran needs some ten thousand calls. A peer does its work in other languages.
const WARM = { first: 3, later: 0.5 }
const PEER = 0.5

/** Those that need no whole batches. */
const SINGLE: ReadonlySet<Task> = new Set(['put', 'producers', 'pop'])
const PUTS: ReadonlySet<Task> = new Set(['put', 'putMany', 'puts at once', 'producers', 'pipeline in'])

setFlagsFromString('--expose-gc')
// So many collections would make what did not run in between start again without its compiled code.
setFlagsFromString('--no-flush-bytecode')
const collect: () => void = runInNewContext('gc')
let places = 0

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
  readonly #effort: Effort
  readonly #step: number

  constructor(contender: Contender, one: Case, effort: Effort) {
    const { task, durability } = one.workload
    this.contender = contender
    this.#case = one
    this.#effort = effort
    this.#step = durability === 'os' || !SINGLE.has(task) ? BATCH : PRODUCERS
    this.items = this.#step
  }

  /** One run; false where this contender does not do that. */
  async run(): Promise<boolean> {
    const { durability } = this.#case.workload
    const isFirst = this.us.length === 0
    const ms = this.#effort.runMs * (this.contender.kind === 'peer' ? PEER : 1)
    const warmMs = ms * (isFirst || this.contender.ownThread ? WARM.first : WARM.later)
    collect()
    if (durability === 'disk') await this.#opened(true, (opened) => this.#warmUp(opened, warmMs))
    const us = await this.#opened(false, async (opened) => {
      if (!(await this.#warmUp(opened, warmMs))) return undefined
      return this.#clock(opened, ms)
    })
    if (us !== undefined) this.us.push(us)
    return us !== undefined
  }

  async #opened<R>(warming: boolean, work: (opened: Opened) => Promise<R>): Promise<R> {
    const { workload, payload } = this.#case
    const folder = join(this.#effort.folder, String(++places))
    mkdirSync(folder)
    const opened = await this.contender.open({ folder, durability: workload.durability, payload, warming })
    try {
      return await work(opened)
    } finally {
      await opened.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** False where this contender does not do that. */
  async #warmUp(opened: Opened, enoughMs: number): Promise<boolean> {
    for (let passed = 0; passed < enoughMs; ) {
      const pass = await this.#pass(opened)
      if (pass === undefined) return false
      passed += pass.ms
      this.#fit((this.#effort.runMs * pass.items) / pass.ms)
    }
    return true
  }

  #fit(items: number): void {
    const most = Math.min(MOST[this.#case.payload], this.contender.mostItems ?? Infinity, this.items * GROWTH)
    this.items = Math.max(this.#step, Math.floor(Math.min(most, items) / this.#step) * this.#step)
  }

  /** µs an item. */
  async #clock(opened: Opened, enoughMs: number): Promise<number | undefined> {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    let ms = 0
    let items = 0
    while (ms < enoughMs) {
      const pass = await this.#pass(opened, delay)
      if (pass === undefined) return undefined
      ms += pass.ms
      items += pass.items
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
  for (let round = 0; round < effort.rounds; round++) {
    const turns = able.map((_, turn) => able[(turn + round) % able.length])
    for (const runner of turns) {
      if (runner && !(await runner.run())) able.splice(able.indexOf(runner), 1)
    }
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
