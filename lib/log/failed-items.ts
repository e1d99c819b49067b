// failed-items.ts: items set aside, in failed/: segments again, one item a frame (failed-copy.ts).
//
// A failed item is written and synced here first, then recorded in the journal with its place; what no record names is
// void. A crash between may deliver an item twice, never zero times.
//
//    copy written, synced ─▶ under cursor.lock: its segment still has its name ─▶ record        (else the copy once more)

import { codeOf } from '../disk/disk.ts'
import type { Cut, IdRange, Listed, Piece } from '../store.ts'
import type { Cursor } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import { draftOf, isOf, listedOf, readCopy, writeCopies } from './failed-copy.ts'
import { FailedFlush } from './failed-flush.ts'
import type { FailedAt } from './failed-places.ts'
import { type Frame, FrameReader } from './frame-reader.ts'
import { FAILED } from './layout.ts'
import type { Log } from './log.ts'
import type { CursorRecord } from './record.ts'
import { DATA_START } from './segment.ts'
import type { Segment } from './segment-file.ts'
import type { StepLock } from './step-lock.ts'

/** What is to be set aside. */
export interface Copying {
  readonly piece: Piece
  readonly attempt: number
  readonly reason: string
}

/** A copy that does not hold. */
export interface LostCopy {
  readonly id: number
  readonly file: string
  readonly offset: number
  readonly bytes: number
}

export interface ListedCopies {
  readonly listed: Listed[]
  readonly lost: LostCopy[]
}

export class FailedItems {
  readonly #log: Log
  readonly #lock: StepLock
  readonly #reader: FrameReader
  readonly #flush: FailedFlush
  readonly #cut: Cut | undefined
  #ready = false

  /** `cut` gives an item of a document a document of its own. */
  constructor(log: Log, lock: StepLock, cut?: Cut) {
    this.#log = log
    this.#lock = lock
    this.#reader = new FrameReader(log.world.limits.readBytes)
    this.#flush = new FailedFlush({ log, lock, reader: this.#reader })
    this.#cut = cut
  }

  /** Writes copies of the piece's items, durably, and records them. `check` throws where they are not to be set aside. */
  async setAside(
    cursor: Cursor,
    { piece, attempt, reason }: Copying,
    check: (state: CursorState) => void,
  ): Promise<void> {
    if (!this.#ready) await this.#makeFolder()
    const pieces = this.#apart(piece)
    for (let isRecorded = false; !isRecorded; ) {
      const drafts = pieces.map((each) => draftOf(each, attempt, reason))
      const placed = await writeCopies(this.#log, this.#lock, drafts)
      const segments = [...new Set(placed.map(({ segment }) => segment))]
      const records = placed.map(({ segment, offset }, index): CursorRecord => {
        return { kind: 'failed', segment: segment.base, offset, attempt, ids: idsOf(pieces[index]) }
      })
      isRecorded = await cursor.step((state) => {
        check(state)
        // No record named them yet: somebody may have taken their segment for one with nothing in it.
        const isThere = segments.every((segment) => this.#log.isNamed(segment))
        return { records: isThere ? records : [], result: isThere }
      })
      if (!isRecorded) for (const segment of segments) this.#log.drop(segment)
    }
  }

  /** Each item with a document of its own, so that no copy takes the room of items that are not failed. */
  #apart(piece: Piece): Piece[] {
    const { firstId, count, document, skip } = piece
    const documents = document.count > 1 ? this.#cut?.(document, skip, count) : undefined
    if (!documents) return [piece]
    return documents.map((own, i) => ({ ...piece, firstId: firstId + i, count: 1, document: own, skip: 0 }))
  }

  /** Its name is durable before a record relies on what is in it. */
  async #makeFolder(): Promise<void> {
    const { folder, world } = this.#log
    world.disk.makeFolder(folder)
    await world.disk.syncFolder(folder.slice(0, -`/${FAILED}`.length))
    this.#ready = true
  }

  /** Resolves to how many bytes less it takes. */
  flush(cursor: Cursor): Promise<number> {
    this.#list()
    return this.#flush.flush(cursor)
  }

  /** Bytes of the files. */
  fileBytes(): number {
    this.#list()
    let bytes = 0
    for (const segment of this.#log.segments) {
      const wasOpen = segment.isOpen
      if (!this.#log.openIfThere(segment)) continue
      bytes += segment.size()
      if (!wasOpen) segment.close()
    }
    return bytes
  }

  close(): void {
    this.#log.close()
  }

  list(state: CursorState, after: number, limit: number): ListedCopies {
    const found: ListedCopies = { listed: [], lost: [] }
    const ids = [...state.failed.keys()].filter((id) => id > after).sort((one, other) => one - other)
    for (const id of ids.slice(0, limit)) {
      const at = state.failed.get(id)
      if (!at) continue
      const listed = this.#read(id, at)
      if (listed) found.listed.push(listed)
      else found.lost.push({ id, ...this.#lost(at) })
    }
    return found
  }

  /** Records of what is set aside of these ids, for a cursor that lost them: the log may not hold them any more. */
  copiesOf(ranges: readonly IdRange[]): CursorRecord[] {
    if (ranges.length === 0) return []
    this.#list()
    const found: CursorRecord[] = []
    for (const segment of this.#log.segments) {
      if (!this.#log.openIfThere(segment)) continue
      for (const { offset, body } of this.#frames(segment)) {
        const copy = readCopy(body)
        const ids = copy ? within(ranges, copy.firstId, copy.firstId + copy.count - copy.skip - 1) : []
        if (copy && ids.length > 0) {
          found.push({ kind: 'failed', segment: segment.base, offset, attempt: copy.attempt, ids })
        }
      }
    }
    return found
  }

  /** Nothing may ever have been set aside, or somebody removed the folder. */
  #list(): void {
    try {
      this.#log.list()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }

  *#frames(segment: Segment): Generator<Frame> {
    const end = segment.size()
    let frame = this.#reader.resync(segment, DATA_START, end, segment.base)
    for (; frame; frame = this.#reader.resync(segment, frame.next, end, segment.base)) yield frame
  }

  /** Where the copy should be, up to the next frame that holds. */
  #lost({ segment: base, offset }: FailedAt): Omit<LostCopy, 'id'> {
    const segment = this.#log.segmentOf(base)
    if (segment?.base !== base || !this.#log.open(segment)) return { file: this.#log.folder, offset: 0, bytes: 0 }
    const end = segment.size()
    const next = this.#reader.resync(segment, offset + 1, end, base)
    return { file: segment.path, offset, bytes: Math.max(0, (next?.offset ?? end) - offset) }
  }

  #read(id: number, at: FailedAt): Listed | undefined {
    let segment = this.#log.segmentOf(at.segment)
    if (segment?.base !== at.segment) {
      this.#list()
      segment = this.#log.segmentOf(at.segment)
    }
    if (segment?.base !== at.segment || !this.#log.openIfThere(segment)) return
    const frame = this.#reader.read(segment, at.offset, segment.file.size())
    const copy = frame && readCopy(frame.body)
    return copy && isOf(copy, id) ? listedOf(copy, id) : undefined
  }
}

function idsOf(piece: Piece | undefined): IdRange[] {
  return piece ? [{ from: piece.firstId, to: piece.firstId + piece.count - 1 }] : []
}

function within(ranges: readonly IdRange[], first: number, last: number): IdRange[] {
  const parts = ranges.map(({ from, to }) => ({ from: Math.max(from, first), to: Math.min(to, last) }))
  return parts.filter(({ from, to }) => from <= to)
}
