// sink-histories.ts: random histories of sinks that a queue is piped into, one after the other. A sink calls back for an
// item in its write, a tick or some turns later, in any order, twice or never, with anything as its error; or its write
// throws. What it called back for first, and without an error, is gone from the queue; all else comes again, in order.
//
// The truth is recorded where the sink's write gets its callback, so it doesn't matter what Node's Writable makes of a
// callback that comes twice, or of items behind one that failed.

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { type Readable, Writable } from 'node:stream'
import type { AsyncQueue } from '../../lib/index.ts'
import { cut, numbers, turns } from '../queue/place.ts'

export type Dice = () => number
type Callback = (error?: unknown) => void

const NONE: readonly unknown[] = [undefined, null, false, 0, '']
const ERRORS: readonly unknown[] = [new Error('no'), 'no', 1, true, {}, [], () => {}, Symbol('no'), 1n, new Date(0)]
const MANNERS = ['in write', 'in write', 'tick', 'later', 'later', 'later', 'later'] as const
const IDLE_TURNS = 10
/** A source waits a second for callbacks that have yet to come when a sink fails; on a busy machine that may be over. */
const SURELY_WAITED_MS = 500

export interface HistoryParts {
  readonly queue: AsyncQueue<number>
  /** Another handle, which stays open. */
  readonly other: AsyncQueue<number>
  readonly dice: Dice
  /** Aborts when it has taken too long. */
  readonly signal: AbortSignal
}

function pick<E>(dice: Dice, from: readonly E[]): E | undefined {
  return from[Math.floor(dice() * from.length)]
}

/** How one sink behaves, and what it was seen to do. */
class Script {
  /** Items in the order of their writes. */
  readonly handed: number[] = []
  /** Called back for without an error, first; and the moment. */
  readonly written = new Map<number, number>()
  /** When it first called back with an error, or threw. */
  failedAt: number | undefined
  /** Will not be called back for before the history is over. */
  readonly never: Callback[] = []
  readonly #pending: (() => void)[] = []
  readonly #dice: Dice
  readonly #odds: { readonly error: number; readonly never: number; readonly twice: number; readonly throws: number }

  constructor(dice: Dice) {
    this.#dice = dice
    const some = (odds: number): number => (dice() < 0.4 ? odds : 0)
    this.#odds = { error: some(0.2), never: some(0.15), twice: some(0.3), throws: some(0.05) }
  }

  get isIdle(): boolean {
    return this.#pending.length === 0
  }

  /** Whether a callback came so late that its item may have gone back before. */
  get isUndecided(): boolean {
    const { failedAt = Infinity } = this
    return [...this.written.values()].some((at) => at > failedAt + SURELY_WAITED_MS)
  }

  /** Calls one that is waiting, if there is one. */
  callOne(): void {
    const [call] = this.#pending.splice(Math.floor(this.#dice() * this.#pending.length), 1)
    call?.()
  }

  /** A write of the sink; what the pipe's callback gets is recorded. */
  write<R>(item: number, callback: Callback, write: (callback: Callback) => R): R {
    let isFirst = true
    this.handed.push(item)
    const record = (error: unknown): void => {
      if (isFirst) this.#record(item, error)
      isFirst = false
    }
    try {
      return write((error) => {
        record(error)
        callback(error)
      })
    } catch (error) {
      record(true)
      this.fail()
      throw error
    }
  }

  #record(item: number, error: unknown): void {
    if (error) this.fail()
    else this.written.set(item, performance.now())
  }

  fail(): void {
    this.failedAt ??= performance.now()
  }

  /** What the sink does with one item. */
  act(callback: Callback): void {
    const dice = this.#dice
    const { error, never, twice } = this.#odds
    if (dice() < never) {
      this.never.push(callback)
      return
    }
    const answer = (): void => callback(dice() < error ? pick(dice, ERRORS) : pick(dice, NONE))
    this.#soon(answer)
    if (dice() < twice) this.#soon(answer)
  }

  /** Some writes throw, after or before they have called back. */
  throwSome(): void {
    if (this.#dice() < this.#odds.throws) throw pick(this.#dice, ERRORS)
  }

  #soon(answer: () => void): void {
    const manner = pick(this.#dice, MANNERS)
    if (manner === 'in write') return answer()
    this.#pending.push(answer)
    if (manner === 'tick') process.nextTick(() => this.callOne())
  }
}

