// handle.ts: the life of a handle on a queue.
//
//      opening ──▶ open ──close──▶ stopping ──▶ closing ──▶ closed
//         └──▶ failed    └──close, nothing in hand──▲       (a close while opening waits for it)
//
// While it is stopping nothing more is handed out; what is in hand is settled as ever, and puts go in (consume/stopping.ts).
// A call that comes while opening waits for it; after a failed opening it rejects with that error; after close()
// with QueueClosedError. A handle that is dropped without close() is closed when it is collected: so nothing that
// lives longer may refer to it, but for what waits in it.

import { type CloseOptions, checkClose, checkPut, type PutOptions } from './call-options.ts'
import { type Core, closedBy, writingEnded } from './consume/core.ts'
import { ItemDuplex } from './consume/duplex.ts'
import { Early } from './consume/early.ts'
import type { Intake } from './consume/intake.ts'
import { Leasing } from './consume/leasing.ts'
import { Looking } from './consume/looking.ts'
import { Mending } from './consume/mending.ts'
import { putBehind } from './consume/puts-behind.ts'
import { type Encoded, Putting } from './consume/putting.ts'
import { Session, type SessionOptions } from './consume/session.ts'
import { Stopping } from './consume/stopping.ts'
import { Taking } from './consume/taking.ts'
import { placeOf, shownPlace } from './location.ts'
import { assertCan, openCore, Teller } from './opening.ts'
import { defaults, type FittingOptions, type QueueOptions, settingsOf } from './options.ts'
import { turn } from './wait/turn.ts'

/** What an open queue does, by kind. */
export interface Open<T> {
  readonly core: Core<T>
  readonly putting: Putting<T>
  readonly taking: Taking<T>
  readonly leasing: Leasing<T>
  readonly looking: Looking<T>
  readonly mending: Mending<T>
}

/** Encodes for a queue once it is open. A method's type, so that a queue of readings is a queue of unknown items too. */
type Encode<T> = { for(open: Open<T>): Encoded }['for']

const dropped = new FinalizationRegistry<{ close(): Promise<void> }>((core) => {
  core.close().catch(ignore)
})

export abstract class Handle<T> extends ItemDuplex<T> {
  /** Resolves to the queue once it is open; rejects as the opening did, and is never an unhandled rejection. */
  readonly opened: Promise<this>
  readonly #opening: Promise<Open<T>>
  readonly #early: Early<T>
  /** Only while it is open. */
  #open: Open<T> | undefined
  #closing: Promise<void> | undefined
  readonly #stopping = new Stopping()
  #state: 'open' | 'stopping' | 'closing' = 'open'
  /** What has destroyed it. */
  #failure: { readonly error: unknown } | undefined

  /**
   * Opens itself; `opened` tells when. Throws a TypeError or RangeError for options that are wrong, an
   * UnsupportedError for what the store there cannot do.
   */
  constructor(location: string | URL, options?: QueueOptions<T>)
  /** With options that fit items of any type. */
  constructor(location: string | URL, options?: FittingOptions<T>)
  constructor(location: string | URL, options?: FittingOptions<T>) {
    const settings = settingsOf(options)
    const place = placeOf(location)
    assertCan(place, settings)
    super(settings.highWaterMark)
    this.#early = new Early(settings)
    const teller = new Teller<T>(shownPlace(location, place), this)
    this.#opening = openCore(place, settings, teller).then((core) => this.#opened(core))
    this.opened = this.#opening.then(() => this)
    this.opened.catch(ignore)
  }

