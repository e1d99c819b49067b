// taking.ts: items out of the queue at most once: peek, pop, delete, and get, which waits.
//
// What does not decode, or has had all its attempts, is set aside by whoever takes it, and passed over by whoever peeks;
// the others come through. Where attempts are limited it is seen first what comes (claiming.ts).

import type { GetManyOptions, GetOptions } from '../call-options.ts'
import type { Taken, Undecodable } from '../codec/index.ts'
import { QueueClosedError, QueueEmptyError } from '../errors.ts'
import type { Piece } from '../store.ts'
import { unlessAborted } from '../wait/aborts.ts'
import { Parked } from '../wait/parked.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { Claiming } from './claiming.ts'
import type { Core } from './core.ts'
import type { Held } from './held.ts'

export class Taking<T> {
  readonly #core: Core<T>
  readonly #peeked
  readonly #taken
  readonly #claiming: Claiming<T>

  constructor(core: Core<T>) {
    this.#core = core
    this.#peeked = core.reader()
    this.#taken = core.reader()
    this.#claiming = new Claiming(core, this.#taken)
  }

  get #isLimited(): boolean {
    return this.#core.maxAttempts !== Infinity
  }

  async peek(n: number): Promise<T[]> {
    const items: T[] = []
    for (let looked = n; ; looked = n + 2 * (looked - items.length)) {
      const pieces = await this.#core.store.peek(looked)
      items.length = 0
      let found = 0
      for (const piece of pieces) {
        found += piece.count
        // Those that are to be set aside are passed over, and as many more looked at.
        if (piece.attempt >= this.#core.maxAttempts) continue
        for (const item of this.#peeked.take(piece).items) if (items.length < n) items.push(item)
      }
      if (items.length === n || found < looked) return items
    }
  }

  /** The first item, without the layers that several need. */
  popOne(): Promise<T | undefined> {
    this.#core.check()
    if (this.#isLimited) return this.#claim(1).then(([item]) => item)
    const { store } = this.#core
    const pieces = store.popNow?.(1) ?? store.pop(1)
    return pieces instanceof Promise ? pieces.then((came) => this.#only(came)) : Promise.resolve(this.#only(pieces))
  }

  #only([piece]: readonly Piece[]): T | undefined | Promise<T | undefined> {
    if (piece === undefined) return undefined
    const { items, bad } = this.#taken.take(piece)
    if (bad.length > 0) return this.#setAside(bad).then(() => this.popOne())
    this.#removed(1)
    return turnDue() ? turn().then(() => items[0]) : items[0]
  }

  /** `signal`: ends the wait for a lock, before anything is taken. */
  async pop(n: number, signal?: AbortSignal): Promise<T[]> {
    this.#core.check()
    if (this.#isLimited) return this.#claim(n, signal)
    let items: T[] = []
    while (items.length < n) {
      const pieces = await this.#core.store.pop(n - items.length, items.length === 0 ? signal : undefined)
      const taken = this.#decode(pieces)
      items = items.length === 0 ? taken.items : items.concat(taken.items)
      if (taken.bad.length === 0) break
      await this.#setAside(taken.bad)
    }
    this.#removed(items.length)
    if (turnDue()) await turn()
    return items
  }

  async delete(n: number): Promise<number> {
    this.#core.check()
    const deleted = n === 0 ? 0 : await (this.#isLimited ? this.#claiming : this.#core.store).delete(n)
    this.#removed(deleted)
    if (turnDue()) await turn()
    return deleted
  }

  async clear(): Promise<number> {
    this.#core.check()
    const cleared = await this.#core.store.clear()
    this.#core.freed()
    return cleared
  }

  /** Waits for one item. */
  async getOne(options?: GetOptions): Promise<T> {
    for (const item of await this.get(1, options)) return item
    throw empty(1)
  }

  /** Waits for `min` items, and takes up to `n`. Gets are served in the order of their calls. */
  async get(n: number, options: GetManyOptions = {}): Promise<T[]> {
    const { signal, timeout, min = Math.min(1, n) } = options
    this.#core.check()
    signal?.throwIfAborted()
    const attempt = min > 1 ? () => this.#getSeveral(n, min, signal) : () => this.#getSome(n, min, signal)
    const expired = (): QueueEmptyError => empty(min, timeout)
    const parked = new Parked(this.#core.gets, attempt, { clock: this.#core.clock, signal, timeout, expired })
    const items = await parked.promise
    if (turnDue()) await turn()
    return items
  }

  async #getSome(n: number, min: number, signal?: AbortSignal): Promise<T[] | undefined> {
    const last = this.#core.writingEnded
    const items = await this.pop(n, signal)
    if (items.length >= min) return items
    if (last) throw ended()
    return undefined
  }

  /** Leased first, and removed only if there are enough, because others may have been quicker. */
  async #getSeveral(n: number, min: number, signal?: AbortSignal): Promise<T[] | undefined> {
    const { store, writingEnded } = this.#core
    const { ready } = await unlessAborted(store.counts(), signal)
    if (writingEnded && ready === 0) throw ended()
    if (ready < min && !writingEnded) return undefined
    const held = await this.#claiming.lease(n, signal)
    if (held.length === 0) return undefined
    if (held.length < min && !writingEnded) {
      await this.#claiming.giveBack(held)
      return undefined
    }
    return this.#remove(held)
  }

  /** As many of `n` items as are ready, and have attempts left. */
  async #claim(n: number, signal?: AbortSignal): Promise<T[]> {
    const items = await this.#remove(await this.#claiming.lease(n, signal))
    if (turnDue()) await turn()
    return items
  }

  async #remove(held: readonly Held<T>[]): Promise<T[]> {
    const items = await this.#claiming.remove(held)
    this.#removed(items.length)
    return items
  }

  #decode(pieces: readonly Piece[]): Taken<T> {
    const [only] = pieces
    if (only !== undefined && pieces.length === 1) return this.#taken.take(only)
    const items: T[] = []
    const bad: Undecodable[] = []
    for (const piece of pieces) {
      const taken = this.#taken.take(piece)
      for (const item of taken.items) items.push(item)
      bad.push(...taken.bad)
    }
    return { items, bad }
  }

  async #setAside(bad: readonly Piece[]): Promise<void> {
    for (const piece of bad) await this.#core.setAsides.fail(piece, 'codec')
  }

  #removed(count: number): void {
    if (count === 0) return
    this.#core.tally.taken += count
    this.#core.freed()
  }
}

function ended(): QueueClosedError {
  return new QueueClosedError('the writing side of this queue has ended, and nothing is left in it')
}

function empty(min: number, timeoutMs = 0): QueueEmptyError {
  const wanted = min === 1 ? 'no item' : `fewer than ${min} items`
  return new QueueEmptyError(`${wanted} within ${timeoutMs} ms: nothing was taken; wait longer, or put something`)
}
