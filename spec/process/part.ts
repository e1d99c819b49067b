// part.ts: what the other processes and threads of these specs do. A process: node part.js <part> <arguments as JSON>; a
// thread: the same two as its workerData. What it has to tell, it tells in lines. A process writes each to its standard
// output before it goes on, so that what it told before a kill -9 is in the pipe.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { AsyncQueue, type QueueOptions } from '../../lib/index.ts'
import { cut } from '../queue/place.ts'
import { randomFrom } from './random.ts'

/** Options of a queue whatever its items. */
export type Tuning = Omit<QueueOptions, 'codec' | 'unique'>

export interface Place {
  readonly folder: string
  readonly options?: Tuning
}

export interface Reading {
  readonly id: number
  readonly ts: number
  readonly name: string
  readonly ok: boolean
}

/** One item of call number `call` of the producer of this round: part `part` of `of`. */
export interface Call {
  readonly round: number
  readonly call: number
  readonly part: number
  readonly of: number
  readonly filler: string
}

export interface Numbered {
  readonly number: number
}

/** Item `number` of a producer. */
export interface Produced {
  readonly producer: number
  readonly number: number
}

export interface Parts {
  fill: Place & { readonly count: number }
  drain: Place & { readonly count: number; readonly way: 'pop' | 'loop' }
  produce: Place & { readonly round: number; readonly seed: number }
  consume: Place & { readonly body: Body }
  put: Place & { readonly producer: number; readonly count: number; readonly seed: number }
  pop: Place & { readonly seed: number }
  hold: Place & { readonly way: Holding }
  stumble: Place & { readonly way: Stumbling; readonly poison: number }
  halve: Place & { readonly count: number }
  late: Place
  visit: Place & { readonly way: Leaving }
  mix: Place
  copy: Place & { readonly to: string }
}

/** How a thread leaves with an item in flight. */
export type Leaving = 'close' | 'exit' | 'stay'

/** How many items are held, none of them settled. */
export type Holding = 'lease' | 'deliveries' | 'consume' | 'loop'

/** How items are taken by a consumer that the poison aborts. */
export type Stumbling = 'deliveries' | 'consume' | 'batches' | 'items'

/** The loop's body: none to speak of, 3 ms, or now this and now that. */
export type Body = 'fast' | 'slow' | 'mixed'

function tell(line: string): void {
  if (isMainThread) writeSync(1, `${line}\n`)
  else parentPort?.postMessage(line)
}

const START = 1_763_680_000_000
const NAME = 'sensor-'

function readingOf(id: number): Reading {
  return { id, ts: START + id, name: `${NAME}${String(id).padStart(9, '0')}`, ok: id % 2 === 0 }
}

