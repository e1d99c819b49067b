// gathering.ts: the batches of consume(): up to `size` items of one attempt. One that never was handed out is waited for
// to fill, `maxWait` from its first item on; one that comes back is taken as it comes.

import type { Clock } from '../wait/clock.ts'
import type { Held } from './held.ts'
import type { Session } from './session.ts'

export interface GatheringShape {
  readonly size: number
  readonly maxWaitMs: number
  readonly clock: Clock
  /** Wait for a first item. */
  readonly wait: boolean
}

export class Gathering<T> {
  readonly #session: Session<T>
  readonly #shape: GatheringShape
  /** Did not belong to the last batch, and begins the next. */
  #first: Held<T> | undefined

  constructor(session: Session<T>, shape: GatheringShape) {
    this.#session = session
    this.#shape = shape
  }

  /** The next batch, or undefined: there is none now, and it is not to be waited for, or the session has ended. */
  async next(): Promise<readonly Held<T>[] | undefined> {
    for (;;) {
      const first = this.#first?.state === 'ahead' ? this.#first : await this.#begin()
      if (first === undefined) return undefined
      this.#session.unseen(first)
      const batch = [first]
      await this.#fill(batch, first.attempt)
      if (this.#session.isLeft) return undefined
      // What others have by now is theirs.
      const held = batch.filter(({ state }) => state === 'ahead')
      this.#session.handOut(held)
      if (held.length > 0) return held
    }
  }

  #begin(): Promise<Held<T> | undefined> {
    this.#session.ahead = this.#shape.size
    return this.#session.next(this.#shape.wait ? Infinity : 0)
  }

  async #fill(batch: Held<T>[], attempt: number): Promise<void> {
    const { size, maxWaitMs, clock } = this.#shape
    this.#first = undefined
    const until = attempt > 1 ? 0 : clock.elapsed() + maxWaitMs
    while (batch.length < size) {
      this.#session.ahead = size - batch.length
      const held = this.#session.ready() ?? (await this.#session.next(until))
      if (held === undefined) return
      // Until the batch is whole nobody has seen it.
      this.#session.unseen(held)
      if (held.attempt !== attempt) {
        this.#first = held
        return
      }
      batch.push(held)
    }
  }
}