/** No stream of Node's: it takes all at once, and calls back in any order. */
class FreeSink extends EventEmitter {
  readonly writableLength = 0
  readonly writable = true
  readonly #script: Script
  readonly #dice: Dice

  constructor(script: Script, dice: Dice) {
    super()
    this.#script = script
    this.#dice = dice
  }

  write(item: number, _encoding: unknown, callback: Callback): boolean {
    this.#script.write(item, callback, (recorded) => {
      this.#script.act(recorded)
      this.#script.throwSome()
    })
    if (this.#dice() < 0.7) return true
    setImmediate(() => this.emit('drain'))
    return false
  }

  end(): this {
    setImmediate(() => this.emit('finish'))
    return this
  }

  destroy(error: unknown): this {
    this.emit('error', error)
    this.emit('close')
    return this
  }
}

class NodeSink extends Writable {
  readonly #script: Script

  constructor(script: Script, highWaterMark: number) {
    super({ objectMode: true, highWaterMark })
    this.#script = script
  }

  override write(item: never, _encoding?: unknown, callback?: unknown): boolean {
    return this.#script.write(item, callback as Callback, (recorded) => super.write(item, 'utf8', recorded))
  }

  override _write(_item: unknown, _encoding: string, callback: (error?: never) => void): void {
    this.#script.act((error) => callback(error as never))
  }
}

function newSink(script: Script, dice: Dice): NodeJS.WritableStream {
  const sink = dice() < 0.6 ? new FreeSink(script, dice) : new NodeSink(script, 1 + Math.floor(dice() * 6))
  sink.on('error', () => script.fail())
  sink.on('close', () => script.fail())
  return sink as NodeJS.WritableStream
}

/** Fails where an item is lost, comes twice, or comes out of order; false where the machine was too busy to tell. */
export async function runHistory({ queue, other, dice, signal }: HistoryParts): Promise<boolean> {
  let left = numbers(1, 1 + Math.floor(dice() * 14))
  await other.putMany(left)
  queue.on('error', () => {})
  const source: Readable = dice() < 0.5 ? queue : queue.createReadStream()
  source.on('error', () => {})
  const late: Callback[] = []
  for (let rounds = 1 + Math.floor(dice() * 3); rounds > 0 && left.length > 0; rounds -= 1) {
    const script = new Script(dice)
    await runRound(source, { script, dice, count: left.length, signal })
    late.push(...script.never)
    assert.deepEqual(script.handed, left.slice(0, script.handed.length), 'what a sink is handed')
    if (script.isUndecided) return false
    left = left.filter((item) => !script.written.has(item))
    // The source would wait a second for it.
    if (late.length > 0) break
  }
  if (late.length === 0 && dice() < 0.5) await queue.close()
  else await cut(queue)
  // They come too late: others may have had these items by now.
  for (const callback of late) callback()
  await turns(3)
  assert.deepEqual(await other.peek(99), left, 'what is left in the end')
  assert.equal((await other.counts()).inFlight, 0)
  return true
}

interface Round {
  readonly script: Script
  readonly dice: Dice
  /** Items that are left. */
  readonly count: number
  readonly signal: AbortSignal
}

/** One sink, until it has failed, has everything, or is unpiped; and until all its callbacks came that will come. */
async function runRound(source: Readable, { script, dice, count, signal }: Round): Promise<void> {
  const sink = newSink(script, dice)
  const unpipeAt = dice() < 0.2 ? Math.ceil(dice() * count) : Infinity
  source.pipe(sink)
  let [idle, seen] = [0, 0]
  while (script.failedAt === undefined && script.handed.length < Math.min(count, unpipeAt)) {
    await turns(1)
    signal.throwIfAborted()
    if (dice() < 0.6) script.callOne()
    idle = script.handed.length === seen && script.isIdle ? idle + 1 : 0
    seen = script.handed.length
    // One that never calls back may keep the rest waiting.
    if (idle > IDLE_TURNS && script.never.length > 0) break
  }
  if (unpipeAt !== Infinity) source.unpipe(sink)
  for (let calm = 0; calm < 2; calm = script.isIdle ? calm + 1 : 0) {
    while (!script.isIdle) {
      signal.throwIfAborted()
      script.callOne()
      if (dice() < 0.5) await turns(1)
    }
    await turns(2)
  }
  source.unpipe(sink)
}
