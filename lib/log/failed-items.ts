// failed-items.ts: items set aside, in failed/: segments again, whose documents are
//
//    id · attempt · enqueued at · skip · count · reason length · reason · the item's document     (numbers: varints)
//
// A failed item is written and synced here first, then recorded in the journal with its place; what no record names is
// void. A crash between may deliver an item twice, never zero times.

import type { IdRange, Listed, Piece } from '../store.ts'
import { ByteReader, crc32, putVarint, varintLength } from './bytes.ts'
import type { CursorState, FailedAt } from './cursor-state.ts'
import { bodyBytesOf, FRAME_HEADER_BYTES, readDocument, writeDocuments } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { FAILED } from './layout.ts'
import type { Log } from './log.ts'
import type { CursorRecord } from './record.ts'
import type { StepLock } from './step-lock.ts'

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

  /** Writes a copy of the piece's items, durably; the record that it resolves to makes it count. */
  async write(piece: Piece, attempt: number, reason: string): Promise<CursorRecord> {
    if (!this.#ready) await this.#makeFolder()
    const document = { bytes: encode(piece, attempt, reason), count: 1 }
    const bytes = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + bodyBytesOf([document]))
    writeDocuments(bytes, FRAME_HEADER_BYTES, [document])
    const draft = { bytes, bodyCrc: crc32(bytes.subarray(FRAME_HEADER_BYTES)), count: 1, flags: 0 }
    const { segment, offset } = await this.#lock.run(() => {
      const tail = this.#log.prepare()
      this.#log.write(tail, draft)
      return { segment: tail, offset: tail.end - bytes.length }
    })
    await this.#log.makeDurable(segment)
    const ids: IdRange[] = [{ from: piece.firstId, to: piece.firstId + piece.count - 1 }]
    return { kind: 'failed', segment: segment.base, offset, attempt, ids }
  }

  /** Its name is durable before a record relies on what is in it. */
  async #makeFolder(): Promise<void> {
    const { folder, world } = this.#log
    world.disk.makeFolder(folder)
    await world.disk.syncFolder(folder.slice(0, -`/${FAILED}`.length))
    this.#ready = true
  }

  list(state: CursorState, after: number, limit: number): Listed[] {
    const found: Listed[] = []
    const ids = [...state.failed.keys()].filter((id) => id > after).sort((one, other) => one - other)
    for (const id of ids.slice(0, limit)) {
      const at = state.failed.get(id)
      const listed = at && this.#read(id, at)
      if (listed) found.push(listed)
    }
    return found
  }

  #read(id: number, at: FailedAt): Listed | undefined {
    let segment = this.#log.segmentOf(at.segment)
    if (segment?.base !== at.segment) {
      this.#log.list()
      segment = this.#log.segmentOf(at.segment)
    }
    if (!segment || segment.base !== at.segment || !this.#log.open(segment)) return
    const frame = this.#reader.read(segment, at.offset, segment.file.size())
    const found = frame && readDocument(frame.body, 0, { flags: 0, time: frame.header.time, firstId: frame.firstId })
    return found && decode(found.placed.document.bytes, id)
  }
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

function decode(bytes: Uint8Array, id: number): Listed {
  const reader = new ByteReader(bytes)
  const [firstId, attempt, enqueuedAt] = [reader.varint(), reader.varint(), reader.varint()]
  const [skip, count, reasonLength] = [reader.varint(), reader.varint(), reader.varint()]
  const behind = reader.at + reasonLength
  const reason = Buffer.from(bytes.subarray(reader.at, behind)).toString()
  const document = { bytes: bytes.subarray(behind), count }
  const piece: Piece = { firstId: id, count: 1, document, skip: skip + id - firstId, attempt, enqueuedAt }
  return { piece, status: 'failed', reason }
}
