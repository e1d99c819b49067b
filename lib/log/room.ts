// room.ts: whether a batch fits a bound, against what is really there. Under both locks, after catching up.

import type { IdRange } from '../store.ts'
import type { Batch } from './batch.ts'
import type { CursorState } from './cursor-state.ts'
import type { Log } from './log.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'

export class Room {
  readonly #log: Log
  readonly #state: CursorState
  #held: number
  #dropping: IdRange[] = []

  constructor(log: Log, state: CursorState) {
    this.#log = log
    this.#state = state
    const { ready, delayed } = state.runs.count(log.nextId, log.world.now())
    this.#held = ready + delayed + state.runs.inFlight
  }

  /** Counts the batch in if it fits, or can be made to. */
  admits({ bound, count, extra }: Batch): boolean {
    // What replaces other items takes no more room than they did.
    const added = extra && extra.replaced.length > 0 && !extra.retried ? 0 : count
    const excess = bound ? this.#held + added - bound.items : 0
    if (bound && excess > 0 && (bound.whenFull !== 'drop-oldest' || !this.#drop(excess, bound.dropped))) return false
    this.#held += added
    return true
  }

  /** Ready items from the front; what is in flight stays, so that there may be too few. */
  #drop(excess: number, dropped: ((count: number) => void) | undefined): boolean {
    const already = countOf(this.#dropping)
    const ids = this.#state.runs.ready(this.#log.nextId, already + excess, this.#log.world.now())
    if (countOf(ids) < already + excess) return false
    this.#dropping = ids
    this.#held -= excess
    dropped?.(excess)
    return true
  }

  /** What was dropped for those that were admitted. */
  records(): CursorRecord[] {
    return this.#dropping.length > 0 ? [{ kind: 'settled', ids: this.#dropping }] : []
  }
}
