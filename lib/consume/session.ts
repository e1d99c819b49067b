// session.ts: one consumer's hold on the queue. The loops, consume() and the streams each stand on one.
//
//   session = new Session(core, { wait, signal, ahead, limit })
//   held = await session.next()    the next item, or undefined: the session has ended (closed, left, `wait: false` and
//                                  nothing ready, or the writing side ended and nothing ready). Rejects with the
//                                  signal's reason or a failure. Concurrent calls are answered in order.
//   held = session.ready()         the same without a promise: an item taken ahead, or undefined (then ask next())
//   held = session.nextNow()       the same, but it leases too, where nothing has to be waited for
//   session.hold([held])           they are in somebody's hands from now on: a crash is charged to them
//   session.ack(held)              done with it. Gathered for at most 1 ms or 64 items into one write, or carried
//                                  by the next lease, whichever comes first; all of a batch by that. Twice is once.
//   await session.settle([held], …)  settled otherwise, at once
//   await session.settled()        all that was acknowledged is written; rejects if it could not be
//   await session.leave()          acknowledgements written, the rest given back: counted what was handed out (set
//                                  aside, if that was its last attempt), uncounted what had only been taken ahead.
//                                  Ends the session, also a next() under way.
//   await session.finish()         ends it likewise, but what was handed out stays in flight, and can be settled.
//   await session.stop()           the queue is closing: as finish(), and resolves when nothing is in hand any more.
//
//      running ──leave, finish, stop, nothing more to come──▶ ended
//
// A session holds the core and not the queue: whoever keeps a session keeps the AsyncQueue too, or it is collected, and
// closed, between two calls.

import { Parked } from '../wait/parked.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { Asks } from './asks.ts'
import { giveBack } from './attempts.ts'
import type { Charged, Core } from './core.ts'
import { giveUp } from './give-up.ts'
import { Held } from './held.ts'
import { InHand } from './in-hand.ts'
import { type Renewed, Renewing } from './renewing.ts'
import type { SessionOptions } from './session-options.ts'
import { type MakeSettlement, settleHeld } from './settle-held.ts'
import { Settling } from './settling.ts'
import { Supply } from './supply.ts'

export type { SessionOptions } from './session-options.ts'
export { Held }

const TICK_MS = 1
const STOPPED = Symbol('stopped')

export class Session<T> {
  readonly core: Core<T>
  /** Attempts that an item gets. */
  readonly limit: number

  readonly #wait: boolean
  readonly #signal: AbortSignal | undefined
  readonly #settling: Settling<T>
  readonly #supply: Supply<T>
  /** Only where attempts are limited. */
  readonly #inHand: InHand<T> | undefined
  /** Only where leases end. */
  readonly #renewing: Renewing<T> | undefined
  readonly #asks = new Asks((until: number) => this.#fetch(until))
  #parked: Parked<true> | undefined
  #finishing: Promise<void> | undefined
  #leaving: Promise<void> | undefined
  /** Called when nothing is in hand any more. */
  #rested: (() => void) | undefined
  #state: 'running' | 'ended' = 'running'
  #ticking = false

  constructor(core: Core<T>, options: SessionOptions = {}) {
    const { wait = true, signal, ahead = 'auto', limit = core.maxAttempts } = options
    this.core = core
    this.limit = limit
    this.#wait = wait
    this.#signal = signal
    this.#settling = new Settling(core, limit)
    this.#supply = new Supply(core, this.#settling, { ahead, limit })
    this.#inHand = limit === Infinity ? undefined : new InHand(core)
    if (core.isStopping) this.#state = 'ended'
    this.#renewing = core.leaseTimeoutMs === Infinity ? undefined : this.#renewal(options.isPiped ?? false)
    core.consumers.add(this)
  }

  #renewal(isPiped: boolean): Renewing<T> {
    const of: Renewed<T> = {
      taken: () => (this.#leaving === undefined ? this.#supply.handed() : []),
      isAsked: () => this.#asks.length > 0,
      extend: (held) => this.#settling.extendBehind(held),
      giveBack: (held) => this.#settling.writeBehind(giveBack(held, false)),
    }
    return new Renewing(this.core, of, isPiped)
  }

  /** Whether there is nothing more to come. */
  get ended(): boolean {
    return this.#state === 'ended'
  }

  /** Whether somebody ended it: what it still brings is not to be handed out. */
  get isLeft(): boolean {
    return this.#finishing !== undefined || this.#leaving !== undefined
  }

  /** Whether something was handed out, and is not settled. */
  get inHand(): boolean {
    return this.#supply.unsettled('all').some(({ state }) => state === 'out')
  }

  /** Items to lease at once, where it is a number; may change between calls. */
  set ahead(count: number) {
    this.#supply.ahead = count
  }

