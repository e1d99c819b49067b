// pipes.ts: the sinks that one stream is piped into. Each item is handed to all of them, and is done with when each of
// them has called back for it without an error. While one of them is full, the stream pauses.
//
// What was handed out is counted in rounds: when the stream gives back, it waits for the callbacks of the round that is
// over, for a while, and those of the next one have a count of their own.

import { Readable } from 'node:stream'
import { pause } from '../wait/pause.ts'
import type { Held } from './held.ts'
import { type Chunk, callsBack, type Handed, Pipe, type PipeSource, type Round } from './pipe.ts'

/** Whose sinks these are. */
export interface PipesOwner<T> {
  /** Every sink has written the item; undefined: one that was never the queue's (unshifted). */
  done(held: Held<T> | undefined): void
  /** A sink is gone that has not written all that it was handed. */
  broken(): void
}

/** How long a sink that has failed, or whose source is gone, may take to call back for what it has in hand. */
export const PATIENCE_MS = 1000

// What the stream overrides with these, done below its overrides.
const node = Readable.prototype

export class Pipes<T> implements PipeSource<T> {
  current: Handed<T> | undefined
  readonly #stream: Readable
  readonly #owner: PipesOwner<T>
  readonly #pipes = new Set<Pipe<T>>()
  #round: Round = { out: 0, idle: undefined }
  #full = 0
  #state: 'open' | 'stopped' = 'open'

  constructor(stream: Readable, owner: PipesOwner<T>) {
    this.#stream = stream
    this.#owner = owner
  }

  /** Sinks that items are handed to. */
  get size(): number {
    return this.#pipes.size
  }

  /** Callbacks of this round that have yet to come. */
  get out(): number {
    return this.#round.out
  }

  /** Whether a sink wants no more for now. */
  get full(): boolean {
    return this.#full > 0
  }

  /** One that never calls back is left to Node: what it gets counts as read by hand. */
  join(sink: NodeJS.WritableStream, ends: boolean): void {
    if (!callsBack(sink)) {
      node.pipe.call(this.#stream, sink, { end: ends })
      return
    }
    const pipe = new Pipe(this.#stream, this, sink, ends)
    this.#pipes.add(pipe)
    pipe.join()
  }

  /** Hands nothing to the sink any more, or to any of them. What it was handed is still done with by its callbacks. */
  leave(sink?: NodeJS.WritableStream): void {
    const leaving = [...this.#pipes].filter((pipe) => sink === undefined || pipe.sink === sink)
    for (const pipe of leaving) {
      this.#pipes.delete(pipe)
      pipe.leave()
    }
    if (leaving.length > 0 && this.#pipes.size === 0) this.#stream.pause()
    node.unpipe.call(this.#stream, sink)
  }

  /** The stream is over: it neither hands on anything nor flows again. */
  stop(): void {
    this.#state = 'stopped'
    for (const pipe of this.#pipes) pipe.leave()
  }

  /** Ends the round; calls, at once where it can, when all of its callbacks have come or `patienceMs` is over. */
  settle(patienceMs: number, settled: () => void): void {
    const round = this.#round
    this.#round = { out: 0, idle: undefined }
    if (round.out === 0 || patienceMs === 0) return settled()
    const waiting = new AbortController()
    const over = (): void => {
      if (round.idle === undefined) return
      round.idle = undefined
      waiting.abort()
      settled()
    }
    round.idle = over
    void pause(patienceMs, waiting.signal).then(over)
  }

  /** Gives an item to all sinks, and to whoever else listens. */
  hand(held: Held<T> | undefined, item: Chunk): boolean {
    const { size } = this.#pipes
    const outer = this.current
    this.#round.out += size
    this.current = { held, sinks: size, round: this.#round }
    const heard = node.emit.call(this.#stream, 'data', item)
    this.current = outer
    return heard
  }

  calledBack(handed: Handed<T> | undefined, isWritten: boolean): void {
    if (handed === undefined) return
    const { held, round } = handed
    round.out -= 1
    if (isWritten) handed.sinks -= 1
    if (handed.sinks === 0) this.#owner.done(held)
    if (round.out === 0) round.idle?.()
  }

  filled(): void {
    this.#full += 1
    this.#stream.pause()
  }

  drained(): void {
    this.#full -= 1
    if (this.#full === 0 && this.#state === 'open') this.#stream.resume()
  }

  failed(): void {
    this.#owner.broken()
  }
}
