// read-stream.ts: what createReadStream() returns: a Readable of its own that takes from the queue, and leaves it open
// when it ends. Destroyed, it gives back what is not acknowledged; so it does when the queue closes, where it ends,
// or, if a sink still holds items that others will get, is destroyed.

import { addAbortSignal, Readable } from 'node:stream'
import type { Consumer, Core } from './core.ts'
import type { Chunk } from './pipe.ts'
import { Reading } from './reading.ts'
import { Session, type SessionOptions } from './session.ts'

export interface ReadStreamOptions {
  readonly wait?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly highWaterMark: number
}

export class ReadStream<T> extends Readable {
  readonly #reading: Reading<T>
  /** What the core knows of this stream. */
  #known: { readonly core: Core<T>; readonly consumer: Consumer } | undefined

  /** `open` also keeps the queue from being collected while the stream is in use. */
  constructor(open: () => Promise<Core<T>>, { wait, signal, highWaterMark }: ReadStreamOptions) {
    super({ objectMode: true, highWaterMark })
    this.#reading = new Reading(this, async () => this.#enter(await open(), { wait }))
    // Last, because a signal that has aborted destroys at once.
    if (signal !== undefined) addAbortSignal(signal, this)
  }

  override _read(): void {
    this.#reading.wanted()
  }

  override read(n?: number): Chunk {
    return this.#reading.read(n)
  }

  override emit(event: string | symbol, ...rest: unknown[]): boolean {
    return event === 'data' ? this.#reading.give(rest[0]) : super.emit(event, ...rest)
  }

  override pipe<S extends NodeJS.WritableStream>(sink: S, options?: { end?: boolean }): S {
    this.#reading.pipes.join(sink, options?.end !== false)
    return sink
  }

  override unpipe(sink?: NodeJS.WritableStream): this {
    this.#reading.pipes.leave(sink)
    return this
  }

  override unshift(item: Chunk): void {
    this.#reading.unshift(item)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#known?.core.consumers.delete(this.#known.consumer)
    const left = this.#reading.leave('all')
    // Nobody may listen any more, so a failure is told by the queue's next call.
    left.catch((failure) => this.#known?.core.failLater(failure)).then(() => callback(error))
  }

  #enter(core: Core<T>, options: SessionOptions): Session<T> {
    this.#known ??= { core, consumer: consumerOf(core, this.#reading) }
    if (!this.destroyed) core.consumers.add(this.#known.consumer)
    return new Session(core, { ...options, isPiped: true })
  }
}

/** It refers to the stream weakly: the core outlives a queue that is dropped, and the stream holds that queue. */
function consumerOf<T>(core: Core<T>, reading: Reading<T>): Consumer {
  const weak = new WeakRef(reading)
  return {
    // Its session tells.
    inHand: false,
    stop: async () => weak.deref()?.stop(),
    leave: async () => weak.deref()?.close(core.hasFailed ? core.closedError() : undefined),
  }
}
