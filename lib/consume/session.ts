// session.ts: one consumer's hold on the queue. items(), batches() and the streams each stand on one.
//
//   session = new Session(core, { wait, signal, ahead })
//   held = await session.next()    the next item, or undefined: the session has ended (closed, left, `wait: false` and
//                                  nothing ready, or the writing side ended and nothing ready). Rejects with the
//                                  signal's reason or a failure. Concurrent calls are answered in order.
//   held = session.ready()         the same without a promise: an item taken ahead, or undefined (then ask next())
//   session.ack(held)              done with it. Gathered for at most 1 ms or 64 items into one write, or carried
//                                  by the next lease, whichever comes first. Twice is once.
//   await session.settled()        all that was acknowledged is written; rejects if it could not be
//   await session.leave()          acknowledgements written, the rest given back: counted what was handed out,
//                                  uncounted what had only been taken ahead. Ends the session, also a next() under way.
//
//      running ──leave, close, nothing more to come──▶ ended
//
// A lot is what one lease brought; from #at on it is still ahead. A session holds the core and not the queue: whoever
// keeps a session keeps the AsyncQueue too, or it is collected, and closed, between two calls.

import type { DocumentReader } from '../codec/index.ts'
import { Parked } from '../wait/parked.ts'
import { turn, turnDue } from '../wait/turn.ts'
import type { Core } from './core.ts'
import { Held } from './held.ts'
import { decodeLot, rangesOf } from './lot.ts'
import { Pace } from './pace.ts'
import { giveBack, Settling } from './settling.ts'

export { Held }

export interface SessionOptions {
  /** Wait for items when there are none; default true. */
  readonly wait?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Items leased at once: as many as suit the body's speed ('auto', the default), or a number. */
  readonly ahead?: 'auto' | number | undefined
}

interface Ask<T> {
  readonly until: number
  readonly resolve: (held: Held<T> | undefined) => void
  readonly reject: (error: unknown) => void
}

const TICK_MS = 1
const STOPPED = Symbol('stopped')

export class Session<T> {
  /** Items to lease at once, where it is a number; may change between calls. */
  ahead: number

  readonly #core: Core<T>
  readonly #reader: DocumentReader<T>
  readonly #wait: boolean
  readonly #signal: AbortSignal | undefined
  readonly #pace: Pace | undefined
  readonly #settling: Settling<T>
  #lot: Held<T>[] = []
  #at = 0
  /** Handed out of earlier lots, and unsettled. */
  #out: Held<T>[] = []
  readonly #asking: Ask<T>[] = []
  /** Ends when every ask has its answer. */
  #answering: Promise<void> = Promise.resolve()
  #parked: Parked<true> | undefined
  #leaving: Promise<void> | undefined
  #state: 'running' | 'ended' = 'running'
  #ticking = false
  #handed = 0
  #handedAtTick = 0

  constructor(core: Core<T>, options: SessionOptions = {}) {
    const { wait = true, signal, ahead = 'auto' } = options
    this.#core = core
    this.#reader = core.reader()
    this.#wait = wait
    this.#signal = signal
    this.#pace = ahead === 'auto' ? new Pace(core.clock) : undefined
    this.ahead = ahead === 'auto' ? 1 : ahead
    this.#settling = new Settling(core)
    core.consumers.add(this)
  }

  /** Whether there is nothing more to come. */
  get ended(): boolean {
    return this.#state === 'ended'
  }

