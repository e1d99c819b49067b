// looking.ts: what is in the queue, for whoever wants to know.

import type { ListOptions } from '../call-options.ts'
import { defaults } from '../options.ts'
import type { Counts, Status } from '../store.ts'
import type { Core } from './core.ts'

export interface Stats extends Counts {
  /**
   * Encoded bytes of the items that are ready, delayed or in flight: what `maxBytes` bounds. Over a log the first call of a
   * handle reads them, later ones only what has come and gone since.
   */
  readonly bytes: number
  /** Bytes that its files take. Queues that share a database share those; in memory there are none. */
  readonly fileBytes: number
  /** Of those, bytes that are in use no more, and that `flush()` can reclaim. */
  readonly deadBytes: number
  /** Files of the log. */
  readonly segments: number
  /** When the first item was put, by its id, of those that are ready or in flight, whatever the order. */
  readonly oldest?: Date
  /** The id that the next item gets. */
  readonly nextId: number
  /** Items lost to damage, in all. */
  readonly lost: number
  /** Items put, taken (popped, acknowledged or deleted) and dropped by this handle. */
  readonly put: number
  readonly taken: number
  readonly dropped: number
}

/** One item of a listing. */
export interface Entry<T> {
  readonly id: number
  /** `undefined` where it does not decode. */
  readonly item: T | undefined
  readonly status: Status
  /** Deliveries so far. A log doesn't keep those of acknowledged items: 0. */
  readonly attempt: number
  readonly enqueuedAt: Date
  /** Why it was set aside. */
  readonly reason?: string
}

export class Looking<T> {
  readonly #core: Core<T>

  constructor(core: Core<T>) {
    this.#core = core
  }

  async size(): Promise<number> {
    const { ready } = await this.#core.store.counts()
    return ready
  }

  async counts(): Promise<Counts> {
    const { ready, delayed, inFlight, failed, acked } = await this.#core.store.counts()
    return { ready, delayed, inFlight, failed, acked }
  }

  async stats(): Promise<Stats> {
    const { oldest, ...stats } = await this.#core.store.stats()
    return { ...stats, ...this.#core.tally, ...(oldest === undefined ? {} : { oldest: new Date(oldest) }) }
  }

  async list(options: ListOptions = {}): Promise<Entry<T>[]> {
    const { status = 'ready', after = 0, limit = defaults.listLimit } = options
    const listed = await this.#core.store.list({ status, after, limit })
    const reader = this.#core.reader()
    return listed.flatMap(({ piece, status, reason }) => {
      const told = { status, attempt: piece.attempt, ...(reason === undefined ? {} : { reason }) }
      const { items, bad } = reader.take(piece)
      const badIds = new Set(bad.flatMap(({ firstId, count }) => Array.from({ length: count }, (_, i) => firstId + i)))
      let next = 0
      return Array.from({ length: piece.count }, (_, i) => {
        const id = piece.firstId + i
        const item = badIds.has(id) ? undefined : items[next++]
        return { id, item, enqueuedAt: new Date(piece.enqueuedAt), ...told }
      })
    })
  }
}