const parts: { [Part in keyof Parts]: (args: Parts[Part]) => Promise<void> } = {
  async fill({ folder, options, count }) {
    const queue = await AsyncQueue.open<Reading>(folder, options)
    for (let id = 0; id < count; id += 1000) {
      await queue.putMany(Array.from({ length: 1000 }, (_, i) => readingOf(id + i)))
    }
    await queue.close()
  },

  async copy({ folder, options, to }) {
    await using queue = await AsyncQueue.open(folder, options)
    const onProgress = ({ copied }: { copied: number }): void => tell(`${copied}`)
    await using _ = await queue.copyTo(to, { ...options, onProgress })
  },

  async drain({ folder, options, count, way }) {
    const started = performance.now()
    const queue = await AsyncQueue.open<Reading>(folder, options)
    const opened = performance.now()
    tell(`size ${await queue.size()}`)
    const sized = performance.now()
    await (way === 'pop' ? drainByPop(queue, count) : drainByLoop(queue, count))
    const drained = performance.now()
    tell(`left ${await queue.size()}`)
    await queue.close()
    const times = { openMs: opened - started, sizeMs: sized - started, drainMs: drained - sized }
    tell(JSON.stringify({ ...times, peakMiB: process.resourceUsage().maxRSS / 1024 }))
  },

  async produce({ folder, options, round, seed }) {
    const random = randomFrom(seed)
    const queue = await AsyncQueue.open<Call>(folder, options)
    tell('open')
    let calls = 0
    const lane = async () => {
      for (;;) {
        const call = calls++
        const of = sizeOfCall(random())
        // Some calls are longer than what is written inline.
        const length = of > 2 && random() < 0.03 ? 30_000 : Math.floor(random() * 300)
        const items = Array.from({ length: of }, (_, part) => ({ round, call, part, of, filler: 'x'.repeat(length) }))
        await (of === 1 && items[0] ? queue.put(items[0]) : queue.putMany(items))
        tell(`${call}`)
      }
    }
    await Promise.all(Array.from({ length: 6 }, lane))
  },

  async consume({ folder, options, body }) {
    const queue = await AsyncQueue.open<Numbered>(folder, options)
    for await (const { number } of queue) {
      tell(`${number} ${performance.now()}`)
      if (body === 'slow' || (body === 'mixed' && number % 100 === 99)) await pause(3)
      if (body === 'mixed' && number % 10 === 9) await turn()
    }
  },

  async put({ folder, options, producer, count, seed }) {
    const random = randomFrom(seed)
    const queue = await AsyncQueue.open<Produced>(folder, options)
    for (let number = 0; number < count; ) {
      const many = Math.min(count - number, 1 + Math.floor(random() * 60))
      const items = Array.from({ length: many }, (_, i) => ({ producer, number: number + i }))
      if (random() < 0.5) await queue.putMany(items)
      else await Promise.all(items.map((item) => queue.put(item)))
      number += many
    }
    await queue.close()
  },

  async hold({ folder, options, way }) {
    await hold(await AsyncQueue.open<Numbered>(folder, options), way)
  },

  async stumble({ folder, options, way, poison }) {
    const queue = await AsyncQueue.open<Numbered>(folder, options)
    await stumble(queue, way, poison)
    await queue.close()
  },

  /** Holds so many, and acknowledges every second one of them. */
  async halve({ folder, options, count }) {
    const queue = await AsyncQueue.open<Numbered>(folder, options)
    const held = await queue.lease(count)
    const acks = held.filter((_, i) => i % 2 === 1).map((delivery) => delivery.ack())
    await Promise.all(acks)
    tell(`${held.length} ${acks.length}`)
    await pause(600_000)
  },

  /** Acknowledges what it holds when it is told to by a signal. */
  async late({ folder, options }) {
    const queue = await AsyncQueue.open<Numbered>(folder, options)
    const delivery = await queue.lease()
    // Neither a signal that is waited for nor an idle queue keeps a process alive.
    const alive = setInterval(() => {}, 1000)
    const asked = once(process, 'SIGUSR2')
    tell('held')
    await asked
    clearInterval(alive)
    await delivery?.ack().then(
      () => tell('acknowledged'),
      (error) => tell(error.code),
    )
    await cut(queue)
  },

  async visit({ folder, options, way }) {
    const queue = await AsyncQueue.open<Numbered>(folder, options)
    const delivery = await queue.lease()
    await queue.put({ number: -1 })
    tell(`${delivery?.item.number}`)
    if (way === 'close') await cut(queue)
    if (way === 'exit') process.exit(0)
    if (way === 'stay') await pause(600_000)
  },

  /** All ways of taking at once, until it is told to stop. */
  async mix({ folder, options }) {
    const queue = await AsyncQueue.open<Numbered>(folder, options)
    const stop = new AbortController()
    process.once('SIGUSR2', () => stop.abort(new Error('stop')))
    tell('open')
    await Promise.all(mixed(queue, stop.signal))
    await queue.close()
  },

  async pop({ folder, options, seed }) {
    const random = randomFrom(seed)
    const queue = await AsyncQueue.open<Produced>(folder, options)
    // A handle of its own behind the last item ends each consumer.
    for (let ended = false; !ended; ) {
      const items = random() < 0.3 ? [await queue.pop()] : await queue.pop(Math.floor(random() * 50))
      const found = items.filter((item) => item !== undefined)
      ended = found.some(({ producer }) => producer < 0)
      if (found.length > 0) tell(found.map(({ producer, number }) => `${producer}:${number}`).join(' '))
      else await (random() < 0.8 ? pause(random() * 3) : turn())
    }
    await queue.close()
  },
}

