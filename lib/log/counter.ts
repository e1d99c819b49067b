// counter.ts: what a queue holds, in numbers. Counts come from ids and the journal, never from a count that could disagree.

import { earliest } from '../earliest.ts'
import type { Counts, StoreStats } from '../store.ts'
import { dueTime } from '../wait/clock.ts'
import type { Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { FailedItems } from './failed-items.ts'
import { deadBytesOf } from './flusher.ts'
import type { HeldBytes } from './held-bytes.ts'
import type { Log } from './log.ts'
import type { Looker } from './looker.ts'
import { type Parts, upToDate } from './parts.ts'
import type { Reclaimer } from './reclaimer.ts'

interface Counted {
  readonly looker: Looker
  readonly reclaimer: Reclaimer
  readonly failed: FailedItems
  readonly held: HeldBytes
}

export class Counter {
  readonly #parts: Parts
  readonly #counted: Counted

  constructor(parts: Parts, counted: Counted) {
    this.#parts = parts
    this.#counted = counted
  }

  async counts(): Promise<Counts> {
    const { log, clock, cursor } = this.#parts
    const decide: Decide<Counts> = (state) => {
      // Who waits for a count, to join or to get several, would else wait for those who died.
      const before = this.#counted.reclaimer.due(state)
      if (before.length > 0) return { before }
      const { ready, delayed } = state.runs.count(log.nextId, dueTime(clock))
      const { inFlight, acked } = state.runs
      return { records: [], result: { ready, delayed, inFlight, failed: state.failed.size, acked } }
    }
    return cursor.step(upToDate(this.#parts, decide))
  }

  async stats(): Promise<StoreStats> {
    const { log, cursor } = this.#parts
    const { looker, held, failed } = this.#counted
    const counts = await this.counts()
    const first = (status: 'ready' | 'inFlight') => looker.list({ status, after: 0, limit: 1 })
    const firsts = [
      ...(counts.ready > 0 ? await first('ready') : []),
      ...(counts.inFlight > 0 ? await first('inFlight') : []),
    ]
    const oldest = earliest(firsts.map(({ piece }) => piece.enqueuedAt))
    // Most of it is looked at without any lock.
    await held.warm(cursor.state)
    const sizes = await cursor.step(
      upToDate(this.#parts, (state) => ({ records: [], result: { ...sizesOf(log, state), bytes: held.total(state) } })),
    )
    const fileBytes = sizes.fileBytes + failed.fileBytes() + cursor.journal.fileBytes
    return { ...counts, ...sizes, fileBytes, oldest, nextId: log.nextId, lost: cursor.state.lost }
  }
}

function sizesOf(log: Log, state: CursorState): Pick<StoreStats, 'fileBytes' | 'deadBytes' | 'segments'> {
  let fileBytes = 0
  let deadBytes = 0
  for (const segment of log.segments) {
    const wasOpen = segment.isOpen
    if (!log.openIfThere(segment)) continue
    fileBytes += segment.size()
    deadBytes += deadBytesOf(segment, state)
    if (!wasOpen) segment.close()
  }
  return { fileBytes, deadBytes, segments: log.segments.length }
}
