// appender.ts: putting. While one write (and its sync) is under way the next frame fills; everyone in a frame shares
// its fate.
//
//    append ─┐
//    append ─┼─▶ pending ─▶ draft ─▶ append.lock: catch up, write ─▶ ['disk': sync] ─▶ resolve
//    append ─┘      ▲                                                       │
//                   └──────────── the next frame fills meanwhile ◀──────────┘
//
// A write that failed is cut back and told. A sync that failed is final: its frames become voids, which the next
// segment's header names, and nothing is put before that segment is there.

import { codeOf } from '../disk/disk.ts'
import { StorageError } from '../errors.ts'
import type { Bound, Document, Durability } from '../store.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { Aside } from './aside.ts'
import { type Batch, countItems, draftOf, groupLength } from './batch.ts'
import type { Cursor, Decide } from './cursor.ts'
import { bodyBytesOf, type Extra, type Slice } from './frame.ts'
import { HeldBytes } from './held-bytes.ts'
import type { Draft, Log } from './log.ts'
import { Room } from './room.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'
import type { StepLock } from './step-lock.ts'
import { missingRecords } from './unrecorded.ts'

/** Batches that were written together: `fitted` of them, the others found no room. */
interface Written {
  readonly segment: Segment
  readonly firstId: number
  readonly from: number
  readonly to: number
  readonly fitted: readonly Batch[]
}

export interface AppenderParts {
  readonly log: Log
  readonly cursor: Cursor
  readonly lock: StepLock
  readonly durability: Durability
  /** This handle's number, for the names of what is in the making. */
  readonly owner: () => number
  /** The disk is full: frees what can be freed. */
  readonly makeRoom: () => Promise<void>
  /** The log went on in a new segment: resolves when no more than flushLimit lies dead behind the cursor. */
  readonly keepUp: () => Promise<void> | undefined
  /** Items were appended. */
  readonly appended: () => void
  /** With an interval: what was written has to be synced in time. */
  readonly syncLater: () => void
}

export class Appender {
  readonly #parts: AppenderParts
  readonly #frameBytes: number
  readonly #held: HeldBytes
  #pending: Batch[] = []
  #running: Promise<void> | undefined
  #asides = 0
  /** The id that the segment of the last frame begins with. */
  #base = 0

  constructor(parts: AppenderParts) {
    this.#parts = parts
    this.#frameBytes = parts.log.world.limits.frameBytes
    this.#held = new HeldBytes(parts.log)
  }

