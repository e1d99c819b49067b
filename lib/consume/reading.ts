// reading.ts: the reading side of a stream: it feeds Node's Readable from a session, follows each item out of it, and
// acknowledges it when whoever got it is done with it.
//
//      session ──push──▶ the Readable's buffer ──'data'──▶ out      piped: done when every sink has called back
//                                                   └────▶ in hand  read otherwise: done when the next is asked for
//
//      idle ──nothing at hand──▶ waiting ──it came──▶ idle
//       ├──the session has ended──▶ last ──the buffer is empty, and all sinks have called back──▶ over ('end')
//       ├──a null item──▶ refused ──its turn has come──▶ over ('error': CodecError)
//       └──the stream is destroyed──▶ over
//
// Every item leaves the Readable by one 'data' event, in whatever way it is read, whether anybody listens or not; so
// that is where it is followed (`give`). While a sink is full nothing is pushed: what waits then waits in the session,
// from where others still get it if the sink stalls.
// A sink that breaks makes the session leave: everything unsettled is ready again, in its old order, and the next
// reader begins with it. The end of the stream gives back likewise.

import { Readable } from 'node:stream'
import { CodecError } from '../errors.ts'
import { callsBack, Pipe, type PipeSource } from './pipe.ts'
import type { Held, Session } from './session.ts'

/** What Node's types call an item: a stream whose methods took or returned a T would be no NodeJS.ReadWriteStream. */
export type Chunk = ReturnType<Readable['read']>

// The stream's own methods end here, so what they do for Node is called below them.
const node = Readable.prototype

export class Reading<T> implements PipeSource<T> {
  current: Held<T> | undefined
  readonly #stream: Readable
  readonly #open: () => Promise<Session<T>>
  readonly #pipes = new Set<Pipe<T>>()
  /** What the Readable's buffer holds, in its order; undefined: an item that was never the queue's (unshifted). */
  readonly #buffered: (Held<T> | undefined)[] = []
  /** Read by hand; acknowledged when the next one is asked for. */
  #inHand: Held<T> | undefined
  /** With how many sinks an item still is, where there are several. */
  readonly #shared = new Map<Held<T>, number>()
  /** Items that sinks have not called back for, and sinks that want no more for now. */
  #out = 0
  #full = 0
  #session: Session<T> | undefined
  /** Ends when the sessions that were given up have given back. */
  #leaving: Promise<unknown> = Promise.resolve()
  #wanted = false
  #dropping = false
  #state: 'idle' | 'waiting' | 'last' | 'refused' | 'over' = 'idle'

  constructor(stream: Readable, open: () => Promise<Session<T>>) {
    this.#stream = stream
    this.#open = open
  }

