// delivery.ts: one item in its consumer's hands, to be settled once.
//
//      out ──ack, nack, fail──▶ settling ──▶ settled        (rejected: out again; SettledError: settled)
//
// Whoever keeps a delivery keeps the queue: its host refers to it.

import { checkNack, type NackOptions } from '../call-options.ts'
import * as check from '../check.ts'
import { QueueClosedError, SettledError, StorageError, UnsupportedError } from '../errors.ts'
import { spentReason } from './attempts.ts'
import type { Core } from './core.ts'
import type { Held } from './held.ts'
import type { MakeSettlement } from './settle-held.ts'

/** Whoever leased it. */
export interface Host<T> {
  readonly core: Core<T>
  /** Attempts that an item gets. */
  readonly limit: number
  settle(held: readonly Held<T>[], make: MakeSettlement): Promise<void>
  ack(held: Held<T>): Promise<void>
  /** Its lease ends so many milliseconds from now. */
  extended?(held: Held<T>, ms: number): void
}

/**
 * An item in flight: nobody else gets it until it is settled, or its consumer dies. Settling it twice, or after its
 * lease went to somebody else, rejects with SettledError and changes nothing; a StorageError leaves it in flight.
 * Disposed of unsettled (`await using`), it goes back.
 *
 * @example
 * for await (const delivery of queue.deliveries()) {
 *   if (await upload(delivery.item)) await delivery.ack()
 *   else await delivery.nack({ delay: 1000 })
 * }
 */
export class Delivery<T> implements AsyncDisposable {
  readonly id: number
  readonly item: T
  /** Deliveries, this one included. */
  readonly attempt: number
  readonly enqueuedAt: Date
  readonly #held: Held<T>
  readonly #host: Host<T>
  #settling: Promise<void> | undefined

  constructor(held: Held<T>, host: Host<T>) {
    this.id = held.id
    this.item = held.item
    this.attempt = held.attempt
    this.enqueuedAt = new Date(held.enqueuedAt)
    this.#held = held
    this.#host = host
  }

  /** Done: it is removed. Resolves when that has the queue's durability. */
  ack(): Promise<void> {
    if (this.#held.state !== 'out' || this.#host.core.isClosed) return Promise.reject(this.#gone())
    this.#settling = this.#host.ack(this.#held)
    return this.#settling
  }

  /**
   * It is ready again: at its old place, or, `to: 'back'`, behind all that waits (in a 'priority' queue behind its
   * equals; in a 'lifo' queue that is an UnsupportedError). At its last attempt it is set aside.
   */
  async nack(options: NackOptions = {}): Promise<void> {
    checkNack(options)
    if (options.to === 'back' && this.#host.core.store.order === 'lifo') {
      throw new UnsupportedError(
        `to: 'back': a 'lifo' queue has no such place, its newest item comes first: nack() keeps the old one`,
      )
    }
    if (this.attempt >= this.#host.limit) return this.#setAside()
    const due = options.delay ? this.#host.core.due(options.delay) : undefined
    if (options.to === 'back') return this.#settle((ids) => ({ outcome: 'toBack', ids, due }))
    return this.#settle((ids) => ({ outcome: 'back', ids, counted: true, due }))
  }

  /** It is set aside: `list({ status: 'failed' })` tells why, `retry()` makes it ready again. */
  async fail(reason = 'failed by its consumer'): Promise<void> {
    if (typeof reason !== 'string') throw check.wrongType('reason', 'a string', reason)
    return this.#settle((ids) => ({ outcome: 'fail', ids, reason }))
  }

  /** Its lease ends `ms` milliseconds from now. Where there is no `leaseTimeout` it never ends anyway. */
  async extend(ms: number): Promise<void> {
    check.milliseconds('ms', ms)
    this.#check()
    const { core } = this.#host
    if (core.leaseTimeoutMs === Infinity) return
    const deadline = ms === Infinity ? NEVER : core.deadline(Math.min(ms, check.MAX_DELAY_MS))
    try {
      await core.store.extend([this.#held.range], deadline)
      this.#host.extended?.(this.#held, ms)
    } catch (error) {
      if (error instanceof SettledError) this.#held.state = 'settled'
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settling?.catch(ignore)
    if (this.#held.state !== 'out') return
    try {
      await this.nack()
    } catch (error) {
      // It is not here any more: that is what was wanted.
      if (!(error instanceof SettledError || error instanceof QueueClosedError)) throw error
    }
  }

  /** On a full disk it goes back as it is: it has no attempts left, and whoever meets it next sets it aside. */
  async #setAside(): Promise<void> {
    try {
      await this.fail(spentReason(this.attempt))
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      await this.#settle((ids) => ({ outcome: 'back', ids, counted: true }))
    }
  }

  async #settle(make: MakeSettlement): Promise<void> {
    this.#check()
    this.#settling = this.#host.settle([this.#held], make)
    await this.#settling
  }

  #check(): void {
    if (this.#held.state !== 'out' || this.#host.core.isClosed) throw this.#gone()
  }

  #gone(): Error {
    if (this.#host.core.isClosed && this.#settling === undefined) return this.#host.core.closedError()
    return new SettledError(`item ${this.id} was settled already, or given back`)
  }
}

const NEVER = 0

function ignore(): void {}
