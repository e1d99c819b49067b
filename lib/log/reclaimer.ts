// reclaimer.ts: what becomes of items whose consumers will not settle them: the consumer died, or its lease ended.
// Every taker and everybody who waits looks, every so often, at the owners that hold something.

import { codeOf } from '../disk/disk.ts'
import type { IdRange } from '../store.ts'
import type { CursorState } from './cursor-state.ts'
import { readMarks } from './marks.ts'
import type { Parts } from './parts.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'

export class Reclaimer {
  readonly #parts: Parts
  readonly #autoResume: boolean
  readonly #probeMs: number
  #probedAt: number

  constructor(parts: Parts, autoResume: boolean) {
    this.#parts = parts
    this.#autoResume = autoResume
    this.#probeMs = parts.log.world.limits.probeMs
    this.#probedAt = parts.clock.elapsed()
  }

  /** Under cursor.lock, in a step that takes: records that come first. */
  due(state: CursorState): CursorRecord[] {
    const { clock } = this.#parts
    const expired = expiredRecords(state, clock.now())
    const isProbeDue = state.owners.size > 1 && clock.elapsed() - this.#probedAt >= this.#probeMs
    if (!this.#autoResume || !isProbeDue) return expired
    this.#probedAt = clock.elapsed()
    return [...expired, ...this.#leftRecords(state)]
  }

  /** By hand; resolves to how many items are ready again. */
  async reclaim(): Promise<number> {
    return this.#parts.cursor.step((state) => {
      const records = this.#leftRecords(state)
      const items = records.reduce((sum, { owner }) => sum + countOf(state.heldBy(owner)), 0)
      return { records, result: items }
    })
  }

  #leftRecords(state: CursorState): Extract<CursorRecord, { kind: 'left' }>[] {
    return leftRecords(this.#parts.owners.dead(state), this.#parts)
  }
}

/** Dead owners as records; their files go. */
export function leftRecords(
  dead: readonly number[],
  { owners }: Pick<Parts, 'owners'>,
): Extract<CursorRecord, { kind: 'left' }>[] {
  return dead.map((owner) => {
    const ids = marksOf(owners, owner)
    owners.remove(owner)
    return { kind: 'left', owner, counted: 1, ids }
  })
}

/** What a dead owner had marked as in hand. */
function marksOf(owners: Parts['owners'], owner: number): IdRange[] {
  try {
    return owners.read(owner, readMarks)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

function expiredRecords(state: CursorState, now: number): CursorRecord[] {
  const ids = state.expired(now)
  return ids.length > 0 ? [{ kind: 'back', counted: 1, due: 0, ids }] : []
}
