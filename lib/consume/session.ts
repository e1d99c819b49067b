// session.ts: one consumer's hold on the queue. The loops, consume() and the streams each stand on one.
//
//   session = new Session(core, { wait, signal, ahead, limit })
//   held = await session.next()    the next item, or undefined: the session has ended (closed, left, `wait: false` and
//                                  nothing ready, or the writing side ended and nothing ready). Rejects with the
//                                  signal's reason or a failure. Concurrent calls are answered in order.
//   held = session.ready()         the same without a promise: an item taken ahead, or undefined (then ask next())
//   session.hold([held])           they are in somebody's hands from now on: a crash is charged to them
//   session.ack(held)              done with it. Gathered for at most 1 ms or 64 items into one write, or carried
//                                  by the next lease, whichever comes first. Twice is once.
//   await session.settle([held], …)  settled otherwise, at once
//   await session.settled()        all that was acknowledged is written; rejects if it could not be
//   await session.leave()          acknowledgements written, the rest given back: counted what was handed out (set
//                                  aside, if that was its last attempt), uncounted what had only been taken ahead.
//                                  Ends the session, also a next() under way.
//   await session.finish()         ends it likewise, but what was handed out stays in flight, and can be settled.
//
//      running ──leave, finish, close, nothing more to come──▶ ended
//
// What is ahead when half of its lease has passed goes back: whoever gets an item has half of its lease left. A
// session holds the core and not the queue: whoever keeps a session keeps the AsyncQueue too, or it is collected, and
// closed, between two calls.

import type { DocumentReader } from '../codec/index.ts'
import { Parked } from '../wait/parked.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { giveBack, heldRanges, setAside, withinLimit } from './attempts.ts'
import type { Core } from './core.ts'
import { Held } from './held.ts'
import { InHand } from './in-hand.ts'
import { decodeLot, rangesOf } from './lot.ts'
import { Lots } from './lots.ts'
import { Pace } from './pace.ts'
import { type MakeSettlement, settleHeld } from './settle-held.ts'
import { Settling } from './settling.ts'

export { Held }

export interface SessionOptions {
  /** Wait for items when there are none; default true. */
  readonly wait?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Items leased at once: as many as suit the body's speed ('auto', the default), or a number. */
  readonly ahead?: 'auto' | number | undefined
  /** Attempts that an item gets; default: the queue's. */
  readonly limit?: number | undefined
}

interface Ask<T> {
  readonly until: number
  readonly resolve: (held: Held<T> | undefined) => void
  readonly reject: (error: unknown) => void
}

const TICK_MS = 1
const STOPPED = Symbol('stopped')

export class Session<T> {
  readonly core: Core<T>
  /** Items to lease at once, where it is a number; may change between calls. */
  ahead: number
  /** Attempts that an item gets. */
  readonly limit: number

  readonly #reader: DocumentReader<T>
  readonly #wait: boolean
  readonly #signal: AbortSignal | undefined
  readonly #pace: Pace | undefined
  readonly #settling: Settling<T>
  readonly #lots = new Lots<T>()
  /** Only where attempts are limited. */
  readonly #inHand: InHand<T> | undefined
  readonly #asking: Ask<T>[] = []
  /** Ends when every ask has its answer. */
  #answering: Promise<void> = Promise.resolve()
  #parked: Parked<true> | undefined
  #leaving: Promise<void> | undefined
  #state: 'running' | 'ended' = 'running'
  #ticking = false
  #handed = 0
  #handedAtTick = 0
  /** When what is ahead has been held for half of its lease. */
  #staleAt = Infinity

