// failed-copy.ts: what stands in failed/: one item a frame, as a document of its own:
//
//    id · attempt · enqueued at · skip · count · reason length · reason · the item's document     (numbers: varints)
//
// `count` is more than 1 where the codec can't give the item's bytes alone: then it is the whole document that the item
// was put in, which the items that fail together share.

import { END_OF_IDS } from '../ids.ts'
import type { Listed, Piece } from '../store.ts'
import { ByteReader, checksumOf, putVarint, varintLength } from './bytes.ts'
import { bodyBytesOf, FRAME_HEADER_BYTES, MOST_DOCUMENT_ITEMS, readDocument, writeDocuments } from './frame.ts'
import type { Frame } from './frame-reader.ts'
import type { Draft, Log } from './log.ts'
import type { Segment } from './segment-file.ts'
import type { StepLock } from './step-lock.ts'

export interface Copy {
  readonly firstId: number
  readonly attempt: number
  readonly enqueuedAt: number
  /** Items of the document before the first of these, and in all. */
  readonly skip: number
  readonly count: number
  readonly reason: string
  readonly bytes: Uint8Array
}

export interface Placed {
  readonly segment: Segment
  readonly offset: number
}

/** The frame of what is to be set aside. */
export function draftOf(piece: Piece, attempt: number, reason: string): Draft {
  const document = { bytes: encode(piece, attempt, reason), count: 1 }
  const bytes = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + bodyBytesOf([document]))
  writeDocuments(bytes, FRAME_HEADER_BYTES, [document])
  return { bytes, bodyCrc: checksumOf(bytes, FRAME_HEADER_BYTES), count: 1, flags: 0 }
}

/** The same once more, for another place. */
export function draftAgain({ body, header }: Frame): Draft {
  const bytes = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + body.length)
  bytes.set(body, FRAME_HEADER_BYTES)
  return { bytes, bodyCrc: header.bodyCrc, count: 1, flags: 0 }
}

/** Writes the frames; resolves to where each stands, once all are durable. */
export async function writeCopies(log: Log, lock: StepLock, drafts: readonly Draft[]): Promise<Placed[]> {
  const placed = await lock.run(() =>
    drafts.map((draft) => {
      const segment = log.prepare()
      log.write(segment, draft)
      return { segment, offset: segment.end - draft.bytes.length }
    }),
  )
  for (const segment of new Set(placed.map(({ segment }) => segment))) await log.makeDurable(segment)
  return placed
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

/** What a frame's body whose checksum held sets aside; undefined where it sets nothing aside. */
export function readCopy(body: Uint8Array): Copy | undefined {
  const found = readDocument(body, 0, { flags: 0, time: 0, firstId: 0 })
  if (!found) return
  const { bytes } = found.placed.document
  const reader = new ByteReader(bytes)
  const [firstId, attempt, enqueuedAt] = [reader.varint(), reader.varint(), reader.varint()]
  const [skip, count, reasonLength] = [reader.varint(), reader.varint(), reader.varint()]
  const behind = reader.at + reasonLength
  if (reader.overrun || behind > bytes.length) return
  if (skip >= count || count > MOST_DOCUMENT_ITEMS || firstId === 0 || count > END_OF_IDS - firstId) return
  const reason = Buffer.from(bytes.subarray(reader.at, behind)).toString()
  return { firstId, attempt, enqueuedAt, skip, count, reason, bytes: bytes.subarray(behind) }
}

/** Whether the item is one of those that a copy is of. */
export function isOf({ firstId, skip, count }: Copy, id: number): boolean {
  return id >= firstId && id - firstId < count - skip
}

export function listedOf({ firstId, attempt, enqueuedAt, skip, count, reason, bytes }: Copy, id: number): Listed {
  const document = { bytes, count }
  const piece: Piece = { firstId: id, count: 1, document, skip: skip + id - firstId, attempt, enqueuedAt }
  return { piece, status: 'failed', reason }
}
