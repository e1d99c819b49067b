// synced-records.ts: how it is told how far the log is durable, while the queue lives. Damage before that place is
// damage; and after a power cut an opening reads from there on.
//
//    own sync ─▶ the next frame says it ─▶ the next record too, where it is far beyond what the journal has
//                                       ─▶ at once, where a segment is done
//                                       ─▶ once, when nothing more is put for a while
//    a segment sealed, or passed by ─▶ 5 s ─▶ synced, if something in it is still wanted
//
// Only who synced tells: who learnt it from others writes nothing, so handles that wake each other fall silent. None of it
// is waited for by a call, and no record of it is synced for its own sake.

import type { StoreEvents } from '../store.ts'
import { both } from '../wait/both.ts'
import type { Clock } from '../wait/clock.ts'
import type { Cursor } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { Position } from './frame.ts'
import type { Log } from './log.ts'
import type { CursorRecord } from './record.ts'
import { recordReplaced } from './unrecorded.ts'

/** Less than this is not worth a record of its own. */
const FAR_BYTES = 4096
const IDLE_MS = 50
/** Most of what is put and soon taken never has to reach the disk. */
const SEALED_MS = 5000

export interface SyncedParts {
  readonly log: Log
  readonly cursor: Cursor
  readonly clock: Clock
  readonly events: Pick<StoreEvents, 'failed'>
}

export class SyncedRecords {
  readonly #parts: SyncedParts
  #isOver = false
  #idle: (() => void) | undefined
  #sealed: (() => void) | undefined
  /** When the log went on behind which segments. */
  #rolled: { readonly upTo: number; readonly at: number }[] = []
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: SyncedParts) {
    this.#parts = parts
    parts.log.onSynced = () => this.#moved()
    parts.log.onPassed = () => this.#passed()
    parts.cursor.carried = (state) => this.#carried(state)
  }

  /** What goes with other records. */
  #carried(state: CursorState): CursorRecord | undefined {
    if (this.#isOver || !this.#isFar(state)) return
    const { position, nextId } = this.#parts.log.ownSynced
    return { kind: 'synced', segment: position.segment, offset: position.offset, nextId }
  }

  #isFar({ synced }: CursorState): boolean {
    const to = this.#parts.log.ownSynced.position
    const from = this.#begun(synced.position)
    return to.segment === from.segment ? to.offset >= from.offset + FAR_BYTES : to.segment > from.segment
  }

  /** Before the first record, the beginning of the log. */
  #begun(position: Position): Position {
    return position.segment > 0 ? position : { segment: this.#parts.log.segments[0]?.base ?? 0, offset: 0 }
  }

  #moved(): void {
    const { log, cursor, clock } = this.#parts
    const { segment } = log.ownSynced.position
    const tail = log.tail?.base ?? 0
    if (segment < tail) this.#passed()
    const { state } = cursor
    if (this.#isOver || !this.#isFar(state)) return
    if (this.#begun(state.synced.position).segment < segment) return this.#record()
    const { position } = log.ownSynced
    this.#idle ??= clock.background(IDLE_MS, () => {
      this.#idle = undefined
      if (log.ownSynced.position === position) this.#record()
      else this.#moved()
    })
  }

  #record(): void {
    const { cursor } = this.#parts
    const recording = async () => {
      await cursor.step((state) => {
        const record = this.#carried(state)
        return { records: record ? [record] : [], result: undefined }
      })
    }
    this.#run(recording().catch(ignore))
  }

  /** Segments stand behind the tail that nobody may have synced: their writers have some time for it. */
  #passed(): void {
    const { log, clock } = this.#parts
    const upTo = log.tail?.base ?? 0
    if (this.#isOver || this.#rolled.at(-1)?.upTo === upTo) return
    // An opening reads the last segment: what those before it say besides their items has to be in the journal.
    if (log.unrecorded.length > 0) this.#run(recordReplaced(log, this.#parts.cursor).catch(ignore))
    this.#rolled.push({ upTo, at: clock.elapsed() })
    this.#wait()
  }

  #wait(): void {
    const { clock, events } = this.#parts
    const [first] = this.#rolled
    if (!first) return
    this.#sealed ??= clock.background(first.at + SEALED_MS - clock.elapsed(), () => {
      this.#sealed = undefined
      const old = this.#rolled.findLastIndex(({ at }) => at + SEALED_MS <= clock.elapsed())
      const upTo = this.#rolled.splice(0, old + 1).at(-1)?.upTo ?? 0
      this.#run(this.#syncPassed(upTo).catch((error: Error) => events.failed(error)))
      this.#wait()
    })
  }

  async #syncPassed(upTo: number): Promise<void> {
    const { log, cursor } = this.#parts
    const { state } = cursor
    const late = log.unsynced().filter(({ base }) => base < upTo)
    for (const segment of late) {
      if (this.#isOver) return
      if (state.runs.live(segment.base, segment.nextId - 1) > 0) await log.makeDurable(segment)
      else await this.#stepOver()
    }
  }

  /** What is settled, as the medium has it, nobody has to find any more. */
  async #stepOver(): Promise<void> {
    const { log, cursor } = this.#parts
    const { head } = cursor.state.runs
    if (log.settledTo >= head) return
    await cursor.durable()
    log.settledTo = Math.max(log.settledTo, head)
  }

  #run(running: Promise<unknown>): void {
    this.#running = both(this.#running, running)
  }

  /** Resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    this.#idle?.()
    this.#sealed?.()
    await this.#running
  }
}

function ignore(): void {}
