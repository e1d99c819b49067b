// looker.ts: looking at items without changing anything, but that what the dead held is ready, and what was held too long.

import type { IdRange, Listed, ListOptions, Piece } from '../store.ts'
import { dueTime } from '../wait/clock.ts'
import type { Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { PiecesAndGap } from './document-reader.ts'
import type { FailedItems } from './failed-items.ts'
import type { RunStatus } from './id-state.ts'
import { attemptAt, type Parts, upToDate } from './parts.ts'
import type { Reclaimer } from './reclaimer.ts'

export class Looker {
  readonly #parts: Parts
  readonly #failed: FailedItems
  readonly #reclaimer: Reclaimer

  constructor(parts: Parts, failed: FailedItems, reclaimer: Reclaimer) {
    this.#parts = parts
    this.#failed = failed
    this.#reclaimer = reclaimer
  }

  peek(n: number): Promise<Piece[]> {
    const { log, clock } = this.#parts
    return this.#read((state) => state.runs.ready(log.nextId, n, dueTime(clock)))
  }

  /** Reads items without a record of them; gaps are judged, and what is behind them is read too. */
  async #read(choose: (state: CursorState) => readonly IdRange[]): Promise<Piece[]> {
    const decide: Decide<PiecesAndGap> = (state) => {
      // Who peeks again and again would else never see what the dead held.
      const before = this.#reclaimer.due(state)
      if (before.length > 0) return { before }
      const attempts = (id: number) => attemptAt(state, id)
      const result = this.#parts.reader.piecesAndGap(choose(state), attempts, Number.POSITIVE_INFINITY)
      return { records: [], result }
    }
    for (;;) {
      const { pieces, gap } = await this.#parts.cursor.step(upToDate(this.#parts, decide))
      const isAll = gap === undefined || (this.#parts.judge.refuses && pieces.length > 0)
      if (isAll) return pieces
      await this.#parts.judge.judge(gap)
    }
  }

  async list({ status, after, limit }: ListOptions): Promise<Listed[]> {
    if (status === 'failed') return this.#listFailed(after, limit)
    const pieces = await this.#read((state) => this.#idsOf(state, status, after, limit))
    return pieces.map((piece) => ({ piece, status }))
  }

  async #listFailed(after: number, limit: number): Promise<Listed[]> {
    const { cursor, judge } = this.#parts
    for (;;) {
      const { listed, lost } = await cursor.step((state) => {
        return { records: [], result: this.#failed.list(state, after, limit) }
      })
      if (lost.length === 0) return listed
      await judge.judgeCopies(lost)
    }
  }

  #idsOf(state: CursorState, status: RunStatus, after: number, limit: number): IdRange[] {
    const { log, clock } = this.#parts
    const ids: IdRange[] = []
    let left = limit
    for (const range of state.runs.withStatus(status, after + 1, log.nextId, dueTime(clock))) {
      if (left <= 0) break
      const to = Math.min(range.to, range.from + left - 1)
      ids.push({ from: range.from, to })
      left -= to - range.from + 1
    }
    return ids
  }
}
