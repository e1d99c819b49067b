// pipes.ts: the sinks that one stream is piped into. Each item is handed to all of them, and is done with when all of
// them have called back for it. While one of them is full, the stream pauses.

import { Readable } from 'node:stream'
import { type Chunk, callsBack, Pipe, type PipeSource } from './pipe.ts'
import type { Held } from './session.ts'

/** Whose sinks these are. */
export interface PipesOwner<T> {
  /** Every sink has called back for the item; undefined: for one that was never the queue's (unshifted). */
  done(held: Held<T> | undefined): void
  /** A sink is gone that will never call back for items that it was handed. */
  broken(): void
}

// What the stream overrides with these, done below its overrides.
const node = Readable.prototype

export class Pipes<T> implements PipeSource<T> {
  current: Held<T> | undefined
  readonly #stream: Readable
  readonly #owner: PipesOwner<T>
  readonly #pipes = new Set<Pipe<T>>()
  /** How many sinks have yet to call back for an item, where there are several. */
  readonly #shared = new Map<Held<T>, number>()
  #out = 0
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

  /** Callbacks that have yet to come. */
  get out(): number {
    return this.#out
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

  /** Gives an item to all sinks, and to whoever else listens. */
  hand(held: Held<T> | undefined, item: Chunk): boolean {
    const { size } = this.#pipes
    const outer = this.current
    this.current = held
    this.#out += size
    if (held !== undefined && size > 1) this.#shared.set(held, size)
    const heard = node.emit.call(this.#stream, 'data', item)
    this.current = outer
    return heard
  }

  written(held: Held<T> | undefined): void {
    this.#out -= 1
    if (held === undefined || this.#wasLast(held)) this.#owner.done(held)
  }

  filled(): void {
    this.#full += 1
    this.#stream.pause()
  }

  drained(): void {
    this.#full -= 1
    if (this.#full === 0 && this.#state === 'open') this.#stream.resume()
  }

  broken(pipe: Pipe<T>): void {
    const lost = pipe.out
    this.leave(pipe.sink)
    pipe.break()
    if (lost === 0) return
    this.#out -= lost
    this.#shared.clear()
    this.#owner.broken()
  }

  #wasLast(held: Held<T>): boolean {
    const sinks = this.#shared.get(held) ?? 1
    if (sinks > 1) this.#shared.set(held, sinks - 1)
    else this.#shared.delete(held)
    return sinks === 1
  }
}
