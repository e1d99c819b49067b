// failed-items.ts: items set aside, in failed/: segments again, whose documents are
//
//    id · attempt · enqueued at · skip · count · reason length · reason · the item's document     (numbers: varints)
//
// A failed item is written and synced here first, then recorded in the journal with its place; what no record names is
// void. A crash between may deliver an item twice, never zero times.
//
//    copy written, synced ─▶ under cursor.lock: its segment still has its name ─▶ record        (else the copy once more)
//    flush: a tail with nothing failed is sealed ─▶ cursor durable ─▶ under both locks: nothing failed in it ─▶ unlink
//
// A power cut must not bring back a record that names a copy which is gone: so the cursor is durable before the unlink.
// Segments get bases that rise, and the last one stays: no name is ever given to another file.

import { codeOf } from '../disk/disk.ts'
import type { IdRange, Listed, Piece } from '../store.ts'
import { ByteReader, checksumOf, putVarint, varintLength } from './bytes.ts'
import type { Cursor, Decide } from './cursor.ts'
import type { CursorState, FailedAt } from './cursor-state.ts'
import { bodyBytesOf, FRAME_HEADER_BYTES, readDocument, writeDocuments } from './frame.ts'
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
  #ready = false

  constructor(log: Log, lock: StepLock) {
    this.#log = log
    this.#lock = lock
    this.#reader = new FrameReader(log.world.limits.readBytes)
  }

  /** Writes a copy of the piece's items, durably, and records it. `check` throws where they are not to be set aside. */
  async setAside(cursor: Cursor, copy: Copying, check: (state: CursorState) => void): Promise<void> {
    for (let isRecorded = false; !isRecorded; ) {
      const { record, segment } = await this.#write(copy)
      isRecorded = await cursor.step((state) => {
        check(state)
        // No record named it yet: somebody may have taken its segment for one with nothing in it.
        const isThere = this.#log.isNamed(segment)
        return { records: isThere ? [record] : [], result: isThere }
      })
      if (!isRecorded) this.#log.drop(segment)
    }
  }

  async #write({ piece, attempt, reason }: Copying): Promise<{ record: CursorRecord; segment: Segment }> {
    if (!this.#ready) await this.#makeFolder()
    const document = { bytes: encode(piece, attempt, reason), count: 1 }
    const bytes = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + bodyBytesOf([document]))
    writeDocuments(bytes, FRAME_HEADER_BYTES, [document])
    const draft = { bytes, bodyCrc: checksumOf(bytes, FRAME_HEADER_BYTES), count: 1, flags: 0 }
    const { segment, offset } = await this.#lock.run(() => {
      const tail = this.#log.prepare()
      this.#log.write(tail, draft)
      return { segment: tail, offset: tail.end - bytes.length }
    })
    await this.#log.makeDurable(segment)
    const ids: IdRange[] = [{ from: piece.firstId, to: piece.firstId + piece.count - 1 }]
    return { record: { kind: 'failed', segment: segment.base, offset, attempt, ids }, segment }
  }

  /** Its name is durable before a record relies on what is in it. */
  async #makeFolder(): Promise<void> {
    const { folder, world } = this.#log
    world.disk.makeFolder(folder)
    await world.disk.syncFolder(folder.slice(0, -`/${FAILED}`.length))
    this.#ready = true
  }

  /** Segments go in which nothing is failed any more; resolves to how many bytes those were. */
  async flush(cursor: Cursor): Promise<number> {
    const { folderGate } = this.#log
    this.#list()
    if (!this.#log.tail) return 0
    const state = await cursor.step((present) => ({ records: [], result: present }))
    await this.#lock.run(() => this.#rollIfDead(state))
    const dead = this.#log.segments.filter((each) => {
      return each !== this.#log.tail && !isUsed(state, each) && this.#isWhole(each)
    })
    if (dead.length === 0) return 0
    await folderGate.pass()
    await cursor.durable()
    let reclaimed = 0
    for (const segment of dead) {
      const removing: Decide<number> = (now) => {
        this.#lock.takeOver()
        return { records: [], result: isUsed(now, segment) ? 0 : this.#unlink(segment) }
      }
      reclaimed += await cursor.step(removing, { outer: this.#lock })
    }
    return reclaimed
  }

  #rollIfDead(state: CursorState): void {
    // What doesn't hold is left as it is: it may have held a copy, and the next look at that tells of it.
    if (!this.#isWhole(this.#log.tail)) return
    this.#log.refresh()
    const { tail } = this.#log
    if (tail && tail.end > DATA_START && !isUsed(state, tail)) this.#log.roll()
  }

  #isWhole(segment: Segment | undefined): boolean {
    return segment !== undefined && this.#log.openIfThere(segment) && segment.isWhole
  }

  #unlink(segment: Segment): number {
    const { disk } = this.#log.world
    const bytes = this.#log.openIfThere(segment) ? segment.size() : 0
    this.#log.drop(segment)
    try {
      disk.unlink(segment.path)
      return bytes
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      return 0
    }
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
    return copy && listedOf(copy, id)
  }
}

/** Something that is failed has its copy there. */
function isUsed({ failed }: CursorState, { base }: Segment): boolean {
  for (const { segment } of failed.values()) if (segment === base) return true
  return false
}

function within(ranges: readonly IdRange[], first: number, last: number): IdRange[] {
  const parts = ranges.map(({ from, to }) => ({ from: Math.max(from, first), to: Math.min(to, last) }))
  return parts.filter(({ from, to }) => from <= to)
}

function encode(piece: Piece, attempt: number, reason: string): Buffer {
  const { document, skip, enqueuedAt, firstId } = piece
  const why = Buffer.from(reason)
  const fields = [firstId, attempt, enqueuedAt, skip, document.count, why.length]
  const length = fields.reduce((sum, field) => sum + varintLength(field), 0)
  const bytes = Buffer.alloc(length + why.length + document.bytes.length)
  let at = 0
  for (const field of fields) at = putVarint(bytes, at, field)
  why.copy(bytes, at)
  bytes.set(document.bytes, at + why.length)
  return bytes
}

interface Copy {
  readonly firstId: number
  readonly attempt: number
  readonly enqueuedAt: number
  /** Items of the document before the first of these, and in all. */
  readonly skip: number
  readonly count: number
  readonly reason: string
  readonly bytes: Uint8Array
}

/** What a frame's body whose checksum held sets aside. */
function readCopy(body: Uint8Array): Copy | undefined {
  const found = readDocument(body, 0, { flags: 0, time: 0, firstId: 0 })
  if (!found) return
  const { bytes } = found.placed.document
  const reader = new ByteReader(bytes)
  const [firstId, attempt, enqueuedAt] = [reader.varint(), reader.varint(), reader.varint()]
  const [skip, count, reasonLength] = [reader.varint(), reader.varint(), reader.varint()]
  const behind = reader.at + reasonLength
  if (reader.overrun || behind > bytes.length) return
  const reason = Buffer.from(bytes.subarray(reader.at, behind)).toString()
  return { firstId, attempt, enqueuedAt, skip, count, reason, bytes: bytes.subarray(behind) }
}

function listedOf({ firstId, attempt, enqueuedAt, skip, count, reason, bytes }: Copy, id: number): Listed {
  const document = { bytes, count }
  const piece: Piece = { firstId: id, count: 1, document, skip: skip + id - firstId, attempt, enqueuedAt }
  return { piece, status: 'failed', reason }
}
