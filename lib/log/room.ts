// room.ts: whether a batch fits a bound, against what is really there. Under both locks, after catching up.

import type { Rounds } from '../rounds.ts'
import type { Bound, IdRange } from '../store.ts'
import type { Batch } from './batch.ts'
import type { CursorState } from './cursor-state.ts'
import { type HeldBytes, payloadOf } from './held-bytes.ts'
import type { Log } from './log.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'

/** How much more there would be than there may be. */
interface Excess {
  readonly items: number
  readonly bytes: number
}

const DROP_STEP = 256

export class Room {
  readonly #log: Log
  readonly #state: CursorState
  readonly #bytes: HeldBytes
  readonly #rounds: Rounds
  #held: number
  #heldBytes: number | undefined
  #dropping: IdRange[] = []

  constructor(log: Log, state: CursorState, { bytes, rounds }: { bytes: HeldBytes; rounds: Rounds }) {
    this.#log = log
    this.#state = state
    this.#bytes = bytes
    this.#rounds = rounds
    const { ready, delayed } = state.runs.count(log.nextId, log.world.dueTime())
    this.#held = ready + delayed + state.runs.inFlight
  }

  /** Counts the batch in if it fits, or can be made to. */
  admits({ bound, count, extra, documents }: Batch): boolean {
    // What replaces other items takes no more room than they did.
    const isMoved = extra !== undefined && extra.replaced.length > 0 && !extra.retried
    const added = isMoved ? NOTHING : { items: count, bytes: bound?.bytes === undefined ? 0 : payloadOf(documents) }
    if (bound && !this.#makesRoom(bound, added)) {
      this.#rounds.end(bound)
      return false
    }
    this.#held += added.items
    if (this.#heldBytes !== undefined) this.#heldBytes += added.bytes
    return true
  }

  #makesRoom(bound: Bound, added: Excess): boolean {
    if (this.#rounds.isOver(bound)) return false
    const excess = this.#excess(bound, added)
    return !isExcess(excess) || (bound.whenFull === 'drop-oldest' && this.#drop(excess, bound.dropped))
  }

  #excess(bound: Bound, added: Excess): Excess {
    const items = this.#held + added.items - bound.items
    if (bound.bytes === undefined) return { items, bytes: 0 }
    this.#heldBytes ??= this.#bytes.total(this.#state)
    return { items, bytes: this.#heldBytes + added.bytes - bound.bytes }
  }

  /** Ready items from the front; what is in flight stays, so that there may be too few. */
  #drop(excess: Excess, dropped: ((count: number) => void) | undefined): boolean {
    const already = countOf(this.#dropping)
    let bytes = 0
    let count = 0
    for (let more = Math.max(DROP_STEP, excess.items); ; more *= 2) {
      const ids = this.#state.runs.ready(this.#log.nextId, already + more, this.#log.world.dueTime())
      for (const { from, to } of parted(ids, already + count)) {
        for (let id = from; id <= to && isExcess({ items: excess.items - count, bytes: excess.bytes - bytes }); id++) {
          if (excess.bytes > 0) bytes += this.#bytes.of([{ from: id, to: id }])
          count += 1
        }
      }
      if (!isExcess({ items: excess.items - count, bytes: excess.bytes - bytes })) break
      if (countOf(ids) < already + more) return false
    }
    this.#dropping = this.#state.runs.ready(this.#log.nextId, already + count, this.#log.world.dueTime())
    this.#held -= count
    if (this.#heldBytes !== undefined) this.#heldBytes -= bytes
    dropped?.(count)
    return true
  }

  /** What was dropped for those that were admitted. */
  records(): CursorRecord[] {
    return this.#dropping.length > 0 ? [{ kind: 'settled', ids: this.#dropping }] : []
  }
}

const NOTHING: Excess = Object.freeze({ items: 0, bytes: 0 })

function isExcess({ items, bytes }: Excess): boolean {
  return items > 0 || bytes > 0
}

/** The ranges without their first `count` ids. */
function parted(ids: readonly IdRange[], count: number): IdRange[] {
  const left: IdRange[] = []
  let skip = count
  for (const { from, to } of ids) {
    const length = to - from + 1
    if (skip < length) left.push({ from: from + skip, to })
    skip = Math.max(0, skip - length)
  }
  return left
}
