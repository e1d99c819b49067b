// growth.ts: what things cost with a thousand, a million and ten million items waiting. The queues stand beside one
// another and are measured in turn; each figure leaves a queue as long as it was, and made of the same kind of batches.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import { cycleOf, together } from './children.ts'
import { BATCH } from './contender.ts'
import type { Effort } from './measure.ts'
import { type Place, type Shape, Standing } from './standing.ts'
import { cell, type Spread, spreadOf } from './stats.ts'

export interface Grown {
  readonly figure: string
  readonly unit: 'µs an item' | 'ms' | 'MB' | 'bytes an item'
  readonly backlog: number
  readonly value: Spread
  /** As a multiple of the same in the same round with the least waiting. */
  readonly times: Spread
}

interface Options extends Effort {
  readonly backlogs: readonly number[]
  wanted(name: string): boolean
}

// Items that a process puts and pops before its memory is looked at.
const USED = 20_000

interface Figure {
  readonly name: string
  readonly unit: 'µs an item' | 'ms'
  readonly shape: Shape
  /** No more than that: each fills and empties a lot. */
  readonly mostRounds?: number
  /** Of so many items; resolves to ms. */
  run(standing: Standing, count: number): Promise<number>
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const figures: readonly Figure[] = [
  {
    name: 'put',
    unit: 'µs an item',
    shape: 'one by one',
    async run(standing, count) {
      const items = standing.next(count)
      const ms = await timed(async () => {
        for (const item of items) await standing.queue.put(item)
      })
      await standing.delete(count)
      return ms
    },
  },
  {
    name: 'pop',
    unit: 'µs an item',
    shape: 'one by one',
    async run(standing, count) {
      await standing.putEach(count)
      return timed(async () => {
        for (let i = 0; i < count; i++) standing.see(await standing.queue.pop())
      })
    },
  },
  {
    name: 'putMany(1000)',
    unit: 'µs an item',
    shape: 'in batches',
    async run(standing, count) {
      const ms = await timed(() => standing.put(count * 10))
      await standing.delete(count * 10)
      return ms / 10
    },
  },
  {
    name: 'pop(1000)',
    unit: 'µs an item',
    shape: 'in batches',
    async run(standing, count) {
      await standing.put(count * 10)
      const ms = await timed(async () => {
        for (let taken = 0; taken < count * 10; taken += BATCH) standing.seeAll(await standing.queue.pop(BATCH))
      })
      return ms / 10
    },
  },
  {
    name: 'open',
    unit: 'ms',
    shape: 'in batches',
    run: (standing) => timed(() => standing.reopen()),
  },
  {
    name: 'flush',
    unit: 'ms',
    shape: 'in batches',
    mostRounds: 3,
    async run(standing, count) {
      await standing.reopen(Infinity)
      await standing.put(count * 350)
      await standing.delete(count * 350)
      const ms = await timed(() => standing.queue.flush())
      await standing.reopen()
      return ms
    },
  },
]

export async function growth({ backlogs, folder, rounds, runMs, wanted }: Options): Promise<Grown[]> {
  const grown: Grown[] = []
  for (const shape of ['in batches', 'one by one'] as const) {
    const asked = figures.filter((figure) => figure.shape === shape && wanted(`growth: ${figure.name}`))
    const space = shape === 'in batches' && wanted('growth: memory and disk')
    if (asked.length === 0 && !space) continue
    const places = backlogs.map((backlog) => ({ backlog, folder: join(folder, `${shape.slice(0, 3)}-${backlog}`) }))
    if (shape === 'in batches') grown.push(...(await fillAll(places)))
    const standing: Standing[] = []
    for (const place of places) standing.push(await Standing.open(place, shape))
    for (const figure of asked) grown.push(...(await grow(figure, standing, { rounds, count: runMs * 40 })))
    for (const each of standing) await each.end()
    if (space) grown.push(...(await useAll(places)))
  }
  return grown
}

/** Fills the queues, each by a process of its own: what that takes of memory, and of the disk. */
async function fillAll(places: readonly Place[]): Promise<Grown[]> {
  const form = new Packr().pack(cycleOf().slice(0, BATCH)).length / BATCH
  const memory: number[] = []
  const disk: number[] = []
  for (const { folder, backlog } of places) {
    const [filling] = await together(['fill'], folder, backlog)
    memory.push((filling?.residentBytes ?? Number.NaN) / 1e6)
    disk.push(diskBytes(folder) / backlog)
  }
  const beyond = disk.map((bytes) => bytes - form)
  return [
    ...once('memory after filling', 'MB', places, memory),
    ...once('on disk', 'bytes an item', places, disk),
    ...once('on disk beyond the codec', 'bytes an item', places, beyond),
  ]
}

/** What a process takes of memory that puts and pops with so much waiting. */
async function useAll(places: readonly Place[]): Promise<Grown[]> {
  const memory: number[] = []
  for (const { folder } of places) {
    const [using] = await together(['use'], folder, USED)
    memory.push((using?.residentBytes ?? Number.NaN) / 1e6)
  }
  return once('memory in use', 'MB', places, memory)
}

/** Figures that were measured once a backlog. */
function once(figure: string, unit: Grown['unit'], places: readonly Place[], values: readonly number[]): Grown[] {
  const grown = places.map(({ backlog }, i): Grown => {
    const value = values[i] ?? Number.NaN
    return { figure, unit, backlog, value: spreadOf([value]), times: spreadOf([value / (values[0] ?? Number.NaN)]) }
  })
  for (const each of grown) tell(each)
  return grown
}

function diskBytes(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}

async function grow(figure: Figure, standing: readonly Standing[], effort: { rounds: number; count: number }) {
  const count = Math.max(BATCH, Math.round(effort.count / BATCH) * BATCH)
  const found: number[][] = standing.map(() => [])
  const rounds = Math.min(effort.rounds, figure.mostRounds ?? Infinity)
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < standing.length; turn++) {
      const i = (turn + round) % standing.length
      const one = standing[i]
      const ms = one && (await figure.run(one, count))
      if (ms !== undefined && round > 0) found[i]?.push(figure.unit === 'ms' ? ms : (ms * 1000) / count)
    }
  }
  const grown = found.map((values, i): Grown => {
    const times = values.map((value, round) => value / (found[0]?.[round] ?? Number.NaN))
    const { name, unit } = figure
    return { figure: name, unit, backlog: standing[i]?.backlog ?? 0, value: spreadOf(values), times: spreadOf(times) }
  })
  for (const each of grown) tell(each)
  return grown
}

function tell({ figure, unit, backlog, value, times }: Grown): void {
  const cells = [value.median, value.min, value.max, times.median, times.min, times.max].map((number) => cell(number))
  console.log(`${`${figure}, ${unit}, ${backlog} waiting`.padEnd(46)}${cells.join('')}`)
}
