// pipe.ts: one sink that a stream's items are handed to, each write with a callback of its own. An item is done with when
// the sink has called back for that very item without an error, and not before: that is what Node's own pipe, which
// writes without a callback, cannot tell.
//
//      joined ──unpiped, or the sink finished──▶ left       what is out is done with when the sink calls back
//        └────the sink failed or closed────────▶ failed     likewise, for as long as the source waits for it
//
// A sink may call back in any order, at once or late, twice (the first call counts) or never. What it calls back with is an
// error where Node's Writable says so: undefined, null, false, 0 and '' are none.
//
// In all else this is Node's pipe: it pauses its source until 'drain', ends the sink after 'end' (not
// stdout and stderr), tells it 'pipe' and 'unpipe', and leaves it when it ends. It watches for the sink's failure
// without being one of its 'error' listeners, so that nobody takes the failure for handled. A sink that throws (a
// byte stream that is handed an object) is destroyed with what it threw, as on Node 24 and later.

import { errorMonitor } from 'node:events'
import type { Readable } from 'node:stream'
import { nextTick } from '../wait/timers.ts'
import type { Held } from './held.ts'

/** What Node's types call an item: a stream whose methods took or returned a T would be no NodeJS.ReadWriteStream. */
export type Chunk = ReturnType<Readable['read']>

/** The side of the stream that gives items out. */
export interface PipeSource<T> {
  /** What is being handed on. */
  readonly current: Handed<T> | undefined
  /** The sink has called back for one; `isWritten` false: with an error. */
  calledBack(handed: Handed<T> | undefined, isWritten: boolean): void
  /** The sink wants no more for now, or does again. */
  filled(): void
  drained(): void
  /** The sink takes no more, and has not written some of what it was handed; it may still call back for that. */
  failed(): void
}

/** An item on its way through sinks. */
export interface Handed<T> {
  /** Undefined: an item that was never the queue's (unshifted). */
  readonly held: Held<T> | undefined
  /** How many sinks have yet to write it. */
  sinks: number
  /** What was handed out since the source last gave back; so many callbacks have yet to come. */
  readonly round: Round
}

export interface Round {
  out: number
  /** Called when none is out any more. */
  idle: (() => void) | undefined
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
  /** Items that the sink has not called back for. */
  #out = 0
  #state: 'joined' | 'left' | 'failed' = 'joined'
  #full = false

  constructor(stream: Readable, source: PipeSource<T>, sink: NodeJS.WritableStream, ends: boolean) {
    this.sink = sink
    this.#stream = stream
    this.#source = source
    this.#ends = ends && sink !== process.stdout && sink !== process.stderr
  }

  join(): void {
    const { sink } = this
    this.#stream.on('data', this.#hand)
    if (this.#stream.readableEnded) nextTick(this.#ended)
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
    if (this.#out === 0) this.#unwatch()
    this.sink.emit('unpipe', this.#stream, { hasUnpiped: true })
  }

  readonly #hand = (item: Chunk): void => {
    const { current } = this.#source
    let isOut = true
    this.#out += 1
    const calledBack = (error?: unknown): void => {
      if (!isOut) return
      isOut = false
      this.#calledBack(current, !error)
    }
    try {
      if (!this.sink.write(item, undefined, calledBack)) this.#fill()
    } catch (error) {
      // No callback will come for it. A sink that throws is of no more use to any stream.
      calledBack(REFUSED)
      if ('destroy' in this.sink && typeof this.sink.destroy === 'function') this.sink.destroy(error)
      else throw error
    }
  }

  #calledBack(handed: Handed<T> | undefined, isWritten: boolean): void {
    this.#out -= 1
    this.#source.calledBack(handed, isWritten)
    if (!isWritten) this.#fail(true)
    else if (this.#state === 'left' && this.#out === 0) this.#unwatch()
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

  readonly #failed = (): void => this.#fail(this.#out > 0)

  readonly #closed = (): void => {
    if (this.#out > 0) this.#fail(true)
    else this.#stream.unpipe(this.sink)
  }

  #fail(isShort: boolean): void {
    if (this.#state === 'failed') return
    this.#stream.unpipe(this.sink)
    this.#state = 'failed'
    this.#unwatch()
    if (isShort) this.#source.failed()
  }

  #unwatch(): void {
    this.sink.off(errorMonitor, this.#failed).off('close', this.#closed)
  }
}

const REFUSED = true