  /**
   * Closes the handle. Nothing more is handed out; what is in hand (handlers of `consume`, a loop's body, deliveries, writes
   * in a sink) gets `grace` ms (8000) to be settled, and puts go on meanwhile. Then the handlers' signals abort, and what
   * is not settled a second later is given back, uncharged. Parked puts and gets reject with QueueClosedError, loops end.
   * Resolves when everything is on disk, whatever the durability; rejects with the failure of an opening, or one that no
   * call has told of yet. Called again it only shortens the grace.
   *
   * @example
   * process.once('SIGTERM', () => queue.close({ grace: 5000 }))
   */
  close(closeOptions?: CloseOptions): Promise<void> {
    try {
      checkClose(closeOptions)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#closing ??= this.#close()
    this.#stopping.limit(closeOptions?.grace ?? defaults.grace)
    return this.#closing
  }

  override [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The core once the queue is open; rejects as every call does that comes too late. */
  protected whenOpen(): Promise<Core<T>> {
    return this.run(({ core }) => Promise.resolve(core))
  }

  /** The same for what takes. */
  protected whenTaking(): Promise<Core<T>> {
    return this.runTaking(({ core }) => Promise.resolve(core))
  }

  /** As `run`, for calls that take items: not while the queue is stopping. */
  protected runTaking<R>(call: (open: Open<T>) => Promise<R>, check?: () => void): Promise<R> {
    if (this.#state !== 'stopping') return this.run(call, check)
    return this.run(() => Promise.reject(closedBy(this.#failure)), check)
  }

  /** Calls once the queue is open. What `check` throws rejects, before anything else. */
  protected run<R>(call: (open: Open<T>) => Promise<R>, check?: () => void): Promise<R> {
    try {
      check?.()
      if (this.#state === 'closing') return this.#opening.then(() => Promise.reject(closedBy(this.#failure)))
      if (this.#open !== undefined) return call(this.#open)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#opening.then(call)
  }

  /** Whether a put can go straight in. */
  protected get takesPuts(): boolean {
    return this.#open !== undefined && !this.writableEnded && !this.isWriting
  }

  /** One batch that cannot go straight in. */
  protected putOtherwise(items: Iterable<T>, options: PutOptions | undefined): Promise<(number | undefined)[]> {
    if (this.#state !== 'closing' && !this.writableEnded) {
      return this.isWriting ? this.#putBehind(items, options) : this.#putEarly(items, options)
    }
    return this.run(
      () => Promise.reject(writingEnded()),
      () => checkPut(options),
    )
  }

  /** One batch that is put before the queue is open: encoded now, put then. */
  async #putEarly(items: Iterable<T>, options: PutOptions | undefined): Promise<(number | undefined)[]> {
    checkPut(options)
    const encode = this.encode(items)
    const open = await this.#opening
    return open.putting.batch(encode(open), options)
  }

  /** One batch that comes behind what was written to the stream before it. */
  #putBehind(items: Iterable<T>, options: PutOptions | undefined): Promise<(number | undefined)[]> {
    return new Promise((resolve) => {
      checkPut(options)
      const encode = this.encode(items)
      const put = async (how: PutOptions | undefined): Promise<(number | undefined)[]> => {
        if (this.destroyed) throw closedBy(this.#failure)
        const open = this.#open ?? (await this.#opening)
        return open.putting.batch(encode(open), how)
      }
      putBehind(
        (begin) => this.behindWrites(begin),
        (how) => resolve(put(how)),
        { options, core: this.#open?.core },
      )
    })
  }

  /** The items as they are now, for an open queue. */
  protected encode(items: Iterable<T>): Encode<T> {
    if (this.#open === undefined) return this.#early.encode(items)
    const encoded = this.#open.putting.encode(items)
    return () => encoded
  }

  protected session(options?: SessionOptions): Promise<Session<T>> {
    return this.runTaking(({ core }) => Promise.resolve(new Session(core, options)))
  }

  protected putBatch(items: readonly T[], options: PutOptions | undefined): Promise<unknown> {
    // Also while closing: what was written before is put before.
    return this.#open?.putting.many(items, options) ?? this.#putEarly(items, options)
  }

  protected intake(last: Intake<T> | undefined): Intake<T> | undefined {
    return this.#open && (last ?? this.#open.putting.intake())
  }

  protected async endWriting(): Promise<void> {
    const { core } = await this.#opening
    core.endWriting()
  }

  protected async shut(error: Error | null): Promise<void> {
    const asked = this.#closing !== undefined
    if (error) this.#fail(error)
    try {
      await this.close({ grace: 0 })
    } catch (error) {
      // A close() that was called tells it itself.
      if (!asked) this.#opening.then(({ core }) => core.failLater(error), ignore)
    }
  }

  #opened(core: Core<T>): Open<T> {
    const open = {
      core,
      putting: new Putting(core),
      taking: new Taking(core),
      leasing: new Leasing(core),
      looking: new Looking(core),
      mending: new Mending(core),
    }
    this.#open = open
    dropped.register(this, core, this)
    return open
  }

  /** Everything under way rejects, and nobody gets any time. */
  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#state = 'closing'
    this.#open?.core.fail(error)
    this.#stopping.cut()
  }

  async #close(): Promise<void> {
    if (this.#state !== 'closing') this.#state = this.#open?.core.inHand ? 'stopping' : 'closing'
    try {
      // What was called before runs first, also what waited for the opening.
      const { core } = this.#open ?? (await this.#opening)
      dropped.unregister(this)
      await this.#stop(core)
      this.#state = 'closing'
      core.puts.close(core.closedError())
      await this.written()
      this.#open = undefined
      await core.close()
    } finally {
      // A reader that has come to its end hears of that first.
      if (this.isRead && this.#failure === undefined) await turn()
      this.destroy()
    }
  }

  async #stop(core: Core<T>): Promise<void> {
    if (this.#failure !== undefined) return core.fail(this.#failure.error)
    this.stopReading()
    await this.#stopping.run(core)
  }
}

function ignore(): void {}
