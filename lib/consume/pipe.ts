// pipe.ts: one sink that a stream's items are handed to, each with a callback. An item is done with when the sink has
// called back for it, and not before: that is what Node's own pipe, which writes without a callback, cannot tell.
//
//      joined ──unpiped, or the sink finished──▶ left      what is out is done with when the sink calls back
//        └────the sink failed or closed────────▶ broken    what is out never will be: the source gives it back
//
// A sink calls back in the order of its writes, so that one function serves all of them, and Node can call it for
// many at once. In all else this is Node's pipe: it pauses its source until 'drain', ends the sink after 'end' (not
// stdout and stderr), tells it 'pipe' and 'unpipe', and leaves it when it ends. It watches for the sink's failure
// without being one of its 'error' listeners, so that nobody takes the failure for handled. A sink that throws (a
// byte stream that is handed an object) is destroyed with what it threw, as on Node 24 and later.

import { errorMonitor } from 'node:events'
import type { Readable } from 'node:stream'
import { Fifo } from '../fifo.ts'
import type { Held } from './session.ts'

/** What Node's types call an item: a stream whose methods took or returned a T would be no NodeJS.ReadWriteStream. */
export type Chunk = ReturnType<Readable['read']>

/** The side of the stream that gives items out. */
export interface PipeSource<T> {
  /** What is being handed on; undefined: an item that was never the queue's (unshifted). */
  readonly current: Held<T> | undefined
  /** The sink is done with one. */
  written(held: Held<T> | undefined): void
  /** The sink wants no more for now, or does again. */
  filled(): void
  drained(): void
  /** The sink will never be done with what is still out. */
  broken(pipe: Pipe<T>): void
}

/** Whether a sink calls back for what it is handed: Node's do, and what is made like them. */
export function callsBack(sink: NodeJS.WritableStream): boolean {
  return 'writableLength' in sink
}

export class Pipe<T> {
  readonly sink: NodeJS.WritableStream
  readonly #stream: Readable
  readonly #source: PipeSource<T>
  readonly #ends: boolean
  /** With the sink, which has not called back for them yet. */
  readonly #out = new Fifo<Held<T> | undefined>()
  #state: 'joined' | 'left' | 'broken' = 'joined'
  #full = false

  constructor(stream: Readable, source: PipeSource<T>, sink: NodeJS.WritableStream, ends: boolean) {
    this.sink = sink
    this.#stream = stream
    this.#source = source
    this.#ends = ends && sink !== process.stdout && sink !== process.stderr
  }

  /** Items that the sink has not called back for. */
  get out(): number {
    return this.#out.length
  }

  join(): void {
    const { sink } = this
    this.#stream.on('data', this.#hand)
    if (this.#stream.readableEnded) process.nextTick(this.#ended)
    else this.#stream.once('end', this.#ended)
    sink.on('drain', this.#drained)
    sink.on(errorMonitor, this.#failed)
    sink.once('finish', this.#finished)
    sink.once('close', this.#closed)
    sink.emit('pipe', this.#stream)
    if ('writableNeedDrain' in sink && sink.writableNeedDrain === true) this.#fill()
    else this.#stream.resume()
  }

  /** Hands nothing on any more. */
  leave(): void {
    if (this.#state !== 'joined') return
    this.#state = 'left'
    this.#stream.off('data', this.#hand).off('end', this.#ended)
    this.sink.off('drain', this.#drained).off('finish', this.#finished)
    this.#drain()
    if (this.#out.length === 0) this.#unwatch()
    this.sink.emit('unpipe', this.#stream, { hasUnpiped: true })
  }

  /** Nothing that the sink calls back counts any more. */
  break(): void {
    this.#state = 'broken'
    this.#unwatch()
  }

  readonly #hand = (item: Chunk): void => {
    this.#out.push(this.#source.current)
    try {
      if (!this.sink.write(item, undefined, this.#written)) this.#fill()
    } catch (error) {
      // No callback will come for it. A sink that throws is of no more use to any stream.
      if ('destroy' in this.sink && typeof this.sink.destroy === 'function') this.sink.destroy(error)
      else throw error
    }
  }

  readonly #written = (error?: Error | null): void => {
    if (this.#state === 'broken') return
    if (error) return this.#failed()
    const held = this.#out.at(0)
    this.#out.drop(1)
    this.#source.written(held)
    if (this.#state === 'left' && this.#out.length === 0) this.#unwatch()
  }

  #fill(): void {
    if (this.#full || this.#state !== 'joined') return
    this.#full = true
    this.#source.filled()
  }

  #drain(): void {
    if (!this.#full) return
    this.#full = false
    this.#source.drained()
  }

  readonly #drained = (): void => this.#drain()

  readonly #ended = (): void => {
    if (this.#ends) this.sink.end()
    else this.#stream.unpipe(this.sink)
  }

  readonly #finished = (): void => {
    this.#stream.unpipe(this.sink)
  }

  readonly #failed = (): void => this.#source.broken(this)

  readonly #closed = (): void => {
    if (this.#out.length > 0) this.#source.broken(this)
    else this.#stream.unpipe(this.sink)
  }

  #unwatch(): void {
    this.sink.off(errorMonitor, this.#failed).off('close', this.#closed)
  }
}
