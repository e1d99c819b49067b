// core.ts: an open queue, as all that takes from it or puts into it sees it: the store, the codec, the lines of
// parked callers, the sessions, and the failure that nobody has been told of yet.
//
// It never refers to the AsyncQueue but weakly: a queue that its user has dropped is collected, and its core then
// closed. While somebody waits in a line, and only then, the queue is held.

import { channel } from 'node:diagnostics_channel'
import {
  type Codec,
  type CodecName,
  DocumentReader,
  DocumentWriter,
  GrowingDocuments,
  isCodecName,
} from '../codec/index.ts'
import { QueueClosedError } from '../errors.ts'
import type { Unique } from '../options.ts'
import type { Hold, Store } from '../store.ts'
import { textOf } from '../text-of.ts'
import { Keys } from '../unique.ts'
import { Changes } from '../wait/changes.ts'
import { type Clock, dueTime } from '../wait/clock.ts'
import { Line } from '../wait/line.ts'
import { Acking } from './acking.ts'
import { Slots } from './in-hand.ts'
import { Retries } from './retries.ts'
import { SetAsides } from './set-asides.ts'

export interface CoreParts<T> {
  readonly store: Store
  readonly codec: Codec<T>
  readonly clock: Clock
  readonly location: string
  readonly unique: Unique<T>
  /** Items that the queue may hold. */
  readonly maxSize: number
  /** Encoded bytes that it may hold. */
  readonly maxBytes: number
  readonly whenFull: WhenFull
  /** Deliveries that an item gets before it is set aside. */
  readonly maxAttempts: number
  /** Milliseconds after which what is held is ready again, however alive this handle is. */
  readonly leaseTimeout: number
}

export type WhenFull = 'wait' | 'reject' | 'drop-oldest'

/** What is done with a queue's items, and ends when the queue closes. */
export interface Consumer {
  /** Whether somebody has items that are not settled. */
  readonly inHand: boolean
  /** Hands out nothing more, and gives back what was only taken ahead; resolves when nothing is in hand any more. */
  stop(): Promise<void>
  /** Its time is over: whoever works on items is told. */
  abort?(): void
  /** Gives back what is not settled, and ends. */
  leave(charged?: Charged): Promise<void>
}

/** Which of the items in hand are charged an attempt that are given back: all, the first that was handed out, or none. */
export type Charged = 'all' | 'first' | 'none'

const failures = channel('spoolq:error')

export class Core<T> {
  readonly store: Store
  readonly writer: DocumentWriter<unknown>
  readonly clock: Clock
  /** Where equal items are put once only. */
  readonly keys: Keys<T> | undefined
  readonly maxSize: number
  readonly maxBytes: number
  readonly whenFull: WhenFull
  readonly maxAttempts: number
  readonly leaseTimeoutMs: number
  /** Deliveries being acknowledged. */
  readonly acking: Acking
  /** Items that are set aside beside others. */
  readonly setAsides: SetAsides
  /** Reports failed tries. */
  readonly retries: Retries
  /** The places where loops mark what they have in hand. */
  readonly slots = new Slots()
  /** Parked gets and loops, each in order; gets come first. */
  readonly gets: Line
  readonly loops: Line
  /** Parked puts. */
  readonly puts: Line
  /** Parked joins. */
  readonly joins: Line
  readonly consumers = new Set<Consumer>()
  /** Streams that are about to give back what they had. */
  readonly partings = new Set<Promise<void>>()
  /** Called as it closes: what streams have taken in is appended before. */
  readonly unwritten = new Set<() => void>()
  /** By this handle. */
  readonly tally = { put: 0, taken: 0, dropped: 0 }

  readonly #codec: Codec<T>
  readonly #location: string
  readonly #owner: WeakRef<object>
  readonly #changes: Changes
  #held: object | undefined
  #untold: Error | undefined
  #unsynced: Error | undefined
  #failure: { readonly error: unknown } | undefined
  #isStopping = false
  #state: 'open' | 'writingEnded' | 'closed' = 'open'