  /** The stream's `_read`. */
  wanted(): void {
    this.#wanted = true
    if (this.#dropping) return
    if (this.#stream.readableFlowing === true && this.#stream.readableLength === 0) this.#next()
    this.#advance()
  }

  /** The stream's `read`. */
  read(n?: number): Chunk {
    if (n !== 0) {
      this.#next()
      // While it flows, what is pushed before Node's read goes straight to the listeners, past the buffer.
      if (this.#stream.readableFlowing === true) this.#wanted = true
      this.#advance()
    }
    return node.read.call(this.#stream, n)
  }

  /** The stream's `emit('data', item)`. */
  give(item: T): boolean {
    const held = this.#buffered.shift()
    if (this.#dropping) return true
    const outer = this.current
    this.current = held
    if (this.#pipes.size > 0) this.#share(held)
    else this.#hold(held)
    const heard = node.emit.call(this.#stream, 'data', item)
    this.current = outer
    this.#finish()
    return heard
  }

  /** The stream's `pipe`. */
  pipe<S extends NodeJS.WritableStream>(sink: S, options?: { readonly end?: boolean | undefined }): S {
    const end = options?.end !== false
    if (!callsBack(sink)) {
      node.pipe.call(this.#stream, sink, { end })
      return sink
    }
    const pipe = new Pipe(this.#stream, this, sink, end)
    this.#pipes.add(pipe)
    pipe.join()
    return sink
  }

  /** The stream's `unpipe`. */
  unpipe(sink?: NodeJS.WritableStream): void {
    const leaving = [...this.#pipes].filter((pipe) => sink === undefined || pipe.sink === sink)
    for (const pipe of leaving) {
      this.#pipes.delete(pipe)
      pipe.leave()
    }
    if (leaving.length > 0 && this.#pipes.size === 0) this.#stream.pause()
    node.unpipe.call(this.#stream, sink)
  }

  /** The stream's `unshift`: an item in hand goes back into the buffer. */
  unshift(item: T): void {
    const held = this.#inHand?.item === item ? this.#inHand : undefined
    if (held !== undefined) this.#inHand = undefined
    this.#buffered.unshift(held)
    node.unshift.call(this.#stream, item)
  }

  /** The stream's `_destroy`: gives back what is not acknowledged. */
  async leave(): Promise<void> {
    this.#state = 'over'
    for (const pipe of this.#pipes) pipe.leave()
    this.#giveUp()
    await this.#leaving
  }

  /**
   * The queue closes: what nobody is at work on is given back, and the stream ends. True where a sink still holds
   * items: then only destroying the stream, and its pipeline with it, keeps the sink from writing what others get.
   */
  close(): boolean {
    if (this.#out > 0) return true
    if (this.#state === 'over') return false
    this.#drop()
    this.#state = 'over'
    this.#giveUp()
    node.push.call(this.#stream, null)
    return false
  }

  written(held: Held<T> | undefined): void {
    this.#out -= 1
    if (held === undefined || this.#stillShared(held)) return this.#finish()
    this.#session?.ack(held)
    this.#finish()
  }

  filled(): void {
    this.#full += 1
    this.#stream.pause()
  }

  drained(): void {
    this.#full -= 1
    if (this.#full === 0 && this.#state !== 'over') this.#stream.resume()
  }

  broken(pipe: Pipe<T>): void {
    const lost = pipe.out
    this.unpipe(pipe.sink)
    pipe.break()
    this.#out -= lost
    if (lost === 0 || this.#state === 'over') return
    this.#drop()
    this.#state = 'idle'
    this.#giveUp()
  }

  /** Whoever has an item in hand asks for the next one. */
  #next(): void {
    this.#hold(undefined)
    this.#finish()
  }

  #hold(held: Held<T> | undefined): void {
    if (this.#inHand !== undefined) this.#session?.ack(this.#inHand)
    this.#inHand = held
  }

  /** Pushes what is at hand, and asks for more, until the Readable or a sink has enough. */
  #advance(): void {
    while (this.#wanted && this.#full === 0 && this.#state === 'idle' && !this.#dropping) {
      const held = this.#session?.ready()
      if (held === undefined) this.#fetch()
      else this.#accept(held)
    }
  }

  #fetch(): void {
    this.#state = 'waiting'
    // Behind a tick, a sink that writes at once has called back, and the lease carries its acknowledgements.
    process.nextTick(() => {
      this.#ask().catch((error) => this.#stream.destroy(error))
    })
  }

  async #ask(): Promise<void> {
    const session = this.#session ?? (await this.#reopen())
    const held = await session?.next()
    if (session !== this.#session || this.#state !== 'waiting') return
    this.#state = held === undefined ? 'last' : 'idle'
    if (held !== undefined) this.#accept(held)
    this.#finish()
    this.#advance()
  }

  async #reopen(): Promise<Session<T> | undefined> {
    const leaving = this.#leaving
    await leaving
    const session = await this.#open()
    // Given up, or destroyed, meanwhile: whoever did that knew nothing of this session.
    if (this.#leaving !== leaving || this.#state === 'over') await session.leave()
    else this.#session = session
    return this.#session
  }

  #accept(held: Held<T>): void {
    if (held.item === null) {
      this.#state = 'refused'
      this.#finish()
      return
    }
    this.#wanted = false
    this.#buffered.push(held)
    if (node.push.call(this.#stream, held.item)) this.#wanted = true
  }

  /** The end or the refusal, once everything before it is done with. */
  #finish(): void {
    if (this.#state !== 'last' && this.#state !== 'refused') return
    if (this.#out > 0 || this.#buffered.length > 0) return
    if (this.#state === 'last') this.#end()
    else if (this.#inHand === undefined) this.#refuse()
  }

  #end(): void {
    this.#state = 'over'
    const settled = this.#session?.settled() ?? Promise.resolve()
    settled.then(
      () => node.push.call(this.#stream, null),
      (error) => this.#stream.destroy(error),
    )
  }

  #refuse(): void {
    this.#state = 'over'
    this.#stream.destroy(
      new CodecError(
        'a null item cannot go through an object stream, where null is the end: it is ready again; take it by pop, get or a loop',
      ),
    )
  }

  #share(held: Held<T> | undefined): void {
    this.#out += this.#pipes.size
    if (held !== undefined && this.#pipes.size > 1) this.#shared.set(held, this.#pipes.size)
  }

  #stillShared(held: Held<T>): boolean {
    const sinks = this.#shared.get(held)
    if (sinks === undefined) return false
    if (sinks === 1) this.#shared.delete(held)
    else this.#shared.set(held, sinks - 1)
    return sinks > 1
  }

  #giveUp(): void {
    const session = this.#session
    this.#session = undefined
    if (session === undefined) return
    for (const held of this.#buffered) if (held !== undefined) session.unseen(held)
    this.#buffered.length = 0
    this.#inHand = undefined
    this.#shared.clear()
    this.#leaving = Promise.all([this.#leaving, session.leave()])
    this.#leaving.catch((error) => this.#stream.destroy(error))
  }

  /** Empties the Readable's buffer without giving anything out. */
  #drop(): void {
    const session = this.#session
    for (const held of this.#buffered) if (held !== undefined) session?.unseen(held)
    this.#dropping = true
    while (node.read.call(this.#stream) !== null);
    this.#dropping = false
  }
}
