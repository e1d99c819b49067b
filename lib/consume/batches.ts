// batches.ts: a loop over arrays of up to `size` items. A batch is handed out when it is full, when `maxWait` has
// passed since its first item came, or when nothing more is to come.

import type { Clock } from '../wait/clock.ts'
import type { Held } from './held.ts'
import { Loop } from './loop.ts'
import type { Session } from './session.ts'

export interface BatchShape {
  readonly size: number
  readonly maxWaitMs: number
  readonly clock: Clock
}

export class Batches<T> extends Loop<T, readonly Held<T>[], T[]> {
  readonly #shape: BatchShape

  constructor(open: () => Promise<Session<T>>, shape: BatchShape) {
    super(open)
    this.#shape = shape
  }

  /** Never: a batch leases what it needs, and the acknowledgements of the one before go with that. */
  protected ready(): undefined {
    return undefined
  }

  protected async take(session: Session<T>): Promise<readonly Held<T>[] | undefined> {
    for (;;) {
      session.ahead = this.#shape.size
      const first = await session.next()
      if (first === undefined) return undefined
      session.unseen(first)
      const batch = [first]
      await this.#fill(session, batch)
      if (session.isLeft) return undefined
      // What others have by now is theirs.
      const held = batch.filter(({ state }) => state === 'ahead')
      if (held.length > 0) return held
    }
  }

  protected ack(session: Session<T>, handed: readonly Held<T>[]): void {
    for (const held of handed) session.ack(held, true)
  }

  protected valueOf(session: Session<T>, handed: readonly Held<T>[]): T[] {
    session.handOut(handed)
    return handed.map(({ item }) => item)
  }

  /** A store may need several steps for many items, so it asks until there is nothing, even without a `maxWait`. */
  async #fill(session: Session<T>, batch: Held<T>[]): Promise<void> {
    const { size, maxWaitMs, clock } = this.#shape
    const until = clock.elapsed() + maxWaitMs
    for (let more = true; more; ) {
      for (let held = session.ready(); held !== undefined; held = session.ready()) add(session, batch, held)
      if (batch.length === size) return
      session.ahead = size - batch.length
      const held = await session.next(until)
      if (held !== undefined) add(session, batch, held)
      more = held !== undefined
    }
  }
}

/** Nobody sees it until the batch is whole. */
function add<T>(session: Session<T>, batch: Held<T>[], held: Held<T>): void {
  session.unseen(held)
  batch.push(held)
}
