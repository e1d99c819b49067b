// writing.ts: the writing side of a stream: what Node hands it goes into the queue as one batch, and is called back
// for when it has the queue's durability. What is written within one tick is one batch, not its first item and then
// the others: that halves the batches of a source that is slower than the disk (`begin`).
//
// A batch that is refused, because there is no room for it or one of its items cannot be encoded, is halved until all
// that can go in before the first that cannot is in; only a single item waits for room. So a stream writes its items
// one by one, as far as anybody can tell: nobody waits for items that wait for more room than they need.
// Node gives a failure to every callback of a batch; `told` keeps it from those whose items were put before it.

import type { Writable } from 'node:stream'
import type { PutOptions } from '../call-options.ts'
import { CodecError, QueueFullError } from '../errors.ts'

export type WriteCallback = (error?: Error | null) => void

/** One batch, all or nothing; resolves when it is durable. */
export type PutBatch<T> = (items: readonly T[], options: PutOptions | undefined) => Promise<unknown>

export class Writing<T> {
  readonly #stream: Writable
  readonly #put: PutBatch<T>
  /** Items written to the stream; how many of them, from the first one on, are durable, and have their answer. */
  #written = 0
  #durable = 0
  #answered = 0
  #waiting: { readonly until: number; readonly resolve: () => void }[] = []

  constructor(stream: Writable, put: PutBatch<T>) {
    this.#stream = stream
    this.#put = put
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
    return callback && ((error) => callback(at < this.#durable ? null : error))
  }

  /** One more item was written to the stream. */
  wrote(): void {
    this.#written += 1
  }

  /** The stream's `_write` and `_writev`. */
  put(items: readonly T[], callback: WriteCallback): void {
    // Behind a tick, so that what a callback throws reaches the process and not a promise.
    this.#batch(items).then(
      () => process.nextTick(callback, null),
      (error) => process.nextTick(callback, error),
    )
  }

  /** Resolves when everything written by now has its answer, or will never get one. */
  idle(): Promise<void> {
    if (this.#answered >= this.#written) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ until: this.#written, resolve }))
  }

  /** The stream is destroyed: what it buffers is never put. */
  stop(): void {
    this.#answer(Infinity)
  }

  async #batch(items: readonly T[]): Promise<void> {
    try {
      await this.#put(items, items.length > 1 ? { wait: false } : undefined)
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
