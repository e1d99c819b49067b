// loop.ts: what items() and batches() return: an async generator written by hand, because one of the language's own
// costs twice as much an item. It acknowledges what it handed out when the next is asked for.
//
//      fresh ──next──▶ running ──return, throw, a failure, nothing more to come──▶ done
//
// Calls that come while one is under way are answered after it, in order; return() also ends a next() that waits.
// It holds the queue (through #open), which would else be collected, and closed, between two calls.

import type { Session } from './session.ts'

export abstract class Loop<T, H, V> implements AsyncGenerator<V, undefined, undefined> {
  readonly #open: () => Promise<Session<T>>
  #session: Session<T> | undefined
  #current: H | undefined
  #state: 'fresh' | 'running' | 'done' = 'fresh'
  #underWay = 0
  #tail: Promise<unknown> = Promise.resolve()
  readonly #answered = (): void => {
    this.#underWay -= 1
  }

  constructor(open: () => Promise<Session<T>>) {
    this.#open = open
  }

  /** What can be handed out without waiting, if anything. */
  protected abstract ready(session: Session<T>): H | undefined
  /** The next to hand out, or undefined at the end. */
  protected abstract take(session: Session<T>): Promise<H | undefined>
  protected abstract ack(session: Session<T>, handed: H): void
  /** It is handed out. */
  protected abstract valueOf(session: Session<T>, handed: H): V
  /** Nothing more is to come. */
  protected end(session: Session<T>): Promise<void> {
    return session.leave()
  }

  next(): Promise<IteratorResult<V, undefined>> {
    const session = this.#session
    if (session !== undefined && this.#underWay === 0) {
      this.#ackCurrent(session)
      const handed = this.ready(session)
      if (handed !== undefined) return Promise.resolve(this.#handOut(session, handed))
    }
    return this.#inTurn(() => this.#step())
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#state = 'done'
    const left = this.#session?.leave()
    await this.#inTurn(() => Promise.resolve(left))
    return { value: undefined, done: true }
  }

  async throw(error: unknown): Promise<never> {
    await this.return().catch(ignore)
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #handOut(session: Session<T>, handed: H): IteratorYieldResult<V> {
    this.#current = handed
    return { value: this.valueOf(session, handed), done: false }
  }

  #ackCurrent(session: Session<T>): void {
    if (this.#current === undefined) return
    this.ack(session, this.#current)
    this.#current = undefined
  }

  #inTurn<R>(step: () => Promise<R>): Promise<R> {
    this.#underWay += 1
    const result = this.#tail.then(step)
    this.#tail = result.then(this.#answered, this.#answered)
    return result
  }

  async #step(): Promise<IteratorResult<V, undefined>> {
    if (this.#state === 'done') return { value: undefined, done: true }
    try {
      const session = await this.#started()
      const handed = await this.#take(session)
      if (handed !== undefined) return this.#handOut(session, handed)
    } catch (error) {
      this.#state = 'done'
      await this.#session?.leave().catch(ignore)
      throw error
    }
    this.#state = 'done'
    if (this.#session !== undefined) await this.end(this.#session)
    return { value: undefined, done: true }
  }

  async #take(session: Session<T>): Promise<H | undefined> {
    // Left, while it was opened.
    if (this.#state === 'done') return undefined
    this.#ackCurrent(session)
    return this.take(session)
  }

  async #started(): Promise<Session<T>> {
    this.#session ??= await this.#open()
    if (this.#state === 'fresh') this.#state = 'running'
    return this.#session
  }
}

/** What fails behind a failure that is told already. */
function ignore(): void {}