  constructor(parts: CoreParts<T>, owner: WeakRef<object>) {
    this.store = parts.store
    this.acking = new Acking(parts.store)
    this.setAsides = new SetAsides({
      store: parts.store,
      clock: parts.clock,
      freed: () => this.freed(),
      publish: (error) => this.publish(error),
    })
    this.retries = new Retries(parts.location, owner)
    this.writer = new DocumentWriter<unknown>(parts.codec)
    this.clock = parts.clock
    this.keys = parts.unique === false ? undefined : new Keys(parts.unique, parts.codec)
    this.maxSize = parts.maxSize
    this.maxBytes = parts.maxBytes
    this.whenFull = parts.whenFull
    this.maxAttempts = parts.maxAttempts
    this.leaseTimeoutMs = parts.leaseTimeout
    this.#codec = parts.codec
    this.#location = parts.location
    this.#owner = owner
    this.#changes = new Changes({
      watch: (changed) => this.store.watch(changed),
      changed: () => this.changed(),
      waited: (somebody) => {
        this.#held = somebody ? this.#owner.deref() : undefined
      },
    })
    this.gets = new Line(this.#changes)
    this.loops = new Line(this.#changes)
    this.puts = new Line(this.#changes, { isOrdered: true })
    this.joins = new Line(this.#changes)
  }

  /** Whether the queue is held because somebody waits. */
  get held(): boolean {
    return this.#held !== undefined
  }

  /** No more puts come through this handle: loops and gets end once nothing is ready. */
  get writingEnded(): boolean {
    return this.#state !== 'open'
  }

  get codecName(): string {
    return this.#codec.name
  }

  /** As the option `codec` names it, or is it. */
  get codecOption(): CodecName | Codec<T> {
    return isCodecName(this.codecName) ? this.codecName : this.#codec
  }

  /** Documents of one's own for items that come one by one. */
  growing(): GrowingDocuments<unknown> {
    return new GrowingDocuments<unknown>(this.#codec, this.writer)
  }

  /** A reader of one's own: it remembers the document it decoded last. */
  reader(): DocumentReader<T> {
    return new DocumentReader(this.#codec)
  }

  /** Something may have become ready. Costs nothing while nobody waits, as do the other two. */
  arrived(): void {
    this.gets.wake()
    this.loops.wake()
  }

  /** Room may have been made, or the last item be gone. */
  freed(): void {
    this.puts.wake()
    this.joins.wake()
  }

  /** How something is held from now on; `limit`: where attempts are limited, only those in hand are charged one. */
  hold(limit: number): Hold {
    const { leaseTimeoutMs } = this
    const deadline = leaseTimeoutMs === Infinity ? undefined : this.deadline(leaseTimeoutMs)
    return { deadline, uncharged: limit !== Infinity }
  }

  /** When a lease ends that begins now, as stores know it. */
  deadline(ms: number): number {
    return Math.ceil((this.store.clock ?? this.clock).now() + ms)
  }

  /** When what is delayed from now on is due, as stores know it. */
  due(ms: number): number {
    return Math.ceil(dueTime(this.store.clock ?? this.clock) + ms)
  }

  changed(): void {
    this.arrived()
    this.freed()
  }

  /** A failure that no call waited for: told by the next put, take, settle or close. */
  failLater(error: unknown): void {
    this.#untold ??= this.publish(error)
  }

  /** What was put may not be durable: told by the next put, or close. */
  syncFailed(error: unknown): void {
    this.#unsynced ??= this.publish(error)
  }

  /** A failure that only diagnostics_channel is told of. */
  publish(error: unknown): Error {
    const failure = error instanceof Error ? error : new Error(textOf(error), { cause: error })
    if (failures.hasSubscribers) failures.publish({ location: this.#location, error: failure })
    return failure
  }

  get hasUntold(): boolean {
    return this.#untold !== undefined
  }

  /** The failure nobody has been told of, once. */
  untold(): Error | undefined {
    const failure = this.#untold
    this.#untold = undefined
    return failure
  }

  /** Throws the failure nobody has been told of, once. */
  check(): void {
    if (this.#untold === undefined) return
    const failure = this.untold()
    throw failure
  }

  /** Nothing more is handed out. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** An error has destroyed the handle. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Whether somebody has items that are not settled. */
  get inHand(): boolean {
    for (const consumer of this.consumers) if (consumer.inHand) return true
    return false
  }

  /** What calls reject with that come too late. */
  closedError(): QueueClosedError {
    return closedBy(this.#failure)
  }

  /** The same before a put, which also tells that an earlier one may not be durable. */
  checkPut(): void {
    this.check()
    if (this.#unsynced === undefined) return
    const failure = this.#unsynced
    this.#unsynced = undefined
    throw failure
  }

  /** No more puts: what loops and gets wait for will not come from here. */
  endWriting(): void {
    if (this.#state !== 'open') return
    this.#state = 'writingEnded'
    this.puts.close(writingEnded())
    this.arrived()
  }

  /** Hands out nothing more; resolves when nothing is in hand. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.gets.close(this.closedError())
    this.joins.close(this.closedError())
    for (const outcome of await Promise.allSettled([...this.consumers].map((consumer) => consumer.stop()))) {
      if ('reason' in outcome) this.failLater(outcome.reason)
    }
  }

  /** Whoever works on items is told that his time is over. */
  abort(): void {
    for (const consumer of this.consumers) consumer.abort?.()
  }

  /** An error has destroyed the handle: everything under way rejects. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** Parked calls reject, loops end, what is unsettled is given back, and the store closes. Called once. */
  async close(): Promise<void> {
    this.#state = 'closed'
    this.#isStopping = true
    for (const flush of this.unwritten) flush()
    for (const line of [this.puts, this.gets, this.joins]) line.close(this.closedError())
    const left = await Promise.allSettled([...this.consumers].map((consumer) => consumer.leave('none')))
    this.#changes.close()
    await this.setAsides.close()
    await this.store.close()
    for (const outcome of left) if (outcome.status === 'rejected') throw outcome.reason
    this.checkPut()
  }
}

/** What calls reject with that come when the handle has closed; `failure`: what has destroyed it, if something has. */
export function closedBy(failure: { readonly error: unknown } | undefined): QueueClosedError {
  if (failure === undefined) return new QueueClosedError()
  return new QueueClosedError('an error has destroyed this handle: open the queue again to go on', {
    cause: failure.error,
  })
}

export function writingEnded(): QueueClosedError {
  return new QueueClosedError('the writing side of this queue has ended: put through another handle')
}
