// consuming.ts: consume(): batches to handlers, several at once. What becomes of a batch:
//
//      gathered ──▶ with its handler ──resolved──▶ acknowledged
//                     ▲        └──failed──┬──its last attempt──▶ set aside
//                     │                   ├──stopped──▶ given back
//                     └──back-off over────┴──▶ waits for its retry, in flight
//
// and of the whole:
//
//      feeding ──signal, failure──▶ stopped ──handlers have finished──▶ over
//         └──nothing more to come, none at work──────────────────────────▲      the queue closes: over at once
//
// A batch is one unit. It is made of items of one attempt, so that one that comes back from a consumer that died is not
// mixed with what was put since; one that waits for its retry keeps its handler's place, so that a target which is down
// does not draw the whole queue into flight.

import type { ConsumeOptions } from '../call-options.ts'
import type { DocumentReader } from '../codec/index.ts'
import { SettledError, StorageError } from '../errors.ts'
import type { HeldRange } from '../store.ts'
import { textOf } from '../text-of.ts'
import { onAbort } from '../wait/aborts.ts'
import { pause } from '../wait/pause.ts'
import { callHandler, type Handler } from './attempt.ts'
import { heldRanges, spentReason } from './attempts.ts'
import { backOff } from './back-off.ts'
import type { Consumer, Core } from './core.ts'
import { Gathering } from './gathering.ts'
import type { Held } from './held.ts'
import { Session } from './session.ts'

/** What became of a consume(). */
export interface Consumed {
  /** Items handed to the handler, each time they were. */
  readonly delivered: number
  /** Items acknowledged. */
  readonly acked: number
  /** Of those delivered, items that came again after a failed try. */
  readonly retried: number
  /** Items set aside, their attempts being spent. */
  readonly failed: number
  /** Batches handed to the handler, each time they were. */
  readonly batches: number
  readonly durationMs: number
}

type Batch<T> = readonly Held<T>[]

interface Failed {
  readonly attempt: number
  readonly error: unknown
  /** How often the batch has failed in this consume. */
  readonly failures: number
}

export interface Wanted<T> {
  readonly handler: Handler<T>
  readonly options: ConsumeOptions
  /** The queue, which is not collected, and closed, while handlers are at work. */
  readonly holder: object
}

export class Consuming<T> implements Consumer {
  readonly holder: object
  readonly #core: Core<T>
  readonly #handler: Handler<T>
  readonly #options: ConsumeOptions
  readonly #limit: number
  readonly #session: Session<T>
  readonly #gathering: Gathering<T>
  readonly #reader: DocumentReader<T>
  readonly #tally = { delivered: 0, acked: 0, retried: 0, failed: 0, batches: 0 }
  /** Handlers at work, and batches that wait for their retry. */
  readonly #running = new Set<Promise<void>>()
  /** Nothing new is handed out. */
  readonly #stop = new AbortController()
  /** The handlers' signals abort. */
  readonly #overdue = new AbortController()
  /** Handlers are not waited for. */
  readonly #cutOff = new AbortController()
  #failure: { readonly error: unknown } | undefined

  constructor(core: Core<T>, { handler, options, holder }: Wanted<T>) {
    const { batch: size = 1, maxWait = 0, wait = true, retry } = options
    this.holder = holder
    this.#core = core
    this.#handler = handler
    this.#options = options
    this.#limit = Math.min(retry?.attempts ?? Infinity, core.maxAttempts)
    this.#session = new Session(core, { signal: this.#stop.signal, ahead: size, limit: this.#limit })
    this.#gathering = new Gathering(this.#session, { size, maxWaitMs: maxWait, clock: core.clock, wait })
    this.#reader = core.reader()
  }