  ready(): Held<T> | undefined {
    if (this.#asking.length > 0 || this.#signal?.aborted) return undefined
    return this.#handOut()
  }

  /** As the head says. `until`, a time of the clock's `elapsed`, ends the wait too, with undefined. */
  next(until = Infinity): Promise<Held<T> | undefined> {
    const held = this.ready()
    if (held !== undefined) return Promise.resolve(held)
    return new Promise((resolve, reject) => {
      this.#asking.push({ until, resolve, reject })
      if (this.#asking.length === 1) this.#answering = this.#answer()
    })
  }

  ack(held: Held<T>): void {
    if (held.state !== 'out') return
    held.state = 'settled'
    this.#core.tally.taken += 1
    this.#settling.ack(held.id)
    this.#tickSoon()
  }

  /** No body ever saw it: `leave` gives it back uncounted. */
  unseen(held: Held<T>): void {
    if (held.state === 'out') held.state = 'ahead'
  }

  settled(): Promise<void> {
    return this.#settling.write([])
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  #handOut(): Held<T> | undefined {
    const held = this.#lot[this.#at]
    if (held === undefined || this.#state === 'ended') return undefined
    this.#at += 1
    this.#handed += 1
    held.state = 'out'
    return held
  }

  async #answer(): Promise<void> {
    for (let ask = this.#asking[0]; ask !== undefined; ask = this.#asking[0]) {
      try {
        const held = await this.#fetch(ask.until)
        this.#asking.shift()
        ask.resolve(held)
      } catch (error) {
        this.#asking.shift()
        ask.reject(error)
      }
    }
  }

  async #fetch(until: number): Promise<Held<T> | undefined> {
    if (this.ended) return undefined
    this.#signal?.throwIfAborted()
    if (this.#at === this.#lot.length) await this.#lease(until)
    return this.#handOut()
  }

  async #lease(until: number): Promise<void> {
    if (turnDue()) await turn()
    this.#core.check()
    const ending = until === Infinity
    if ((await this.#tryLease(ending)) === undefined) await this.#park(until)
  }

  async #park(until: number): Promise<void> {
    const { clock, loops } = this.#core
    const timeout = until - clock.elapsed()
    if (timeout <= 0 || this.ended) return
    this.#signal?.throwIfAborted()
    const limits = { clock, signal: this.#signal, timeout, expired: () => STOPPED }
    this.#parked = new Parked(loops, () => this.#tryLease(until === Infinity), limits)
    try {
      await this.#parked.promise
    } catch (error) {
      if (error !== STOPPED) throw error
    } finally {
      this.#parked = undefined
    }
  }

  /** The next lot, or undefined: nothing yet, but worth a wait. `ending`: where it is not, the session ends. */
  async #tryLease(ending: boolean): Promise<true | undefined> {
    while (!this.ended) {
      // Looked at before the lease: what was put before the writing side ended is found by it.
      const last = !this.#wait || this.#core.writingEnded
      const count = this.#pace?.next(this.#at) ?? this.ahead
      const pieces = await this.#settling.lease(count)
      const { held, bad } = decodeLot(this.#reader, pieces)
      this.#replaceLot(held)
      // One that does not decode is set aside, and never blocks those behind it.
      if (bad.length > 0) this.#settling.writeBehind([{ outcome: 'fail', ids: rangesOf(bad), reason: 'codec' }])
      if (held.length > 0) return true
      if (pieces.length > 0) continue
      if (!last) return undefined
      if (!ending) return true
      this.#state = 'ended'
    }
    return true
  }

  #replaceLot(held: Held<T>[]): void {
    this.#out = unsettled(this.#out).concat(unsettled(this.#lot))
    this.#lot = held
    this.#at = 0
    this.#pace?.leased()
    if (held.length > 1) this.#tickSoon()
  }

  #tickSoon(): void {
    if (this.#ticking) return
    this.#ticking = true
    this.#core.clock.after(TICK_MS, () => this.#tick())
  }

  /** Writes what has waited for a millisecond; what a body that has become slow keeps from others goes back to them. */
  #tick(): void {
    this.#ticking = false
    if (this.#leaving !== undefined) return
    const stalled = this.#pace !== undefined && this.#handed === this.#handedAtTick
    this.#handedAtTick = this.#handed
    this.#settling.writeBehind(stalled ? giveBack(this.#lot.splice(this.#at), false) : [])
    if (this.#at < this.#lot.length) this.#tickSoon()
  }

  async #leave(): Promise<void> {
    this.#state = 'ended'
    this.#parked?.dismiss(STOPPED)
    // A lease under way may still bring something.
    await this.#answering
    const held = unsettled(this.#out).concat(unsettled(this.#lot))
    const seen = held.filter(({ state }) => state === 'out')
    const ahead = held.filter(({ state }) => state === 'ahead')
    try {
      await this.#settling.write([...giveBack(seen, true), ...giveBack(ahead, false)])
    } finally {
      // Not before: a queue that closes waits for the sessions that it knows.
      this.#core.consumers.delete(this)
    }
  }
}

function unsettled<T>(held: readonly Held<T>[]): Held<T>[] {
  return held.filter(({ state }) => state !== 'settled')
}
