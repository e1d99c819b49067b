// writing.ts: the writing side of a stream: what Node hands it goes into the queue, and whoever wrote it is called back
// when it has the queue's durability. What is written within one tick comes together (`begin`).
//
//    write ─▶ Node's buffer ──a tick──▶ encoded (Intake) ──a document's worth, or a turn──▶ appended ─▶ called back
//              up to highWaterMark ◀─drain─┘  while one is appended, Node's next waits
//
// So Node is told that it may go on once its items are encoded: a source that brings 16 at a time makes batches of up to
// 256, and memory holds those bytes beside what Node buffers. The callbacks of the writes are kept until it is true (`told`).
//
// Where a put may be refused (a bound, a unique queue, one that is not open yet) each tick's items are one batch, and Node
// is told when that is durable. A batch that is refused, because there is no room for it or one of its items cannot be
// encoded, is halved until all that can go in before the first that cannot is in; only a single item waits for room. So a
// stream writes its items one by one, as far as anybody can tell: nobody waits for items that wait for more room than
// they need. Node gives a failure to every callback of a batch; `told` keeps it from those whose items were put before it.

import type { Writable } from 'node:stream'
import type { PutOptions } from '../call-options.ts'
import { CodecError, QueueFullError } from '../errors.ts'
import type { Intake } from './intake.ts'

export type WriteCallback = (error?: Error | null) => void

/** One batch, all or nothing; resolves when it is durable. */
export type PutBatch<T> = (items: readonly T[], options: PutOptions | undefined) => Promise<unknown>

export interface WritingPorts<T> {
  readonly put: PutBatch<T>
  /** The same as the last time, or a new one; undefined where a put may be refused, now at least. */
  intake(last: Intake<T> | undefined): Intake<T> | undefined
}

export class Writing<T> {
  readonly #stream: Writable
  readonly #ports: WritingPorts<T>
  #intake: Intake<T> | undefined
  /** Of what was taken in. */
  #appending: Promise<void> | undefined
  /** What was taken in could not be put: there is no going on. */
  #failure: Error | undefined
  /** Node's, for what was taken in while that goes on. */
  #held: WriteCallback | undefined
  /** The writers', for what was taken in. */
  #callbacks: { readonly at: number; readonly callback: WriteCallback }[] = []
  /** Items written to the stream; how many of them, from the first one on, are durable, and have their answer. */
  #written = 0
  #durable = 0
  #answered = 0
  #waiting: { readonly until: number; readonly resolve: () => void }[] = []

  constructor(stream: Writable, ports: WritingPorts<T>) {
    this.#stream = stream
    this.#ports = ports
  }

  /** An item is about to be written: if it is the first of a tick, those of the whole tick wait for its end. */
  begin(): void {
    if (this.#stream.writableLength > 0 || this.#stream.writableCorked > 0) return
    this.#stream.cork()
    process.nextTick(uncork, this.#stream)
  }

  /** The callback of the next item to be written, for Node. */
  told(callback: WriteCallback | undefined): WriteCallback | undefined {
    const at = this.#written
    return (
      callback &&
      ((error) => {
        if (error || at < this.#durable) callback(at < this.#durable ? null : error)
        else this.#callbacks.push({ at, callback })
      })
    )
  }

  /** One more item was written to the stream. */
  wrote(): void {
    this.#written += 1
  }

  /** The stream's `_write` and `_writev`. */
  put(items: readonly T[], callback: WriteCallback): void {
    const intake = this.#ports.intake(this.#intake)
    if (intake !== undefined) return this.#take(intake, items, callback)
    // Behind a tick, so that what a callback throws reaches the process and not a promise.
    const batch = this.#intake === undefined ? this.#batch(items) : this.#flushed().then(() => this.#batch(items))
    batch.then(
      () => process.nextTick(callback, null),
      (error) => process.nextTick(callback, error),
    )
  }

  #take(intake: Intake<T>, items: readonly T[], callback: WriteCallback): void {
    this.#intake = intake
    try {
      for (const item of items) intake.add(item)
    } catch (error) {
      // Those before it are put.
      void this.#flushed().then(() => process.nextTick(callback, error), ignore)
      return
    }
    if (intake.isFull) this.#flush()
    else intake.later(this.#flush)
    if (this.#appending === undefined) callback(null)
    else this.#held = callback
  }

  /** Appends what was taken in; one at a time, because what is durable is counted in order. */
  readonly #flush = (): void => {
    const intake = this.#intake
    if (intake === undefined || intake.count === 0 || this.#appending !== undefined || this.#failure) return
    const { count } = intake
    this.#appending = intake.append().then(
      () => this.#appended(count),
      (error) => this.#failed(error),
    )
  }

  #appended(count: number): void {
    this.#appending = undefined
    this.#durable += count
    this.#answer(count)
    const [held, told] = [this.#held, this.#callbacks]
    this.#held = undefined
    if (told.length > 0) {
      this.#callbacks = told.filter(({ at }) => at >= this.#durable)
      for (const { at, callback } of told) if (at < this.#durable) process.nextTick(callback, null)
    }
    if (held !== undefined) process.nextTick(held, null)
    this.#flush()
  }

  #failed(error: Error): void {
    this.#failure = error
    this.#appending = undefined
    for (const { callback } of this.#callbacks.splice(0)) process.nextTick(callback, error)
    if (this.#held !== undefined) process.nextTick(this.#held, error)
    else this.#stream.destroy(error)
  }

  /** Resolves when what was taken in is durable; rejects where it could not be put: then the stream is destroyed. */
  async #flushed(): Promise<void> {
    for (this.#flush(); this.#appending !== undefined; this.#flush()) await this.#appending
    if (this.#failure !== undefined) throw this.#failure
  }

  /** No more will be written: resolves when all that was is durable. */
  end(): Promise<void> {
    return this.#flushed()
  }

  /** Resolves when everything written by now has its answer, or will never get one. */
  idle(): Promise<void> {
    if (this.#answered >= this.#written) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ until: this.#written, resolve }))
  }

  /** The stream is destroyed: what it buffers is never put. */
  stop(): void {
    this.#flush()
    this.#answer(Infinity)
  }

  async #batch(items: readonly T[]): Promise<void> {
    try {
      await this.#ports.put(items, items.length > 1 ? { wait: false } : undefined)
      this.#durable += items.length
      this.#answer(items.length)
    } catch (error) {
      if (items.length === 1 || !separable(error)) throw error
      const middle = items.length >> 1
      await this.#batch(items.slice(0, middle))
      await this.#batch(items.slice(middle))
    }
  }

  #answer(count: number): void {
    this.#answered += count
    if (this.#waiting.length === 0) return
    for (const { until, resolve } of this.#waiting) if (until <= this.#answered) resolve()
    this.#waiting = this.#waiting.filter(({ until }) => until > this.#answered)
  }
}

function uncork(stream: Writable): void {
  stream.uncork()
}

/** Whether a part of the batch may go in where the whole did not. */
function separable(error: unknown): boolean {
  return error instanceof QueueFullError || error instanceof CodecError
}

/** The items of a `_writev`. */
export function itemsOf<T>(entries: readonly { readonly chunk: T }[]): T[] {
  return entries.map(({ chunk }) => chunk)
}

function ignore(): void {}
