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

import { isFull } from '../disk/disk.ts'
import { SettledError } from '../errors.ts'
import type { Bound, Document, Durability } from '../store.ts'
import { onAbort } from '../wait/aborts.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { type Batch, countItems, groupLength } from './batch.ts'
import type { CursorState } from './cursor-state.ts'
import { bodyBytesOf, type Extra, type Slice } from './frame.ts'
import { FrameWriter, type WriterParts, type Written } from './frame-writer.ts'
import type { CursorRecord } from './record.ts'
import { putFailure } from './telling.ts'
import { forgo, replacedRecords, voidOf } from './unrecorded.ts'

const MOST_MOVING = 64

export interface AppenderParts extends WriterParts {
  readonly durability: Durability
  /** The disk is full: frees what can be freed. */
  readonly makeRoom: () => Promise<void>
  /** The log went on in a new segment: resolves when no more than flushLimit and a segment lies dead behind the cursor. */
  readonly keepUp: () => Promise<void> | undefined
  /** Items were appended. */
  readonly appended: () => void
  /** With an interval: what was written has to be synced in time. */
  readonly syncLater: () => void
}

export class Appender {
  readonly #parts: AppenderParts
  readonly #frameBytes: number
  readonly #writer: FrameWriter
  #pending: Batch[] = []
  /** How many of the first of them have been taken. */
  #taken = 0
  #running: Promise<void> | undefined
  /** What stands again under other ids, and waits for its sync. */
  readonly #moving = new Set<Promise<void>>()
  /** The id that the segment of the last frame begins with. */
  #base = 0

  constructor(parts: AppenderParts) {
    this.#parts = parts
    this.#frameBytes = parts.log.world.limits.frameBytes
    this.#writer = new FrameWriter(parts)
  }

