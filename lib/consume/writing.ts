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
//
// A put of the same handle comes behind what was written before it, and before what is written later (`behind`): what was
// taken in is appended first, and a batch is parted where a put belongs.

import { Writable } from 'node:stream'
import type { PutOptions } from '../call-options.ts'
import { CodecError, QueueFullError } from '../errors.ts'
import { nextTick } from '../wait/timers.ts'
import type { Intake } from './intake.ts'
import type { Chunk } from './pipe.ts'
import { type PutBehind, PutsBehind } from './puts-behind.ts'

export type WriteCallback = (error?: Error | null) => void

/** One batch, all or nothing; resolves when it is durable. */
export type PutBatch<T> = (items: readonly T[], options: PutOptions | undefined) => Promise<unknown>

export interface WritingPorts<T> {
  readonly put: PutBatch<T>
  /** The same as the last time, or a new one; undefined where a put may be refused, now at least. */
  intake(last: Intake<T> | undefined): Intake<T> | undefined
}

/** What comes behind a put that waits for what was written before it. */
interface Rest<T> {
  readonly items: readonly T[]
  readonly callback: WriteCallback
}

// What the stream overrides with these, done below its overrides.
const node = Writable.prototype

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
  /**
   * Items written to the stream; how many of them, from the first one on, were taken in, are on their way into the store,
   * are durable, and have their answer.
   */
  #written = 0
  #taken = 0
  #begun = 0
  #durable = 0
  #answered = 0
  readonly #puts = new PutsBehind()
  #rest: Rest<T> | undefined
  #waiting: { readonly until: number; readonly resolve: () => void }[] = []

  constructor(stream: Writable, ports: WritingPorts<T>) {
    this.#stream = stream
    this.#ports = ports
  }

  /** Whether something that was written has no answer yet. */
  get isBusy(): boolean {
    return this.#answered < this.#written || this.#puts.next !== Infinity
  }

  /** The stream's `write`. */
  write(item: Chunk, encoding: BufferEncoding | WriteCallback | undefined, callback?: WriteCallback): boolean {
    const told = typeof encoding === 'function' ? encoding : callback
    if (this.#isOver) return node.write.call(this.#stream, item, 'utf8', told)
    this.#begin()
    const more = node.write.call(this.#stream, item, 'utf8', this.#told(told))
    this.#written += 1
    return more
  }

  /** The stream's `end`, which may bring a last item. */
  end(words: readonly unknown[]): void {
    const [item] = words
    if (item !== undefined && item !== null && typeof item !== 'function' && !this.#isOver) this.#written += 1
    Reflect.apply(node.end, this.#stream, words)
  }

  /** Node refuses what is written. */
  get #isOver(): boolean {
    return this.#stream.writableEnded || this.#stream.destroyed
  }

  /** An item is about to be written: if it is the first of a tick, those of the whole tick wait for its end. */
  #begin(): void {
    if (this.#stream.writableLength > 0 || this.#stream.writableCorked > 0) return
    this.#stream.cork()
    nextTick(uncork, this.#stream)
  }

  /** The callback of the next item to be written, for Node. */
  #told(callback: WriteCallback | undefined): WriteCallback | undefined {
    const at = this.#written
    return (
      callback &&
      ((error) => {
        if (error || at < this.#durable) callback(at < this.#durable ? null : error)
        else this.#callbacks.push({ at, callback })
      })
    )
  }

  /** Begins a put behind all that was written before it: at once, where that can be. Returns how to begin it now. */
  behind(begin: () => void): () => void {
    const put: PutBehind = { at: this.#written, begin }
    this.#puts.add(put)
    while (this.#stream.writableCorked > 0) this.#stream.uncork()
    this.#flush()
    return () => {
      if (this.#puts.remove(put)) begin()
    }
  }

  /** The stream's `_write` and `_writev`. */
  put(items: readonly T[], callback: WriteCallback): void {
    const intake = this.#ports.intake(this.#intake)
    if (intake !== undefined) return this.#take(intake, items, callback)
    // Behind a tick, so that what a callback throws reaches the process and not a promise.
    const batch = this.#intake === undefined ? this.#batches(items) : this.#flushed().then(() => this.#batches(items))
    batch.then(
      () => nextTick(callback, null),
      (error) => nextTick(callback, error),
    )
  }

  #take(intake: Intake<T>, items: readonly T[], callback: WriteCallback): void {
    this.#intake = intake
    const count = Math.min(items.length, this.#puts.next - this.#taken)
    try {
      for (const item of count < items.length ? items.slice(0, count) : items) intake.add(item)
      this.#taken += count
    } catch (error) {
      // Those before it are put.
      void this.#flushed().then(() => nextTick(callback, error), ignore)
      return
    }
    if (count < items.length) {
      this.#rest = { items: items.slice(count), callback }
      return this.#flush()
    }
    if (intake.isFull) this.#flush()
    else intake.later(this.#flush)
    if (this.#appending === undefined) callback(null)
    else this.#held = callback
  }

  /** A put that stood between has begun. */
  #takeRest(): void {
    const rest = this.#rest
    this.#rest = undefined
    if (rest !== undefined) this.put(rest.items, rest.callback)
  }

  /** Appends what was taken in; one at a time, because what is durable is counted in order. */
  readonly #flush = (): void => {
    const intake = this.#intake
    if (this.#appending !== undefined || this.#failure) return
    if (intake !== undefined && intake.count > 0) {
      const { count } = intake
      this.#begun += count
      this.#appending = intake.append().then(
        () => this.#appended(count),
        (error) => this.#failed(error),
      )
    }
    this.#puts.beginUpTo(this.#begun)
    this.#takeRest()
  }

  #appended(count: number): void {
    this.#appending = undefined
    this.#durable += count
    this.#answer(count)
    const [held, told] = [this.#held, this.#callbacks]
    this.#held = undefined
    if (told.length > 0) {
      this.#callbacks = told.filter(({ at }) => at >= this.#durable)
      for (const { at, callback } of told) if (at < this.#durable) nextTick(callback, null)
    }
    if (held !== undefined) nextTick(held, null)
    this.#flush()
  }

  #failed(error: Error): void {
    this.#failure = error
    this.#appending = undefined
    for (const { callback } of this.#callbacks.splice(0)) nextTick(callback, error)
    const callback = this.#held ?? this.#rest?.callback
    if (callback !== undefined) nextTick(callback, error)
    else this.#stream.destroy(error)
  }

  /** Resolves when what was taken in is durable; rejects where it could not be put: then the stream is destroyed. */
  async #flushed(): Promise<void> {
    for (this.#flush(); this.#appending !== undefined; this.#flush()) await this.#appending
    if (this.#failure !== undefined) throw this.#failure
  }

  /** No more will be written: resolves when all that was is durable. */
  ended(): Promise<void> {
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
    this.#puts.beginUpTo(Infinity)
  }

  /** Parted where a put comes between. */
  async #batches(items: readonly T[]): Promise<void> {
    for (let at = 0; at < items.length; ) {
      const count = Math.min(items.length - at, this.#puts.next - this.#taken)
      this.#taken += count
      if (count > 0) await this.#batch(count < items.length ? items.slice(at, at + count) : items)
      this.#puts.beginUpTo(this.#begun)
      at += count
    }
  }

  async #batch(items: readonly T[]): Promise<void> {
    try {
      await this.#ports.put(items, items.length > 1 ? { wait: false } : undefined)
      this.#begun += items.length
      this.#puts.beginUpTo(this.#begun)
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
