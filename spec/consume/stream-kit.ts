// stream-kit.ts: what the specs of the streams share: places to open queues at, sources and sinks.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after } from 'node:test'
import { UnsupportedError } from '../../lib/errors.ts'
import type { QueueOptions } from '../../lib/options.ts'
import { AsyncQueue } from '../../lib/queue.ts'

export interface Place {
  readonly name: string
  /** A new location. */
  fresh(): string
}

const folder = mkdtempSync(join(tmpdir(), 'spoolq-streams-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
let made = 0

const memory: Place = { name: 'memory', fresh: () => `memory:stream-${process.pid}-${++made}` }
const directory: Place = { name: 'log', fresh: () => join(folder, String(++made)) }

async function isBuilt(place: Place): Promise<boolean> {
  try {
    const queue = await AsyncQueue.open(place.fresh())
    await queue.close()
    return true
  } catch (error) {
    if (error instanceof UnsupportedError) return false
    throw error
  }
}

/** Where every spec of a stream runs. */
export const places: readonly Place[] = (await isBuilt(directory)) ? [memory, directory] : [memory]

const untold: unknown[] = []
process.on('unhandledRejection', (error) => untold.push(error))
process.on('uncaughtException', (error) => untold.push(error))

/** Nothing may be told to nobody: a rejection or an error that no one listens for fails the file that says this. */
export function nothingUntold(): void {
  after(() => assert.deepEqual(untold.splice(0), []))
}

export function open(location: string, options?: QueueOptions<number>): Promise<AsyncQueue<number>> {
  return AsyncQueue.open<number>(location, options)
}

/** `from` to `to`, both included. */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** A queue that holds 1 to `count`, opened by a handle that has put nothing. */
export async function filled(
  location: string,
  count: number,
  options?: QueueOptions<number>,
): Promise<AsyncQueue<number>> {
  const putter = await open(location)
  await putter.putMany(numbers(1, count))
  await putter.close()
  return open(location, options)
}

/** What is ready, in order, by a handle of its own. */
export async function readyAt<T = number>(location: string): Promise<T[]> {
  const queue = await AsyncQueue.open<T>(location)
  try {
    const { inFlight } = await queue.counts()
    assert.equal(inFlight, 0, 'nothing is held any more')
    return await queue.peek(1_000_000)
  } finally {
    await queue.close()
  }
}

/** How a sink calls back: at once, after a tick, a turn, or for many at once. */
export type Manner = 'sync' | 'tick' | 'turn' | 'writev'
export const manners: readonly Manner[] = ['sync', 'tick', 'turn', 'writev']

export interface SinkOptions {
  readonly manner?: Manner
  /** The number of the write that fails, counted from 1. */
  readonly failAt?: number
  /** The number of the write that is not called back for before `release`. */
  readonly stallAt?: number
  readonly highWaterMark?: number
}

export const broken = new Error('the sink broke')

/** A sink that keeps what it wrote. */
export class Sink extends Writable {
  readonly items: unknown[] = []
  readonly #manner: Manner
  #failAt: number
  #stallAt: number
  #stalled: (() => void) | undefined

  constructor({ manner = 'tick', failAt = Infinity, stallAt = Infinity, highWaterMark = 16 }: SinkOptions = {}) {
    super({ objectMode: true, highWaterMark, ...(manner === 'writev' && { writev: gather }) })
    this.#manner = manner
    this.#failAt = failAt
    this.#stallAt = stallAt
  }

  /** Whether it has come to the write that stalls. */
  get stalled(): boolean {
    return this.#stalled !== undefined
  }

  release(): void {
    this.#stallAt = Infinity
    this.#stalled?.()
    this.#stalled = undefined
  }

  override _write(item: unknown, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#answer(() => callback(this.accept(item)))
  }

  /** What stalls fails, as Node's own sinks have it. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const stalled = this.#stalled
    this.#stallAt = Infinity
    this.#failAt = 0
    this.#stalled = undefined
    callback(error)
    if (stalled !== undefined) setImmediate(stalled)
  }

  /** Writes one: the error if it is the one that fails. */
  accept(item: unknown): Error | null {
    if (this.items.length + 1 >= this.#failAt) return broken
    this.items.push(item)
    return null
  }

  #answer(answer: () => void): void {
    if (this.items.length + 1 === this.#stallAt) this.#stalled = answer
    else if (this.#manner === 'sync') answer()
    else if (this.#manner === 'tick') process.nextTick(answer)
    else setImmediate(answer)
  }
}

/** All of the batch or nothing, so that what is called back for is what was written. */
function gather(this: Writable, entries: { chunk: unknown }[], callback: (error?: Error | null) => void): void {
  if (!(this instanceof Sink)) throw new Error('only for a Sink')
  const before = this.items.length
  setImmediate(() => {
    const failed = entries.some(({ chunk }) => this.accept(chunk) !== null)
    if (failed) this.items.length = before
    callback(failed ? broken : null)
  })
}

/** A source that is read slowly or fast, and may fail behind its last item. */
export function source(items: Iterable<unknown>, failure?: Error): Readable {
  return Readable.from(
    (function* () {
      yield* items
      if (failure !== undefined) throw failure
    })(),
  )
}

/** Resolves when `met` is; gives up after a minute. */
export async function until(met: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  for (const start = performance.now(); performance.now() - start < 60_000; ) {
    if (await met()) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.fail(`${what} was not met within a minute`)
}

/** Some turns of the event loop, in which what should not happen could. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Resolves when the stream has closed. An 'error' before it is for those who listen for it. */
export async function closed(stream: Readable | Writable): Promise<void> {
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve))
}

/** Resolves when no item is in flight. */
export function nothingHeld(queue: Pick<AsyncQueue, 'counts'>): Promise<void> {
  return until(async () => (await queue.counts()).inFlight === 0, 'that nothing is held')
}
