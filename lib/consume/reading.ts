// reading.ts: the reading side of a stream: it feeds Node's Readable from a session, follows each item out of it, and
// acknowledges it when whoever got it is done with it.
//
//      session ──push──▶ the Readable's buffer ──'data'──▶ piped    done when every sink has called back
//                                                   └────▶ in hand  (read otherwise) done when the next is asked for
//
//      idle ──nothing at hand──▶ waiting ──it came──▶ idle
//       ├──the session has ended──▶ last ──the buffer is empty, and all sinks have called back──▶ over ('end')
//       ├──a null item──▶ refused ──its turn has come──▶ over ('error': CodecError)
//       └──the stream is destroyed──▶ over
//
// Every item leaves the Readable by one 'data' event, in whatever way it is read, whether anybody listens or not; so
// that is where it is followed (`give`). While a sink is full nothing is pushed: what waits then waits in the session,
// from where others still get it if the sink stalls.
// A sink that breaks makes the session leave: what sinks have is waited for, for a second at most, because they may still
// call back for it, and then everything unsettled is ready again, in its old order, and whoever reads next begins with it.
// The end of the stream gives back likewise.

import { Readable } from 'node:stream'
import { CodecError } from '../errors.ts'
import { both } from '../wait/both.ts'
import { nextTick } from '../wait/timers.ts'
import type { Charged } from './core.ts'
import type { Chunk } from './pipe.ts'
import { PATIENCE_MS, Pipes, type PipesOwner } from './pipes.ts'
import type { Held, Session } from './session.ts'

// What the stream overrides with these methods, done below its overrides.
const node = Readable.prototype

export class Reading<T> implements PipesOwner<T> {
  readonly pipes: Pipes<T>
  readonly #stream: Readable
  readonly #open: () => Promise<Session<T>>
  /** What the Readable's buffer holds, in its order; undefined: an item that was never the queue's (unshifted). */
  readonly #buffered: (Held<T> | undefined)[] = []
  #inHand: Held<T> | undefined
  #session: Session<T> | undefined
  /** The one that was given up, for as long as sinks may call back for what they have of it. */
  #parting: Session<T> | undefined
  /** Ends when the sessions that were given up have given back. */
  #leaving: Promise<unknown> = Promise.resolve()
  /** Counts the asks for more: what an earlier one brings, its session gives back. */
  #asks = 0
  /** Whether the Readable has room. */
  #wanted = false
  #dropping = false
  #isStopping = false
  #patienceMs = PATIENCE_MS
  /** What was read last was nobody's any more. */
  #passed = false
  #state: 'idle' | 'waiting' | 'last' | 'refused' | 'over' = 'idle'