/** Takes four items, and tells of them when it holds them. */
async function hold(queue: AsyncQueue<Numbered>, way: Holding): Promise<unknown> {
  const told = (items: readonly Numbered[]) => tell(items.map(({ number }) => number).join(' '))
  if (way === 'lease') {
    const deliveries = await queue.lease(4)
    told(deliveries.map(({ item }) => item))
    await pause(600_000)
    // Whoever has let go of the handle and of all its deliveries is about to be closed.
    return queue.close()
  }
  const held: Numbered[] = []
  if (way === 'deliveries') {
    for await (const { item } of queue.deliveries({ prefetch: 4 })) {
      if (held.push(item) < 4) continue
      told(held)
      await pause(600_000)
    }
  }
  if (way === 'loop') {
    for await (const item of queue.items({ prefetch: 4 })) {
      told([item])
      await pause(600_000)
    }
  }
  const handler = async (items: Numbered[]) => {
    told(items)
    await pause(600_000)
  }
  return queue.consume(handler, { batch: 4 })
}

/** Settles each item when it is told, until the poison. */
async function stumble(queue: AsyncQueue<Numbered>, way: Stumbling, poison: number): Promise<void> {
  const work = async (items: readonly Numbered[]) => {
    const told = items.map(({ number }) => number)
    tell(told.join(' '))
    if (told.includes(poison)) process.abort()
    // A slow body: what it has finished is acknowledged before the next.
    await pause(5)
  }
  const end = { wait: false } as const
  if (way === 'consume') await queue.consume((items) => work(items), { ...end, batch: 4 })
  if (way === 'batches') for await (const items of queue.batches(4, end)) await work(items)
  if (way === 'items') for await (const item of queue.items(end)) await work([item])
  if (way !== 'deliveries') return
  for await (const delivery of queue.deliveries({ ...end, prefetch: 4 })) {
    await work([delivery.item])
    await delivery.ack()
  }
}

/** Two loops, a consume that refuses some, a stream and pops. */
function mixed(queue: AsyncQueue<Numbered>, signal: AbortSignal): Promise<unknown>[] {
  const told = ({ number }: Numbered) => tell(`${number}`)
  const loop = async () => {
    for await (const item of queue.items({ signal })) {
      told(item)
      if (item.number % 50 === 0) await pause(1)
    }
  }
  const handler = async (items: Numbered[]) => {
    if (items.some(({ number }) => number % 97 === 0)) throw new Error('refused')
    for (const item of items) told(item)
    await turn()
  }
  const sink = new Writable({
    objectMode: true,
    write(item: Numbered, _, done) {
      told(item)
      setImmediate(done)
    },
  })
  const popping = async () => {
    while (!signal.aborted) {
      for (const item of await queue.pop(3)) told(item)
      await pause(1)
    }
  }
  const stopped = (error: unknown) => {
    if (!signal.aborted) throw error
  }
  const retry = { attempts: 2, minDelay: 1 }
  return [
    loop().catch(stopped),
    loop().catch(stopped),
    queue.consume(handler, { batch: 4, retry, signal }),
    pipeline(queue.createReadStream({ signal }), sink).catch(stopped),
    popping(),
  ]
}

async function drainByPop(queue: AsyncQueue<Reading>, count: number): Promise<void> {
  for (let id = 0; id < count; ) {
    const items = await queue.pop(1000)
    assert.notEqual(items.length, 0)
    for (const item of items) assertReading(item, id++)
  }
}

async function drainByLoop(queue: AsyncQueue<Reading>, count: number): Promise<void> {
  let id = 0
  for await (const item of queue.items({ wait: false })) assertReading(item, id++)
  assert.equal(id, count)
}

// Nothing is built to compare with: what the engine keeps of that would be taken for the queue's.
function assertReading({ id, ts, name, ok }: Reading, expected: number): void {
  const isRight =
    id === expected && ts === START + id && Number(name.slice(NAME.length)) === id && ok === (id % 2 === 0)
  if (!isRight) assert.deepEqual({ id, ts, name, ok }, readingOf(expected))
}

/** Mostly one item, often some, seldom many. */
function sizeOfCall(dice: number): number {
  if (dice < 0.6) return 1
  return dice < 0.95 ? Math.floor(dice * 40) : Math.floor(dice * 600)
}

function isPart(name: string): name is keyof Parts {
  return Object.hasOwn(parts, name)
}

const [part = '', args = '']: string[] = isMainThread ? process.argv.slice(2) : workerData
if (!isPart(part)) throw new TypeError(`there is no part '${part}'`)
await parts[part](JSON.parse(args))
