// child.ts: what a process of its own does for growth.ts and processes.ts: where its speed is asked for it warms up in a
// place of its own; it opens the queue, says so, waits to be told to go, and tells what came of it.
//
//   node child.js <job> <folder> <number>

import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AsyncQueue } from '../lib/index.ts'
import { cycleOf, type Told } from './children.ts'
import { BATCH } from './contender.ts'
import { type Item, numberOf } from './items.ts'

interface Made {
  readonly id: number
  readonly producer: number
}

interface Ping {
  readonly id: number
  readonly sent: number
}

const [, , job = '', folder = '', words = ''] = process.argv
const amount = Number(words)
/** Milliseconds of a clock that all processes share. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6

const jobs: Record<string, (folder: string) => Promise<Told>> = {
  fill: async (folder) => withQueue<Item>(folder, (queue) => fill(queue, amount)),
  use: async (folder) => withQueue<Item>(folder, use),
  pop: async (folder) => withQueue<Item>(folder, pop),
  items: async (folder) => withQueue<Item>(folder, loop),
  put: async (folder) => withQueue<Made>(folder, put),
  ping: async (folder) => withQueue<Ping>(folder, ping),
  listen: async (folder) => withQueue<Ping>(folder, listen),
}

const SINGLE = 10_000
const MANY = 200_000
/** What is to be compiled before it goes. The others are asked for their memory. */
const warming: Record<string, () => Promise<void>> = {
  put: () => warmUp(putEach, pop),
  ping: () => warmUp(putEach, pop),
  pop: () => warmUp((queue) => fill(queue, MANY), pop),
  items: () => warmUp((queue) => fill(queue, MANY), loop),
  listen: () => warmUp(putEach, loop),
}

async function warmUp(
  put: (queue: AsyncQueue<Item>) => Promise<unknown>,
  take: (queue: AsyncQueue<Item>) => Promise<unknown>,
): Promise<void> {
  const place = `${folder}-warm-${process.pid}`
  const queue = await AsyncQueue.open<Item>(place, { durability: 'os' })
  await put(queue)
  while ((await queue.size()) > 0) await take(queue)
  await queue.close()
  rmSync(place, { recursive: true, force: true })
}

async function putEach(queue: AsyncQueue<Item>): Promise<void> {
  for (const item of cycleOf().slice(0, SINGLE)) await queue.put(item)
}

async function withQueue<T>(folder: string, work: (queue: AsyncQueue<T>) => Promise<Told>): Promise<Told> {
  const queue = await AsyncQueue.open<T>(folder, { durability: 'os' })
  const going = new Promise((resolve) => process.once('message', resolve))
  process.send?.('ready')
  await going
  const told = await work(queue)
  await queue.close()
  return told
}

const resident = () => ({ residentBytes: process.memoryUsage().rss, peakBytes: process.resourceUsage().maxRSS * 1024 })

async function fill(queue: AsyncQueue<Item>, count: number): Promise<Told> {
  const cycle = cycleOf()
  for (let put = 0; put < count; put += BATCH) {
    const at = put % cycle.length
    await queue.putMany(cycle.slice(at, at + Math.min(BATCH, count - put)))
  }
  return resident()
}

/** As much of everything as leaves the queue as long as it was. */
async function use(queue: AsyncQueue<Item>): Promise<Told> {
  const cycle = cycleOf()
  for (let put = 0; put < amount; put += BATCH) {
    const group = cycle.slice(put % cycle.length, (put % cycle.length) + BATCH)
    await Promise.all(group.map((item) => queue.put(item)))
    await queue.pop(BATCH)
    for (const item of group.slice(0, 100)) await queue.put(item)
    for (let i = 0; i < 100; i++) await queue.pop()
  }
  return resident()
}

/** Counts what is taken in that time, or until nothing is left, and whether it came in order. */
class Taken {
  readonly started = now()
  count = 0
  ordered = true
  #last = -1

  see(item: Item): void {
    const number = numberOf(item)
    this.ordered &&= number > this.#last
    this.#last = number
    this.count++
  }

  goesOn(): boolean {
    return now() - this.started < amount
  }

  told(): Told {
    return { count: this.count, ordered: this.ordered, ms: now() - this.started }
  }
}

async function pop(queue: AsyncQueue<Item>): Promise<Told> {
  const taken = new Taken()
  while (taken.goesOn()) {
    const items = await queue.pop(100)
    if (items.length === 0) break
    for (const item of items) taken.see(item)
  }
  return taken.told()
}

async function loop(queue: AsyncQueue<Item>): Promise<Told> {
  const taken = new Taken()
  for await (const item of queue.items({ wait: false })) {
    taken.see(item)
    if (taken.count % 100 === 0 && !taken.goesOn()) break
  }
  // What the body had when it broke off goes back.
  const told = taken.told()
  return { ...told, count: taken.count - (taken.goesOn() ? 0 : 1) }
}

async function put(queue: AsyncQueue<Made>): Promise<Told> {
  const taken = new Taken()
  while (taken.goesOn()) for (let i = 0; i < 20; i++) await queue.put({ id: taken.count++, producer: process.pid })
  return taken.told()
}

async function ping(queue: AsyncQueue<Ping>): Promise<Told> {
  for (let id = 0; id < amount; id++) {
    await sleep(1 + (id % 3))
    await queue.put({ id, sent: now() })
  }
  return { count: amount }
}

async function listen(queue: AsyncQueue<Ping>): Promise<Told> {
  const latenciesMs: number[] = []
  const ended = new Promise<void>((resolve) => process.once('message', () => resolve()))
  const stop = new AbortController()
  ended.then(() => stop.abort())
  try {
    for await (const { sent } of queue.items({ signal: stop.signal })) latenciesMs.push(now() - sent)
  } catch (error) {
    if (!stop.signal.aborted) throw error
  }
  return { count: latenciesMs.length, latenciesMs }
}

await warming[job]?.()
const told = await jobs[job]?.(folder)
if (told !== undefined) process.send?.(told)
process.disconnect()
