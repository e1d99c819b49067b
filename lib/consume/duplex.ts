// duplex.ts: the queue as one of Node's Duplex streams. Node's meaning is kept but for these:
//
//   push(item)    is write(item)
//   pipe(sink)    acknowledges an item when the sink has called back for it
//   read()        acknowledges what it returned before
//   destroy()     gives back what is not acknowledged
//
// Each side may be used without the other. Items are taken only for whoever reads the stream; end() ends the writing
// side of the handle; when both sides have ended, or one has failed, the handle closes (Node's autoDestroy).

import { Duplex } from 'node:stream'
import type { PutOptions } from '../call-options.ts'
import { codeOf } from '../text-of.ts'
import { nextTick } from '../wait/timers.ts'
import type { Intake } from './intake.ts'
import type { Chunk } from './pipe.ts'
import { Reading } from './reading.ts'
import type { Session, SessionOptions } from './session.ts'
import { itemsOf, type WriteCallback, Writing } from './writing.ts'

export abstract class ItemDuplex<T> extends Duplex {
  readonly #reading: Reading<T>
  readonly #writing: Writing<T>

  constructor(highWaterMark: number) {
    super({ objectMode: true, highWaterMark })
    this.#reading = new Reading(this, () => this.session({ isPiped: true }))
    this.#writing = new Writing(this, {
      put: (items, options) => this.putBatch(items, options),
      intake: (last) => this.intake(last),
    })
  }

  protected abstract session(options?: SessionOptions): Promise<Session<T>>
  /** One batch, all or nothing; resolves when it is durable. */
  protected abstract putBatch(items: readonly T[], options: PutOptions | undefined): Promise<unknown>
  /** For items one by one, where the queue is open and has no bound. */
  protected abstract intake(last: Intake<T> | undefined): Intake<T> | undefined
  /** No more puts through this handle. */
  protected abstract endWriting(): Promise<void>
  /** Closes the handle, whoever began it; never rejects, because close() does. */
  protected abstract shut(error: Error | null): Promise<void>

  /** Resolves when what was written to the stream by now is in the queue, or will never be. */
  protected written(): Promise<void> {
    return this.#writing.idle()
  }

  /** The queue is closing: nothing more is handed out; its readers end when sinks have called back. */
  protected stopReading(): void {
    this.#reading.stop()
  }

  /** Whether it is, or was, read as a stream. */
  protected get isRead(): boolean {
    return this.#reading.isUsed
  }

  /** Whether what was written to the stream is still on its way into the queue. */
  protected get isWriting(): boolean {
    return this.#writing.isBusy
  }

  /** Begins a put behind what was written before it; returns how to begin it now. */
  protected behindWrites(begin: () => void): () => void {
    return this.#writing.behind(begin)
  }

  /** Writes the item, as a stream does: false tells to wait for 'drain'. */
  override push(item: T): boolean {
    return this.write(item)
  }

  override write(item: Chunk, encoding?: BufferEncoding | WriteCallback, callback?: WriteCallback): boolean {
    return this.#writing.write(item, encoding, callback)
  }

  override end(...words: unknown[]): this {
    this.#writing.end(words)
    return this
  }

  override read(n?: number): Chunk {
    return this.#reading.read(n)
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

  override emit(event: string | symbol, ...rest: unknown[]): boolean {
    return event === 'data' ? this.#reading.give(rest[0]) : super.emit(event, ...rest)
  }

  /**
   * Closes without waiting: what is not acknowledged is given back, puts under way still tell the truth. With an
   * error, it is emitted as 'error'.
   */
  override destroy(error?: Error | null): this {
    // A pipeline whose function has read all it wanted destroys its source with this, though nothing failed.
    const failure = codeOf(error) === 'ERR_STREAM_DESTROYED' ? undefined : error
    return super.destroy(failure ?? undefined)
  }

  override _read(): void {
    this.#reading.wanted()
  }

  override _write(item: T, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#writing.put([item], callback)
  }

  override _writev(entries: { chunk: T }[], callback: WriteCallback): void {
    this.#writing.put(itemsOf(entries), callback)
  }

  override _final(callback: WriteCallback): void {
    const ended = this.#writing.ended().then(() => this.endWriting())
    ended.then(
      () => nextTick(callback, null),
      (error) => nextTick(callback, error),
    )
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#writing.stop()
    // Both at once: what a reader gave back late would be given back by the closing.
    const left = this.#reading.leave('none')
    Promise.allSettled([left, this.shut(error)]).then(() => callback(error))
  }
}
