// set-asides.ts: items that are set aside beside those that a call is about: their attempts are spent, or they don't
// decode. No call waits for it, and none rejects because of it.
//
//      settle, fail ──written──▶ set aside
//           └──failed (a full disk)──▶ stays in flight here ──after a back-off──▶ tried again
//
// What is still in flight when the queue closes goes back with the rest, and the next handle sets it aside.

import { SettledError } from '../errors.ts'
import type { Piece, Settlement, Store } from '../store.ts'
import type { Clock } from '../wait/clock.ts'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 30_000

type Write = () => Promise<void>

export interface SetAsideParts {
  readonly store: Pick<Store, 'settle' | 'fail'>
  readonly clock: Clock
  /** Something left the queue. */
  readonly freed: () => void
  /** A failure that only diagnostics_channel hears of. */
  readonly publish: (error: unknown) => void
}

export class SetAsides {
  readonly #parts: SetAsideParts
  #waiting: Write[] = []
  #delayMs = FIRST_DELAY_MS
  #cancel: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(parts: SetAsideParts) {
    this.#parts = parts
  }

  /** What is held. Never rejects; resolves when all of it is set aside, or waits for its next try. */
  async settle(settlements: readonly Settlement[]): Promise<void> {
    for (const one of settlements) await this.#write(() => this.#parts.store.settle([one], true))
  }

  /** What was popped. Never rejects, as `settle`. */
  fail(piece: Piece, reason: string): Promise<void> {
    return this.#write(() => this.#parts.store.fail(piece, reason))
  }

  /** Nothing is tried any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    await this.#running
  }

  async #write(write: Write): Promise<void> {
    try {
      await write()
      this.#parts.freed()
    } catch (error) {
      this.#parts.publish(error)
      // Its lease has ended: whoever takes it next sets it aside.
      if (error instanceof SettledError || this.#isClosed) return
      this.#waiting.push(write)
      this.#later()
    }
  }

  #later(): void {
    this.#cancel ??= this.#parts.clock.after(this.#delayMs, () => {
      this.#cancel = undefined
      this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_DELAY_MS)
      this.#running = this.#again()
    })
  }

  async #again(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    for (const write of waiting) await this.#write(write)
    if (this.#waiting.length === 0) this.#delayMs = FIRST_DELAY_MS
  }
}
