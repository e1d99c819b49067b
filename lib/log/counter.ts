// counter.ts: what a queue holds, in numbers. Counts come from ids and the journal, never from a count that could disagree.

import type { Counts, StoreStats } from '../store.ts'
import { dueTime } from '../wait/clock.ts'
import type { Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import { deadBytesOf } from './flusher.ts'
import type { Log } from './log.ts'
import type { Looker } from './looker.ts'
import { type Parts, upToDate } from './parts.ts'
import type { Reclaimer } from './reclaimer.ts'

export class Counter {
  readonly #parts: Parts
  readonly #looker: Looker
  readonly #reclaimer: Reclaimer

  constructor(parts: Parts, looker: Looker, reclaimer: Reclaimer) {
    this.#parts = parts
    this.#looker = looker
    this.#reclaimer = reclaimer
  }

  async counts(): Promise<Counts> {
    const { log, clock, cursor } = this.#parts
    const decide: Decide<Counts> = (state) => {
      // Who waits for a count, to join or to get several, would else wait for those who died.
      const before = this.#reclaimer.due(state)
      if (before.length > 0) return { before }
      const { ready, delayed } = state.runs.count(log.nextId, dueTime(clock))
      const { inFlight, acked } = state.runs
      return { records: [], result: { ready, delayed, inFlight, failed: state.failed.size, acked } }
    }
    return cursor.step(upToDate(this.#parts, decide))
  }

  async stats(): Promise<StoreStats> {
    const { log, cursor } = this.#parts
    const counts = await this.counts()
    const oldest = counts.ready > 0 ? (await this.#looker.peek(1))[0]?.enqueuedAt : undefined
    const sizes = await cursor.step((state) => ({ records: [], result: sizesOf(log, state) }))
    return { ...counts, ...sizes, oldest, nextId: log.nextId, lost: cursor.state.lost }
  }
}

function sizesOf(log: Log, state: CursorState): Pick<StoreStats, 'bytes' | 'deadBytes' | 'segments'> {
  let bytes = 0
  let deadBytes = 0
  for (const segment of log.segments) {
    const wasOpen = segment.isOpen
    if (!log.openIfThere(segment)) continue
    bytes += segment.end
    deadBytes += deadBytesOf(segment, state)
    if (!wasOpen) segment.close()
  }
  return { bytes, deadBytes, segments: log.segments.length }
}
