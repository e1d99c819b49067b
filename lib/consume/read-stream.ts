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

export class ReadStream<T> extends Readable implements Consumer {
  readonly #reading: Reading<T>
  #core: Core<T> | undefined

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
    this.#core?.consumers.delete(this)
    const left = this.#reading.leave()
    // Nobody may listen any more, so a failure is told by the queue's next call.
    left.catch((failure) => this.#core?.failLater(failure)).then(() => callback(error))
  }

  /** The queue closes. */
  async leave(): Promise<void> {
    if (!this.#reading.close()) this.destroy()
  }

  #enter(core: Core<T>, options: SessionOptions): Session<T> {
    this.#core = core
    if (!this.destroyed) core.consumers.add(this)
    return new Session(core, options)
  }
}