  /** Rejects with a failure of the store, when the handlers have finished. */
  async run(): Promise<Consumed> {
    const { clock, consumers } = this.#core
    const { signal } = this.#options
    const started = clock.elapsed()
    const stop = (): void => this.#stop.abort(signal?.reason)
    consumers.add(this)
    if (signal?.aborted) stop()
    const unlisten = signal && onAbort(signal, stop)
    try {
      await this.#feed()
      while (this.#running.size > 0) await Promise.race(this.#running)
      await this.#session.leave()
    } catch (error) {
      this.#fail(error)
    } finally {
      unlisten?.()
      consumers.delete(this)
    }
    if (this.#failure !== undefined) throw this.#failure.error
    return { ...this.#tally, durationMs: clock.elapsed() - started }
  }

  get inHand(): boolean {
    return this.#running.size > 0
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    while (this.#running.size > 0) await Promise.race(this.#running)
  }

  abort(): void {
    this.#overdue.abort()
  }

  /** The queue closes: the session gives back what is unsettled. */
  async leave(): Promise<void> {
    if (this.#core.hasFailed) this.#fail(this.#core.closedError())
    this.#stop.abort()
    this.#overdue.abort()
    this.#cutOff.abort()
  }

  async #feed(): Promise<void> {
    const { concurrency = 1 } = this.#options
    while (!this.#stop.signal.aborted) {
      const batch = this.#running.size < concurrency ? await this.#gather() : undefined
      if (batch !== undefined) this.#start(batch)
      else if (this.#running.size > 0) await Promise.race(this.#running)
      else return
    }
  }

  /** A failure stops the feeding: those at work finish. */
  async #gather(): Promise<Batch<T> | undefined> {
    try {
      return await this.#gathering.next()
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error)
      return undefined
    }
  }

  #start(batch: Batch<T>): void {
    const running = this.#work(batch)
      .catch((error) => this.#fail(error))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#stop.abort()
  }

  async #work(batch: Batch<T>): Promise<void> {
    try {
      for (let failures = 1; await this.#try(batch, failures); failures += 1) {
        this.#tally.retried += batch.length
      }
    } catch (error) {
      // Its lease is over: others have it, and settle it. Only that it was done here in vain is told.
      if (!(error instanceof SettledError)) throw error
      this.#core.publish(error)
    }
  }

  /**
   * One delivery of a batch, and what follows from it; true when it is to be tried again. `failures`: how often it will
   * have failed here, should this one fail.
   */
  async #try(batch: Batch<T>, failures: number): Promise<boolean> {
    const attempt = batch[0]?.attempt ?? 0
    const [items, ids] = [batch.map(({ item }) => item), batch.map(({ id }) => id)]
    this.#tally.delivered += batch.length
    this.#tally.batches += 1
    const { timeout = Infinity } = this.#options
    const [overdue, cutOff] = [this.#overdue.signal, this.#cutOff.signal]
    const outcome = await callHandler({ handler: this.#handler, items, ids, attempt, timeout, overdue, cutOff })
    if (outcome === 'given up') return false
    if (outcome === 'done') return this.#ack(batch)
    if (overdue.aborted) return this.#giveBack(batch, false)
    if (attempt >= this.#limit) return this.#setAside(batch, spentReason(attempt, textOf(outcome.error)))
    return this.#again(batch, { attempt, error: outcome.error, failures })
  }

  async #ack(batch: Batch<T>): Promise<false> {
    await this.#session.settle(batch, (ids) => ({ outcome: 'ack', ids }), true)
    this.#tally.acked += batch.length
    return false
  }

  async #setAside(batch: Batch<T>, reason: string): Promise<false> {
    const make = (ids: readonly HeldRange[]) => ({ outcome: 'fail', ids, reason }) as const
    try {
      await this.#session.settle(batch, make, true)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      // A full disk is no reason to stop: it stays in flight, and is set aside later.
      await this.#session.leaveTo(batch, (held) => this.#core.setAsides.settle([make(heldRanges(held).take())]))
    }
    this.#tally.failed += batch.length
    return false
  }

  /** `counted`: the try that failed is charged. */
  async #giveBack(batch: Batch<T>, counted: boolean): Promise<false> {
    await this.#session.settle(batch, (ids) => ({ outcome: 'back', ids, counted }))
    return false
  }

  /** Its lease ends so many milliseconds from now. */
  #extend(batch: Batch<T>, ms: number): Promise<void> {
    return this.#core.store.extend(heldRanges(batch).take(), this.#core.deadline(ms))
  }

  /** Waits, and takes the batch once more; where all is stopped before, it goes back. */
  async #again(batch: Batch<T>, { attempt, error, failures }: Failed): Promise<boolean> {
    const delayMs = backOff(attempt, this.#options.retry)
    const { leaseTimeoutMs, retries } = this.#core
    retries.report(failures, error, () => ({ ids: batch.map(({ id }) => id), attempt, error, delayMs }))
    if (leaseTimeoutMs !== Infinity) await this.#extend(batch, delayMs + leaseTimeoutMs)
    await pause(delayMs, this.#stop.signal)
    if (this.#cutOff.signal.aborted) return false
    if (this.#stop.signal.aborted) return this.#giveBack(batch, true)
    const hold = this.#core.hold(this.#limit)
    await this.#session.settle(batch, (ids) => ({ outcome: 'again', ids, hold }), true)
    for (const held of batch) held.again(this.#reader)
    return true
  }
}