  ready(): Held<T> | undefined {
    if (this.#asks.length > 0 || this.#signal?.aborted) return undefined
    return this.#take()
  }

  nextNow(): Held<T> | undefined {
    const held = this.ready()
    if (held !== undefined || this.#asks.length > 0 || this.#signal?.aborted || this.ended) return held
    if (this.core.hasUntold || turnDue() || !this.#supply.leaseNow()) return undefined
    if (this.#supply.atHand > 1) this.#tickSoon()
    this.#renewing?.moved()
    return this.#take()
  }

  /** As the head says. `until`, a time of the clock's `elapsed`, ends the wait too, with undefined. */
  next(until = Infinity): Promise<Held<T> | undefined> {
    const held = this.ready()
    return held === undefined ? this.#asks.add(until) : Promise.resolve(held)
  }

  hold(held: readonly Held<T>[]): void {
    this.#inHand?.add(held)
  }

  ack(held: Held<T>, isOfBatch = false): void {
    if (held.state !== 'out') return
    held.state = 'settled'
    this.#renewing?.moved()
    this.core.tally.taken += 1
    this.#settling.ack(held, isOfBatch)
    this.#inHand?.delete(held)
    this.#tickSoon()
    if (this.#finishing !== undefined) this.#rest()
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
    if (outcome !== 'again') this.done(held, outcome === 'ack')
  }

  /** They are no more this session's: somebody else settles them. */
  async leaveTo(held: readonly Held<T>[], settle: (held: readonly Held<T>[]) => Promise<void>): Promise<void> {
    for (const one of held) one.state = 'settled'
    await settle(held)
    this.done(held, false)
  }

  settled(): Promise<void> {
    return this.#settling.write([])
  }

  leave(charged: Charged = 'all'): Promise<void> {
    this.#leaving ??= this.#leave('all', charged)
    return this.#leaving
  }

  finish(): Promise<void> {
    this.#finishing ??= this.#leave('ahead', 'none')
    return this.#finishing
  }

  async stop(): Promise<void> {
    await this.finish()
    if (this.inHand && this.#leaving === undefined) await new Promise<void>((resolve) => (this.#rested = resolve))
  }

  /** They are settled. */
  done(held: readonly Held<T>[], acked: boolean): void {
    for (const one of held) this.#inHand?.delete(one)
    this.#renewing?.moved()
    if (acked) this.core.tally.taken += held.length
    if (acked) this.core.freed()
    else this.core.changed()
    if (this.#finishing !== undefined) this.#rest()
    if (this.#inHand === undefined) return
    if (this.isLeft) this.#inHand.rest()
    else this.#tickSoon()
  }

  /** What was finished knows nothing more of the queue once all of it is settled. */
  #rest(): void {
    if (this.inHand) return
    this.#rested?.()
    this.core.consumers.delete(this)
  }

  #take(): Held<T> | undefined {
    return this.ended ? undefined : this.#supply.take()
  }

  async #fetch(until: number): Promise<Held<T> | undefined> {
    if (this.ended) return this.#nothing()
    this.#signal?.throwIfAborted()
    let held = this.#take()
    // What took half of its lease to come went back at once, and is leased again.
    for (let came = true; held === undefined && came; held = this.#take()) {
      await this.#lease(until)
      came = !this.ended && this.#supply.atHand > 0
    }
    return held ?? this.#nothing()
  }

  /** Nothing more is to come; rejects where that is no end but a failure. */
  #nothing(): undefined {
    if (this.core.hasFailed) throw this.core.closedError()
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
      const came = await this.#supply.lease(this.#signal)
      if (this.#supply.atHand > 1) this.#tickSoon()
      if (came === 'items') {
        this.#renewing?.moved()
        return true
      }
      if (came === 'refuse') continue
      if (!last) return undefined
      if (!ending) return true
      this.#state = 'ended'
    }
    return true
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
    this.#supply.look()
    this.#inHand?.write()
    if (this.#supply.atHand > 0) this.#tickSoon()
  }

  async #leave(what: 'all' | 'ahead', charged: Charged): Promise<void> {
    this.#state = 'ended'
    this.#parked?.dismiss(STOPPED)
    try {
      // At once: whoever comes next is to find it in its place.
      const givenBack = this.#giveBack(what, charged)
      // A lease under way may still bring something.
      await Promise.allSettled([givenBack, this.#asks.answered()])
      await givenBack
      await this.#giveBack(what, charged)
    } finally {
      if (what === 'all') this.#inHand?.clear()
      else this.#inHand?.rest()
      // Not before: a queue that closes waits for the sessions that it knows.
      this.#rest()
      if (what === 'all') this.core.consumers.delete(this)
    }
  }

  #giveBack(what: 'all' | 'ahead', charged: Charged): Promise<void> {
    return giveUp(this.#supply.unsettled(what), this.#settling, { charged, limit: this.limit })
  }
}
