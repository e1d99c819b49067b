// mender.ts: calls about items that nobody holds, each in transactions of its own (mending.ts), in the lane of the taker.

import type { Document, Piece } from '../store.ts'
import * as mending from './mending.ts'
import { listsOf } from './statements.ts'
import type { Plan, Step } from './steps.ts'
import type { Taker } from './taker.ts'

export class Mender {
  readonly #queue: number
  readonly #taker: Taker

  constructor(queue: number, taker: Taker) {
    this.#queue = queue
    this.#taker = taker
  }

  update(id: number, { bytes }: Document, key?: string): Promise<boolean> {
    return this.#taker.alone((step) => mending.update(step, { queue: this.#queue, id, bytes, key }))
  }

  /** What is ready or delayed, and older than `before`. */
  clear(before: number): Promise<number> {
    return this.#parts<mending.Front>((step, after) => mending.clear(step, { queue: this.#queue, before, after }))
  }

  retry(ids?: readonly number[]): Promise<number> {
    return this.#lists(ids, mending.retry)
  }

  discard(ids?: readonly number[]): Promise<number> {
    return this.#lists(ids, mending.discard)
  }

  async #lists(
    ids: readonly number[] | undefined,
    mend: (step: Step, failed: mending.Failed) => Promise<Plan<mending.Part>>,
  ): Promise<number> {
    let count = 0
    for (const list of ids === undefined ? [undefined] : listsOf(ids)) {
      count += await this.#parts((step, after = 0) => mend(step, { queue: this.#queue, ids: list, after }))
    }
    return count
  }

  setAside(piece: Piece, reason: string): Promise<void> {
    return this.#taker.alone(async () => mending.setAside(this.#queue, { piece, reason }))
  }

  /** Does it in as many transactions as it takes; resolves to how many items that were. */
  async #parts<A = number>(
    plan: (step: Step, after: A | undefined) => Promise<Plan<mending.Part<A>>>,
  ): Promise<number> {
    let count = 0
    let after: A | undefined
    do {
      const from: A | undefined = after
      const done = await this.#taker.alone((step) => plan(step, from))
      count += done.count
      after = done.after
    } while (after !== undefined)
    return count
  }
}
