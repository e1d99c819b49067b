// handle.ts: the life of a handle on a queue.
//
//      opening ──▶ open ──close──▶ closing ──▶ closed
//         └──▶ failed                       (a close while opening waits for it)
//
// A call that comes while opening waits for it; after a failed opening it rejects with that error; after close()
// with QueueClosedError. A handle that is dropped without close() is closed when it is collected: so nothing that
// lives longer may refer to it, but for what waits in it.

import { checkPut, type PutOptions } from './call-options.ts'
import { type Core, writingEnded } from './consume/core.ts'
import { ItemDuplex } from './consume/duplex.ts'
import { Early } from './consume/early.ts'
import type { Intake } from './consume/intake.ts'
import { Leasing } from './consume/leasing.ts'
import { Looking } from './consume/looking.ts'
import { Mending } from './consume/mending.ts'
import { putBehind } from './consume/puts-behind.ts'
import { type Encoded, Putting } from './consume/putting.ts'
import { Session, type SessionOptions } from './consume/session.ts'
import { Taking } from './consume/taking.ts'
import { QueueClosedError } from './errors.ts'
import { placeOf, shownPlace } from './location.ts'
import { assertCan, openCore, Teller } from './opening.ts'
import { type FittingOptions, type QueueOptions, settingsOf } from './options.ts'

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
   * Closes the handle: puts under way finish, parked puts and gets reject with QueueClosedError, loops end, what is
   * unsettled is given back. Resolves when everything is on disk, whatever the durability; rejects with the failure
   * of an opening, or one that no call has told of yet. Twice is once.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  override [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The core once the queue is open; rejects as every call does that comes too late. */
  protected whenOpen(): Promise<Core<T>> {
    return this.run(({ core }) => Promise.resolve(core))
  }

  /** Calls once the queue is open. What `check` throws rejects, before anything else. */
  protected run<R>(call: (open: Open<T>) => Promise<R>, check?: () => void): Promise<R> {
    try {
      check?.()
      if (this.#closing !== undefined) return this.#opening.then(refuse)
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
    if (this.#closing === undefined && !this.writableEnded) {
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
        if (this.destroyed) throw new QueueClosedError()
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
    return this.run(({ core }) => Promise.resolve(new Session(core, options)))
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

  protected async shut(): Promise<void> {
    const asked = this.#closing !== undefined
    try {
      await this.close()
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

  async #close(): Promise<void> {
    try {
      // What was called before runs first, also what waited for the opening.
      const { core } = await this.#opening
      dropped.unregister(this)
      core.puts.close(new QueueClosedError())
      await this.written()
      this.#open = undefined
      await core.close()
    } finally {
      this.destroy()
    }
  }
}

function refuse(): never {
  throw new QueueClosedError()
}

function ignore(): void {}