  constructor(core: Core<T>, options: SessionOptions = {}) {
    const { wait = true, signal, ahead = 'auto', limit = core.maxAttempts } = options
    this.core = core
    this.limit = limit
    this.#reader = core.reader()
    this.#wait = wait
    this.#signal = signal
    this.#pace = ahead === 'auto' ? new Pace(core.clock) : undefined
    this.ahead = ahead === 'auto' ? 1 : ahead
    this.#settling = new Settling(core, limit)
    this.#inHand = limit === Infinity ? undefined : new InHand(core)
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

  hold(held: readonly Held<T>[]): void {
    this.#inHand?.add(held)
  }

  ack(held: Held<T>): void {
    if (held.state !== 'out') return
    held.state = 'settled'
    this.core.tally.taken += 1
    this.#settling.ack(held)
    this.#inHand?.delete(held)
    this.#tickSoon()
  }

  /** Together, after they were `unseen`. */
  handOut(held: readonly Held<T>[]): void {
    for (const one of held) if (one.state === 'ahead') one.state = 'out'
    this.hold(held)
  }

  /** No body ever saw it: `leave` gives it back uncounted. */
  unseen(held: Held<T>): void {
    if (held.state === 'out') held.state = 'ahead'
  }

  /** Settles what was handed out as `make` says; durably, unless `relaxed`. */
  async settle(held: readonly Held<T>[], make: MakeSettlement, relaxed = false): Promise<void> {
    const { store } = this.core
    const { outcome } = await settleHeld(held, make, (settlement) => {
      // What goes back must be there before the next lease; the others need not wait for each other.
      return settlement.outcome === 'back' ? this.#settling.now(settlement) : store.settle([settlement], relaxed)
    })
    if (outcome !== 'again') this.#done(held, outcome === 'ack')
  }

  /** Their lease ends `ms` milliseconds from now. */
  extend(held: readonly Held<T>[], ms: number): Promise<void> {
    return this.core.store.extend(heldRanges(held).take(), this.core.deadline(ms))
  }

  settled(): Promise<void> {
    return this.#settling.write([])
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave('all')
    return this.#leaving
  }

  finish(): Promise<void> {
    this.#leaving ??= this.#leave('ahead')
    return this.#leaving
  }

  #done(held: readonly Held<T>[], acked: boolean): void {
    for (const one of held) this.#inHand?.delete(one)
    if (acked) this.core.tally.taken += held.length
    if (acked) this.core.freed()
    else this.core.changed()
    if (this.#inHand === undefined) return
    if (this.#leaving === undefined) this.#tickSoon()
    else this.#inHand.rest()
  }

  #handOut(): Held<T> | undefined {
    if (this.#state === 'ended') return undefined
    if (this.#staleAt !== Infinity) this.#dropStale()
    const held = this.#lots.take()
    if (held !== undefined) this.#handed += 1
    return held
  }

  #dropStale(): void {
    if (!this.#lots.hasAhead || this.core.clock.elapsed() < this.#staleAt) return
    this.#settling.writeBehind(giveBack(this.#lots.takeAhead(), false))
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
    const held = this.#handOut()
    if (held !== undefined) return held
    await this.#lease(until)
    return this.#handOut()
  }

  async #lease(until: number): Promise<void> {
    if (turnDue()) await turn()
    this.core.check()
    const ending = until === Infinity
    if ((await this.#tryLease(ending)) === undefined) await this.#park(until)
  }

  async #park(until: number): Promise<void> {
    const { clock, loops } = this.core
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
      const last = !this.#wait || this.core.writingEnded
      const count = this.#pace?.next(this.#lots.taken) ?? this.ahead
      const { leaseTimeoutMs, clock } = this.core
      if (leaseTimeoutMs !== Infinity) this.#staleAt = clock.elapsed() + leaseTimeoutMs / 2
      const pieces = await this.#settling.lease(count)
      const { good, spent } = withinLimit(pieces, this.limit)
      const { held, bad } = decodeLot(this.#reader, good)
      this.#replaceLot(held)
      // One that is not to be handed out is set aside, and never blocks those behind it.
      if (bad.length > 0) spent.push({ outcome: 'fail', ids: rangesOf(bad), reason: 'codec' })
      if (spent.length > 0) this.#settling.writeBehind(spent)
      if (held.length > 0) return true
      if (pieces.length > 0) continue
      if (!last) return undefined
      if (!ending) return true
      this.#state = 'ended'
    }
    return true
  }

  #replaceLot(held: Held<T>[]): void {
    this.#lots.replace(held)
    this.#pace?.leased()
    if (held.length > 1) this.#tickSoon()
  }

  #tickSoon(): void {
    if (this.#ticking) return
    this.#ticking = true
    this.core.clock.after(TICK_MS, () => this.#tick())
  }

  /** Writes what has waited for a millisecond; what a body that has become slow keeps from others goes back to them. */
  #tick(): void {
    this.#ticking = false
    if (this.#leaving !== undefined) return
    const stalled = this.#pace !== undefined && this.#handed === this.#handedAtTick
    this.#handedAtTick = this.#handed
    this.#settling.writeBehind(stalled ? giveBack(this.#lots.takeAhead(), false) : [])
    this.#dropStale()
    this.#inHand?.write()
    if (this.#lots.hasAhead) this.#tickSoon()
  }

  async #leave(what: 'all' | 'ahead'): Promise<void> {
    this.#state = 'ended'
    this.#parked?.dismiss(STOPPED)
    // A lease under way may still bring something.
    await this.#answering
    const held = this.#lots.unsettled()
    const seen = what === 'all' ? held.filter(({ state }) => state === 'out') : []
    const ahead = held.filter(({ state }) => state === 'ahead')
    const atLast = seen.filter(({ attempt }) => attempt >= this.limit)
    const others = seen.filter(({ attempt }) => attempt < this.limit)
    try {
      await this.#settling.write([...giveBack(others, true), ...giveBack(ahead, false)])
      await this.#setAside(atLast)
    } finally {
      if (what === 'all') this.#inHand?.clear()
      else this.#inHand?.rest()
      // Not before: a queue that closes waits for the sessions that it knows.
      this.core.consumers.delete(this)
    }
  }

  /** Where they can't be set aside they go back: whoever takes them next tries again. */
  async #setAside(held: readonly Held<T>[]): Promise<void> {
    if (held.length === 0) return
    try {
      await this.#settling.write(setAside(held))
    } catch {
      await this.#settling.write(giveBack(held, true))
    }
  }
}
