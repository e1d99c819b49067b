// frame-writer.ts: how batches get into the log: as one frame under append.lock, and, where a bound or what they replace has
// to be looked at, under cursor.lock too, so that what is counted still holds when it is added to; a large one aside.

import { Rounds } from '../rounds.ts'
import { Aside } from './aside.ts'
import { type Batch, draftOf, staying } from './batch.ts'
import type { Cursor, Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import { HeldBytes } from './held-bytes.ts'
import type { Draft, Log } from './log.ts'
import type { CursorRecord } from './record.ts'
import { Room } from './room.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'
import type { StepLock } from './step-lock.ts'
import { missingRecords } from './unrecorded.ts'

/** Batches that were written together: `fitted` of them, the others found no room. */
export interface Written {
  readonly segment: Segment
  readonly firstId: number
  readonly from: number
  readonly to: number
  readonly fitted: readonly Batch[]
}

export interface WriterParts {
  readonly log: Log
  readonly cursor: Cursor
  readonly lock: StepLock
  /** This handle's number, for the names of what is in the making. */
  readonly owner: () => number
  /** What the queue holds, where others count it too. */
  readonly held?: HeldBytes | undefined
  /** Records that come before a put that may drop: what leases let go, or the dead held, is ready, and can be dropped. */
  readonly due?: ((state: CursorState) => readonly CursorRecord[]) | undefined
}

export class FrameWriter {
  readonly #parts: WriterParts
  readonly #frameBytes: number
  readonly #held: HeldBytes
  readonly #rounds = new Rounds()

  constructor(parts: WriterParts) {
    this.#parts = parts
    this.#frameBytes = parts.log.world.limits.frameBytes
    this.#held = parts.held ?? new HeldBytes(parts.log)
  }

  /** At once, but where the lock is taken, a batch is large or something has to be counted first. Never throws. */
  write(group: readonly Batch[]): Promise<Written | undefined> | Written | undefined {
    const first = group[0]
    if (first && first.bytes > this.#frameBytes) return this.#aside(first)
    try {
      return this.#frame(group)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #frame(group: readonly Batch[]): Promise<Written | undefined> | Written | undefined {
    if (group.some(({ bound, extra }) => bound || extra)) return this.#frameCounted(group)
    const { lock, log } = this.#parts
    const draft = draftOf(group, log.windows)
    if (!group.some(({ mayGo }) => mayGo)) return lock.run(() => this.#writeDraft(draft, group))
    return lock.run(() => {
      const here = staying(group)
      if (here.length === 0) return undefined
      return this.#writeDraft(here === group ? draft : draftOf(here, log.windows), here)
    })
  }

  /** What is there is counted, added to and recorded in one step, whoever else puts or takes. */
  #frameCounted(group: readonly Batch[]): Promise<Written | undefined> | Written | undefined {
    const { log } = this.#parts
    return this.#counted(group, (fitted) => this.#writeDraft(draftOf(fitted, log.windows), fitted))
  }

  /** Both locks; `write` runs at most once. */
  #counted<R>(group: readonly Batch[], write: (fitted: readonly Batch[]) => R): Promise<R | undefined> | R | undefined {
    const { cursor, log, lock } = this.#parts
    if (!this.#held.isWarm && group.some(({ bound }) => bound?.bytes !== undefined)) {
      return this.#held.warm(cursor.state).then(() => this.#counted(group, write))
    }
    const decide: Decide<R | undefined> = (state) => {
      log.refresh()
      const missing = missingRecords(log, state)
      const before = missing.length === 0 && group.some(mayDrop) ? (this.#parts.due?.(state) ?? missing) : missing
      if (before.length > 0) return { before }
      if (group.some(({ extra }) => extra?.stillHolds?.(state) === false)) return { records: [], result: undefined }
      const room = new Room(log, state, { bytes: this.#held, rounds: this.#rounds })
      const fitted = staying(group).filter((batch) => room.admits(batch))
      if (fitted.length > 0) lock.takeOver()
      const result = fitted.length > 0 ? write(fitted) : undefined
      return { records: [...room.records(), ...missingRecords(log, state)], result }
    }
    return cursor.step(decide, { outer: lock, roomBytes: roomBytesOf(group) })
  }

  /** Under append.lock. */
  #writeDraft(draft: Draft, fitted: readonly Batch[]): Written {
    const { log } = this.#parts
    const segment = log.prepare()
    const from = segment.end
    const firstId = log.write(segment, draft)
    return { segment, firstId, from, to: segment.end, fitted }
  }

  async #aside(batch: Batch): Promise<Written | undefined> {
    const { log } = this.#parts
    const aside = new Aside(log, this.#parts.owner(), log.newAside())
    try {
      await aside.write(batch.documents, batch.extra)
      const segment = await this.#join(aside, batch)
      if (!segment) {
        aside.abandon()
        return
      }
      return { segment, firstId: segment.base, from: DATA_START, to: segment.end, fitted: [batch] }
    } catch (error) {
      aside.abandon()
      throw error
    }
  }

  #join(aside: Aside, batch: Batch): Promise<Segment | undefined> | Segment | undefined {
    if (!batch.bound && !batch.extra) {
      return this.#parts.lock.run(() => (staying([batch]).length > 0 ? aside.join() : undefined))
    }
    return this.#counted([batch], () => aside.join())
  }
}

function mayDrop({ bound }: Batch): boolean {
  return bound?.whenFull === 'drop-oldest'
}

/** Bytes that the records of these batches take at most. */
function roomBytesOf(group: readonly Batch[]): number {
  const ranges = group.reduce((sum, { extra }) => sum + (extra?.replaced.length ?? 0), 0)
  return 512 + ranges * 24
}