  constructor(stream: Readable, open: () => Promise<Session<T>>) {
    this.#stream = stream
    this.#open = open
    this.pipes = new Pipes(stream, this)
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
    for (;;) {
      this.#passed = false
      const item: Chunk = node.read.call(this.#stream, n)
      if (!this.#passed) return item
    }
  }

  /** It went back while it waited in the buffer: others have it. */
  #passOver(): true {
    this.#passed = true
    this.#finish()
    return true
  }

  /** The stream's `emit('data', item)`. */
  give(item: Chunk): boolean {
    const held = this.#buffered.shift()
    if (this.#dropping) return true
    if (held?.state === 'settled') return this.#passOver()
    if (held !== undefined) this.#session?.handOut([held])
    const heard = this.pipes.size > 0 ? this.pipes.hand(held, item) : this.#handOver(held, item)
    this.#finish()
    return heard
  }

  /** Whether anybody has ever read. */
  get isUsed(): boolean {
    return this.#asks > 0
  }

  /** The stream's `unshift`: an item in hand goes back into the buffer. */
  unshift(item: Chunk): void {
    const held = this.#inHand?.item === item ? this.#inHand : undefined
    this.#inHand = held === undefined ? this.#inHand : undefined
    if (held !== undefined) this.#session?.unseen(held)
    this.#buffered.unshift(held)
    node.unshift.call(this.#stream, item)
  }

  /** The stream's `_destroy`: gives back what is not acknowledged. */
  async leave(charged: Charged, patienceMs = this.#patienceMs): Promise<void> {
    this.#patienceMs = patienceMs
    this.#state = 'over'
    this.pipes.stop()
    this.#giveUp(this.pipes.out > 0 && charged === 'all' ? 'first' : charged)
    await this.#leaving
  }

  /** The queue is closing: nothing more is handed out, and the stream ends when sinks have called back. */
  stop(): void {
    if (this.#asks === 0 || this.#state === 'over' || this.#state === 'refused') return
    this.#isStopping = true
    this.#asks += 1
    this.#drop()
    this.#state = 'last'
    this.#finish()
  }

  /**
   * The queue has closed: the stream gives back what it holds, and ends. Where a sink holds some of it, the stream is
   * destroyed, and its pipeline with it: nothing else would keep the sink from writing what others will get. So it is with
   * the error, where one has destroyed the queue.
   */
  close(error?: Error): void {
    this.#patienceMs = 0
    if (this.pipes.out > 0 || error !== undefined) this.#stream.destroy(error)
    if (this.#state === 'over') return
    this.#drop()
    this.#state = 'over'
    this.#giveUp('none')
    node.push.call(this.#stream, null)
  }

  done(held: Held<T> | undefined): void {
    if (held !== undefined) (this.#session ?? this.#parting)?.ack(held)
    this.#finish()
  }

  broken(): void {
    if (this.#state === 'over') return
    this.#drop()
    this.#state = this.#isStopping ? 'last' : 'idle'
    this.#giveUp('first')
    this.#finish()
    // For the sinks that are left; a next one begins by itself.
    if (this.#stream.readableFlowing === true) this.#advance()
  }

  #handOver(held: Held<T> | undefined, item: Chunk): boolean {
    this.#hold(held)
    return node.emit.call(this.#stream, 'data', item)
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
    while (this.#wanted && !this.pipes.full && this.#state === 'idle') {
      const held = this.#session?.ready()
      if (held === undefined) this.#fetch()
      else this.#accept(held)
    }
  }

  #fetch(): void {
    this.#state = 'waiting'
    this.#asks += 1
    const ask = this.#asks
    // Behind a tick, a sink that writes at once has called back, and the lease carries its acknowledgements.
    nextTick(() => {
      this.#ask(ask).catch((error) => this.#stream.destroy(error))
    })
  }

  async #ask(ask: number): Promise<void> {
    if (this.#session === undefined) await this.#enter(ask)
    if (ask !== this.#asks) return
    const held = this.#session?.nextNow() ?? (await this.#session?.next())
    if (ask === this.#asks) this.#came(held)
  }

  /** The next one; undefined: there is none any more. */
  #came(held: Held<T> | undefined): void {
    this.#state = held === undefined ? 'last' : 'idle'
    if (held !== undefined) this.#accept(held)
    this.#finish()
    this.#advance()
  }

  async #enter(ask: number): Promise<void> {
    await this.#leaving
    if (ask !== this.#asks) return
    const session = await this.#open()
    // What another stream of this handle is about to give back comes first.
    await Promise.allSettled(session.core.partings)
    if (ask === this.#asks) this.#session = session
    else await session.leave()
  }

  #accept(held: Held<T>): void {
    if (held.item === null) {
      this.#state = 'refused'
      this.#finish()
      return
    }
    this.#wanted = false
    // Nobody has seen it yet.
    this.#session?.unseen(held)
    this.#buffered.push(held)
    if (node.push.call(this.#stream, held.item)) this.#wanted = true
  }

  /** The end or the refusal, once everything before it is done with. */
  #finish(): void {
    if (this.#state !== 'last' && this.#state !== 'refused') return
    if (this.pipes.out > 0 || this.#buffered.length > 0) return
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
    const advice = 'take it by pop, get or a loop over the queue'
    this.#stream.destroy(new CodecError(`a null item cannot go through an object stream; it is ready again: ${advice}`))
  }

  #giveUp(charged: Charged): void {
    this.#asks += 1
    const session = this.#session
    this.#session = undefined
    this.#buffered.length = 0
    this.#inHand = undefined
    if (session === undefined) return
    this.#parting = session
    this.#leaving = both(this.#leaving, this.#part(session, charged))
    this.#leaving.catch((error) => this.#stream.destroy(error))
  }

  /** All of it goes back together, and without a detour: whoever comes next is to find it in its place. */
  #part(session: Session<T>, charged: Charged): Promise<void> {
    const { partings } = session.core
    const parted = new Promise<void>((resolve) => {
      this.pipes.settle(this.#patienceMs, () => {
        this.#parting = undefined
        resolve(session.leave(charged))
      })
    })
    partings.add(parted)
    return parted.finally(() => partings.delete(parted))
  }

  /** Empties the Readable's buffer without giving anything out. */
  #drop(): void {
    this.#dropping = true
    while (node.read.call(this.#stream) !== null);
    this.#dropping = false
  }
}