  append(
    documents: readonly (Document | Slice)[],
    bound: Bound | undefined,
    extra?: Extra | undefined,
  ): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const [bytes, count] = [bodyBytesOf(documents), countItems(documents)]
      this.#pending.push({ documents, bytes, count, bound, extra, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    // Whatever else is put in this turn shares the frame.
    await undefined
    while (this.#pending.length > 0) {
      const group = this.#nextGroup()
      try {
        const waiting = this.#put(group)
        if (waiting) await waiting
        const behind = this.#rolled() ? this.#parts.keepUp() : undefined
        if (behind) await behind
      } catch (error) {
        for (const batch of group) batch.reject(error)
      }
      if (turnDue()) await turn()
    }
    this.#running = undefined
  }

  #rolled(): boolean {
    const base = this.#parts.log.tail?.base ?? 0
    if (base === this.#base) return false
    this.#base = base
    return true
  }

  #nextGroup(): Batch[] {
    const taken = groupLength(this.#pending, this.#frameBytes)
    if (taken < this.#pending.length) return this.#pending.splice(0, taken)
    const all = this.#pending
    this.#pending = []
    return all
  }

  #put(group: readonly Batch[]): Promise<void> | undefined {
    const written = this.#written(group)
    if (written instanceof Promise) return this.#putSlowly(group, written)
    if (!written || this.#parts.durability !== 'disk') return this.#resolve(group, written)
    return this.#finish(group, written)
  }

  #written(group: readonly Batch[]): Promise<Written | undefined> | Written | undefined {
    const first = group[0]
    if (first && first.bytes > this.#frameBytes) return this.#aside(first)
    try {
      return this.#write(group)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #putSlowly(group: readonly Batch[], writing: Promise<Written | undefined>): Promise<void> {
    await this.#finish(group, await writing.catch((error: unknown) => this.#retry(group, error)))
  }

  /** A full disk may have room once what is wholly settled has gone: one more try. */
  async #retry(group: readonly Batch[], error: unknown): Promise<Written | undefined> {
    if (!isFull(error)) throw this.#storageError(error)
    try {
      await this.#parts.makeRoom()
      return await this.#written(group)
    } catch (again) {
      throw this.#storageError(again)
    }
  }

  async #finish(group: readonly Batch[], written: Written | undefined): Promise<void> {
    if (written && this.#parts.durability === 'disk') {
      try {
        await this.#parts.log.makeDurable(written.segment)
      } catch (error) {
        await this.#refuse(written)
        throw this.#storageError(error)
      }
    }
    this.#resolve(group, written)
  }

  #resolve(group: readonly Batch[], written: Written | undefined): undefined {
    let id = written?.firstId ?? 0
    const fitted = written?.fitted ?? []
    const all = fitted.length === group.length
    for (const batch of group) {
      if (!all && !fitted.includes(batch)) {
        batch.resolve(undefined)
        continue
      }
      batch.resolve(id)
      id += batch.count
    }
    if (!written) return
    this.#parts.appended()
    if (typeof this.#parts.durability === 'object') this.#parts.syncLater()
    return
  }

  #write(group: readonly Batch[]): Promise<Written | undefined> | Written | undefined {
    if (group.some(({ bound, extra }) => bound || extra)) return this.#writeCounted(group)
    const draft = draftOf(group, this.#parts.log.windows)
    return this.#parts.lock.run(() => this.#writeDraft(draft, group))
  }

  /** What is there is counted, added to and recorded in one step, whoever else puts or takes. */
  #writeCounted(group: readonly Batch[]): Promise<Written | undefined> | Written | undefined {
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
      const before = missingRecords(log, state)
      if (before.length > 0) return { before }
      if (group.some(({ extra }) => extra?.stillHolds?.(state) === false)) return { records: [], result: undefined }
      const room = new Room(log, state, this.#held)
      const fitted = group.filter((batch) => room.admits(batch))
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
    const aside = new Aside(log, this.#parts.owner(), ++this.#asides)
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
    if (!batch.bound && !batch.extra) return this.#parts.lock.run(() => aside.join())
    return this.#counted([batch], () => aside.join())
  }

  /** The sync failed: the frames are void, and the log goes on in a segment that says so. */
  async #refuse(written: Written): Promise<void> {
    const { cursor, log, lock } = this.#parts
    const { segment, from, to, firstId, fitted } = written
    const count = fitted.reduce((sum, batch) => sum + batch.count, 0)
    log.pendingVoids.push({ segment: segment.base, from, to })
    try {
      await lock.run(() => void log.prepare())
      const ids = [{ from: firstId, to: firstId + count - 1 }]
      await cursor.step(() => ({ records: [{ kind: 'gone', why: 1, ids }], result: undefined }))
    } catch {
      // The void stays pending: the next put begins with it. This one is refused in any case.
    }
  }

  #storageError(cause: unknown): Error {
    const { folder } = this.#parts.log
    if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('ERR_QUEUE_')) return cause
    const what = isFull(cause)
      ? `the disk is full: nothing was put into ${folder}; take some items or free some space, and put again`
      : `putting into ${folder} failed (${codeOf(cause) || String(cause)})`
    return new StorageError(what, { cause })
  }
}

/** Bytes that the records of these batches take at most. */
function roomBytesOf(group: readonly Batch[]): number {
  const ranges = group.reduce((sum, { extra }) => sum + (extra?.replaced.length ?? 0), 0)
  return 512 + ranges * 24
}

export function isFull(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}