  append(
    documents: readonly (Document | Slice)[],
    bound: Bound | undefined,
    extra?: Extra | undefined,
    signal?: AbortSignal | undefined,
  ): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const [bytes, count] = [bodyBytesOf(documents), countItems(documents)]
      const mayGo = signal !== undefined && !signal.aborted
      const batch: Batch = { documents, bytes, count, bound, extra, isGone: false, mayGo, resolve, reject }
      this.#pending.push(mayGo ? leaving(batch, signal) : batch)
      // Whatever else is put in this turn shares the frame.
      this.#running ??= this.#run(undefined)
    })
  }

  /** As `append`, but what shares the frame is there: at once, where a step under a free lock is all that it takes. */
  appendNow(documents: readonly Document[]): number | Promise<number | undefined> {
    const [bytes, count] = [bodyBytesOf(documents), countItems(documents)]
    if (this.#running || this.#parts.durability === 'disk' || bytes > this.#frameBytes) {
      return this.append(documents, undefined)
    }
    const batch: Batch = {
      documents,
      bytes,
      count,
      bound: undefined,
      extra: undefined,
      isGone: false,
      mayGo: false,
      resolve: ignore,
      reject: ignore,
    }
    const written = this.#writer.write([batch])
    if (written === undefined || written instanceof Promise) return this.#appendSlowly(batch, written)
    this.#tell()
    const behind = this.#rolled() ? this.#goOn() : undefined
    if (!behind) return written.firstId
    this.#running = this.#run(behind)
    return behind.then(() => written.firstId)
  }

  #appendSlowly(batch: Batch, writing: Promise<Written | undefined> | undefined): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const group = [{ ...batch, resolve, reject }]
      this.#running = this.#run(this.#putSlowly(group, Promise.resolve(writing)).catch(reject))
    })
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
    await this.moved()
  }

  /** Resolves when all that stands again under other ids is recorded so, or refused. */
  async moved(): Promise<void> {
    while (this.#moving.size > 0) await Promise.all(this.#moving)
  }

  /** The begun first, then what is pending. */
  async #run(begun: Promise<unknown> | undefined): Promise<void> {
    await begun
    while (this.#pending.length > 0) {
      const group = this.#nextGroup()
      try {
        const waiting = this.#put(group)
        if (waiting) await waiting
        const behind = this.#rolled() ? this.#goOn() : undefined
        if (behind) await behind
      } catch (error) {
        for (const batch of group) batch.reject(error)
      }
      if (turnDue()) await turn()
    }
    this.#running = undefined
  }

  /** The log went on in a new segment: waits for a flush, and for syncs, that lag behind. */
  #goOn(): Promise<void> | undefined {
    const behind = this.#parts.keepUp()
    const { descriptors, world } = this.#parts.log
    if (descriptors.mayForget || descriptors.dirty().length <= world.limits.unsyncedSegments) return behind
    return Promise.resolve(behind).then(() => this.#syncLate())
  }

  async #syncLate(): Promise<void> {
    const { log } = this.#parts
    for (const segment of log.descriptors.dirty().slice(0, -log.world.limits.unsyncedSegments)) {
      await log.makeDurable(segment)
    }
  }

  #rolled(): boolean {
    const base = this.#parts.log.tail?.base ?? 0
    if (base === this.#base) return false
    this.#base = base
    return true
  }

  #nextGroup(): Batch[] {
    const from = this.#taken
    const to = from + groupLength(this.#pending, from, this.#frameBytes)
    const group = from === 0 && to === this.#pending.length ? this.#pending : this.#pending.slice(from, to)
    this.#taken = to
    // Not one by one: each time all that wait would be moved.
    if (to * 2 >= this.#pending.length) {
      this.#pending = this.#pending.slice(to)
      this.#taken = 0
    }
    return group
  }

  #put(group: readonly Batch[]): Promise<void> | undefined {
    const written = this.#writer.write(group)
    if (written instanceof Promise) return this.#putSlowly(group, written)
    return this.#end(group, written)
  }

  async #putSlowly(group: readonly Batch[], writing: Promise<Written | undefined>): Promise<void> {
    await this.#end(group, await writing.catch((error: unknown) => this.#retry(group, error)))
  }

  /** Written, or not: undefined where nobody has to wait for more. */
  #end(group: readonly Batch[], written: Written | undefined): Promise<void> | undefined {
    const extra = group[0]?.extra
    if (written && extra && extra.replaced.length > 0) return this.#move(group, written, extra)
    if (written && this.#parts.durability === 'disk') return this.#finish(group, written)
    return this.#resolve(group, written)
  }

  /** A full disk may have room once what is wholly settled has gone: one more try. */
  async #retry(group: readonly Batch[], error: unknown): Promise<Written | undefined> {
    if (!isFull(error)) throw this.#failure(error)
    try {
      await this.#parts.makeRoom()
      return await this.#writer.write(group)
    } catch (again) {
      throw this.#failure(again)
    }
  }

  async #finish(group: readonly Batch[], written: Written): Promise<void> {
    await this.#makeDurable(written)
    this.#resolve(group, written)
  }

  async #makeDurable(written: Written): Promise<void> {
    try {
      await this.#parts.log.makeDurable(written.segment)
    } catch (error) {
      await this.#refuse(written)
      throw this.#failure(error)
    }
  }

  /** Others go on meanwhile, so that many share a sync; but every step looks at all that wait for theirs. */
  #move(group: readonly Batch[], written: Written, extra: Extra): Promise<void> | undefined {
    const moving = this.#replace(group, written, extra)
      .catch((error: unknown) => {
        for (const batch of group) batch.reject(error)
      })
      .finally(() => this.#moving.delete(moving))
    this.#moving.add(moving)
    return this.#moving.size < MOST_MOVING ? undefined : this.moved()
  }

  /** What takes the place of other items has to be durable before those go, whatever the durability. */
  async #replace(group: readonly Batch[], written: Written, extra: Extra): Promise<void> {
    const { log, cursor } = this.#parts
    await this.#makeDurable(written)
    try {
      await cursor.step((state) => ({ records: this.#moved(written, extra, state), result: undefined }))
    } catch (error) {
      // Where it is not recorded the frame says it: whoever takes a step next records it.
      if (error instanceof SettledError) throw error
    } finally {
      forgo(log, written)
    }
    this.#resolve(group, written)
  }

  /** What takes the place of others is written: unless somebody else has got those meanwhile, they go. */
  #moved({ firstId, fitted }: Written, extra: Extra, state: CursorState): CursorRecord[] {
    const isVoid = state.runs.live(firstId, firstId + itemsIn(fitted) - 1) === 0
    extra.inTime?.(state, isVoid)
    return replacedRecords(extra, state)
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
    if (written) this.#tell()
    return
  }

  /** Something was appended. */
  #tell(): void {
    this.#parts.appended()
    if (typeof this.#parts.durability === 'object') this.#parts.syncLater()
  }

  #failure(cause: unknown): unknown {
    return putFailure(cause, this.#parts.log.folder)
  }

  /** The sync failed: the frames are void, and the log goes on in a segment that says so. */
  async #refuse(written: Written): Promise<void> {
    const { cursor, log, lock } = this.#parts
    const { segment, from, firstId, fitted } = written
    log.unrecorded = log.unrecorded.filter((met) => met.segment !== segment || met.frame.offset < from)
    const extra = fitted[0]?.extra
    try {
      await lock.run(() => void log.prepare())
      await cursor.step((state) => {
        // Another process may have made it durable, and settled what it replaces.
        const isKept = extra && extra.replaced.length > 0 && replacedRecords(extra, state).length === 0
        return { records: isKept ? [] : [voidOf(firstId, itemsIn(fitted))], result: undefined }
      })
    } catch {
      // The void stays pending: the next put begins with it. This one is refused in any case.
    }
  }
}

/** The same batch, refused when the signal aborts before it is written. */
function leaving(batch: Batch, signal: AbortSignal): Batch {
  const own: Batch = {
    ...batch,
    resolve: (firstId) => {
      unlisten()
      batch.resolve(firstId)
    },
    reject: (error) => {
      unlisten()
      batch.reject(error)
    },
  }
  const unlisten = onAbort(signal, () => {
    if (!own.mayGo) return
    own.isGone = true
    own.reject(signal.reason)
  })
  return own
}

function itemsIn(batches: readonly Batch[]): number {
  return batches.reduce((sum, { count }) => sum + count, 0)
}

function ignore(): void {}
