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
import { crc32 } from './bytes.ts'
import type { Cursor, Decision } from './cursor.ts'
import { bodyBytesOf, FRAME_HEADER_BYTES, writeDocuments } from './frame.ts'
import type { Draft, Log } from './log.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'
import type { StepLock } from './step-lock.ts'

interface Batch {
  readonly documents: readonly Document[]
  readonly bytes: number
  readonly count: number
  readonly bound: Bound | undefined
  readonly resolve: (firstId: number | undefined) => void
  readonly reject: (error: unknown) => void
}

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
  /** Items were appended. */
  readonly appended: () => void
  /** With an interval: what was written has to be synced in time. */
  readonly syncLater: () => void
}

export class Appender {
  readonly #parts: AppenderParts
  readonly #frameBytes: number
  #pending: Batch[] = []
  #running: Promise<void> | undefined
  #asides = 0

  constructor(parts: AppenderParts) {
    this.#parts = parts
    this.#frameBytes = parts.log.world.limits.frameBytes
  }

  append(documents: readonly Document[], bound: Bound | undefined): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      let count = 0
      for (const document of documents) count += document.count
      this.#pending.push({ documents, bytes: bodyBytesOf(documents), count, bound, resolve, reject })
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
      } catch (error) {
        for (const batch of group) batch.reject(error)
      }
      if (turnDue()) await turn()
    }
    this.#running = undefined
  }

  /** As many batches as share a frame; a large one is alone. */
  #nextGroup(): Batch[] {
    let bytes = 0
    let taken = 0
    for (const batch of this.#pending) {
      if (taken > 0 && bytes + batch.bytes > this.#frameBytes) break
      bytes += batch.bytes
      taken++
    }
    if (taken === this.#pending.length) {
      const all = this.#pending
      this.#pending = []
      return all
    }
    return this.#pending.splice(0, taken)
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
    const isBounded = group.some(({ bound }) => bound)
    if (isBounded) return this.#writeBounded(group)
    const draft = this.#draft(group)
    return this.#parts.lock.run(() => this.#writeDraft(draft, group))
  }

  /** What is there is counted and added to in one step, whoever else puts or takes. */
  #writeBounded(group: readonly Batch[]): Promise<Written | undefined> | Written | undefined {
    const { cursor, log, lock } = this.#parts
    const decide = (): Decision<Written | undefined> => {
      log.refresh()
      const fitted = this.#fitting(group)
      const result = fitted.length > 0 ? this.#writeDraft(this.#draft(fitted), fitted) : undefined
      return { records: [], result }
    }
    return cursor.step(decide, lock)
  }

  #fitting(group: readonly Batch[]): Batch[] {
    const { cursor, log } = this.#parts
    const { ready, delayed } = cursor.state.runs.count(log.nextId, log.world.now())
    let held = ready + delayed + cursor.state.runs.inFlight
    return group.filter(({ bound, count }) => {
      if (bound && held + count > bound.items) return false
      held += count
      return true
    })
  }

  #draft(group: readonly Batch[]): Draft {
    let bytes = FRAME_HEADER_BYTES
    let count = 0
    for (const batch of group) {
      bytes += batch.bytes
      count += batch.count
    }
    const buffer = this.#parts.log.windows.reserve(bytes)
    let at = FRAME_HEADER_BYTES
    for (const { documents } of group) at = writeDocuments(buffer, at, documents)
    return { bytes: buffer, bodyCrc: crc32(buffer.subarray(FRAME_HEADER_BYTES)), count, flags: 0 }
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
    const { log, lock } = this.#parts
    const aside = new Aside(log, this.#parts.owner(), ++this.#asides)
    try {
      await aside.write(batch.documents)
      const segment = await (batch.bound ? this.#joinBounded(aside, batch) : lock.run(() => aside.join()))
      if (!segment) {
        aside.abandon()
        return
      }
      return { segment, firstId: segment.base, from: DATA_START, to: segment.header.asideEnd, fitted: [batch] }
    } catch (error) {
      aside.abandon()
      throw error
    }
  }

  #joinBounded(aside: Aside, batch: Batch): Promise<Segment | undefined> | Segment | undefined {
    const { cursor, log, lock } = this.#parts
    const decide = (): Decision<Segment | undefined> => {
      log.refresh()
      return { records: [], result: this.#fitting([batch]).length > 0 ? aside.join() : undefined }
    }
    return cursor.step(decide, lock)
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

export function isFull(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}
