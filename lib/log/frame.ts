// frame.ts: one batch as bytes. Never change a field; add a version.
//
//    0       4            8          12           16      20      24        28      32      40
//    ┌───────┬────────────┬──────────┬────────────┬───────┬───────┬─────────┬───────┬───────┬──────────────────────┐
//    │ magic │ header crc │ body crc │ body bytes │ count │ flags │ first − │ nonce │ time  │ synced-to            │
//    │       │            │          │            │       │       │ base    │       │ ms    │ segment 8 · offset 8 │
//    └───────┴────────────┴──────────┴────────────┴───────┴───────┴─────────┴───────┴───────┴──────────────────────┘
//   56 ┌───────────────────────┬────────────────────────────────────────────────────┬ ─ ─
//      │ [due] [replaced]      │ [skip] [offset · taken] count · bytes · document   │  varints, those in brackets by flag
//      └───────────────────────┴────────────────────────────────────────────────────┴ ─ ─
//
// The header has a crc of its own, over bytes 8 to 56, so that a length is trusted before it is used, and so that a
// body can be built and summed before its ids are known. Ids are relative to the segment's base: a batch that was
// written aside gets its ids by the name of its segment alone. The nonce is the segment's: a stale frame of another
// segment never passes. `synced-to` is what the writer knew to be durable: damage before it is damage, and a crash
// behind it is no more than a crash.

import type { Document, IdRange } from '../store.ts'
import { ByteReader, ByteWriter, checksumOf, getU32, getU64, putU32, putU64, putVarint, varintLength } from './bytes.ts'
import type { CursorState } from './cursor-state.ts'

export const FRAME_MAGIC = 0x66717073 // 'spqf'
export const FRAME_HEADER_BYTES = 56
/** Items of a document, at most: the codecs put no more together (codec/documents.ts). */
export const MOST_DOCUMENT_ITEMS = 256

/** Ids were left out: each document says how many before it. */
export const SPARSE = 1
/** The body begins with the time, ms since 1970, before which its items are not ready (0: none), and their attempts. */
export const DUE = 2
/** The body begins (behind the time) with ids whose items stand here again: those are settled. */
export const REPLACES = 4
/** As REPLACES, with ids of failed items: those are failed no longer. */
export const RETRIES = 8
/** Each document says which part of it is meant: offset and number of items, before its count. */
export const SLICED = 16

/** What a frame says besides its items. */
export interface Extra {
  /** Not ready before, in ms since 1970; 0: at once. */
  readonly due: number
  /** How often its items were handed out before. */
  readonly attempt: number
  /** Ids whose items stand in this frame again: its documents are slices then. */
  readonly replaced: readonly IdRange[]
  /** They were failed ones. */
  readonly retried: boolean
  /**
   * Whether what is to be replaced still is as its reader found it: asked under both locks, before anything is
   * written. False: nothing is. May throw what the caller is to be told.
   */
  readonly stillHolds?: ((state: CursorState) => boolean) | undefined
  /**
   * Asked once more when the frame is durable, under cursor.lock: throws where somebody else has got meanwhile what is to
   * be replaced. `isVoid`: nothing of the frame is left.
   */
  readonly inTime?: ((state: CursorState, isVoid: boolean) => void) | undefined
}

/** What a body begins with, where the flags say so. */
export interface Preamble {
  readonly due: number
  /** How often the items were handed out before they came here. */
  readonly attempt: number
  readonly replaced: readonly IdRange[]
  /** Where the documents start. */
  readonly end: number
}

export const NO_PREAMBLE: Preamble = Object.freeze({ due: 0, attempt: 0, replaced: Object.freeze([]), end: 0 })

export function flagsOf({ due, attempt, replaced, retried }: Extra): number {
  const replaces = replaced.length === 0 ? 0 : (retried ? RETRIES : REPLACES) | SLICED
  return (due > 0 || attempt > 0 ? DUE : 0) | replaces
}

/** The bytes of a preamble: due time and attempts, then number of ranges, first id and length less one of each. */
export function encodePreamble({ due, attempt, replaced }: Extra): Buffer {
  const writer = new ByteWriter()
  if (due > 0 || attempt > 0) {
    writer.varint(due)
    writer.varint(attempt)
  }
  if (replaced.length > 0) writer.varint(replaced.length)
  for (const { from, to } of replaced) {
    writer.varint(from)
    writer.varint(to - from)
  }
  return Buffer.from(writer.bytes())
}

export function readPreamble(body: Uint8Array, flags: number): Preamble {
  if ((flags & (DUE | REPLACES | RETRIES)) === 0) return NO_PREAMBLE
  const reader = new ByteReader(body)
  const due = flags & DUE ? reader.varint() : 0
  const attempt = flags & DUE ? reader.varint() : 0
  const replaced: IdRange[] = []
  for (let left = flags & (REPLACES | RETRIES) ? reader.varint() : 0; left > 0 && !reader.overrun; left--) {
    const from = reader.varint()
    replaced.push({ from, to: from + reader.varint() })
  }
  return { due, attempt, replaced, end: reader.at }
}

/** Where in the log something is: a segment, by its base, and an offset in it. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

export const START: Position = Object.freeze({ segment: 0, offset: 0 })

export function isBefore(one: Position, other: Position): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset)
}

export interface FrameHeader {
  readonly bodyCrc: number
  readonly bodyBytes: number
  /** Ids that the frame spans, left out ones included. */
  readonly count: number
  readonly flags: number
  readonly relativeId: number
  readonly nonce: number
  readonly time: number
  readonly syncedTo: Position
}

export function writeFrameHeader(bytes: Uint8Array, at: number, header: FrameHeader): void {
  putU32(bytes, at, FRAME_MAGIC)
  putU32(bytes, at + 8, header.bodyCrc)
  putU32(bytes, at + 12, header.bodyBytes)
  putU32(bytes, at + 16, header.count)
  putU32(bytes, at + 20, header.flags)
  putU32(bytes, at + 24, header.relativeId)
  putU32(bytes, at + 28, header.nonce)
  putU64(bytes, at + 32, header.time)
  putU64(bytes, at + 40, header.syncedTo.segment)
  putU64(bytes, at + 48, header.syncedTo.offset)
  putU32(bytes, at + 4, checksumOf(bytes, at + 8, at + FRAME_HEADER_BYTES))
}

/** The header at `at`, or undefined where there is none that holds. */
export function readFrameHeader(bytes: Uint8Array, at: number, end: number, nonce: number): FrameHeader | undefined {
  if (at + FRAME_HEADER_BYTES > end || getU32(bytes, at) !== FRAME_MAGIC || getU32(bytes, at + 28) !== nonce) return
  if (checksumOf(bytes, at + 8, at + FRAME_HEADER_BYTES) !== getU32(bytes, at + 4)) return
  return parseFrameHeader(bytes, at)
}

/** A header whose checksum was checked before. */
export function parseFrameHeader(bytes: Uint8Array, at: number): FrameHeader {
  return {
    bodyCrc: getU32(bytes, at + 8),
    bodyBytes: getU32(bytes, at + 12),
    count: getU32(bytes, at + 16),
    flags: getU32(bytes, at + 20),
    relativeId: getU32(bytes, at + 24),
    nonce: getU32(bytes, at + 28),
    time: getU64(bytes, at + 32),
    syncedTo: { segment: getU64(bytes, at + 40), offset: getU64(bytes, at + 48) },
  }
}

/** A part of a document: `taken` of its items, behind `offset` others. What comes again can't be cut out of it. */
export interface Slice extends Document {
  readonly offset: number
  readonly taken: number
}

/** A document in its place: `taken` ids from `firstId` on, the first of them for the item behind `offset` others. */
export interface PlacedDocument {
  readonly firstId: number
  readonly document: Document
  readonly offset: number
  readonly taken: number
  readonly time: number
}

/** Bytes that the documents take in a frame's body. */
export function bodyBytesOf(documents: readonly (Document | Slice)[]): number {
  let total = 0
  for (const document of documents) {
    const { bytes, count } = document
    total += varintLength(count) + varintLength(bytes.length) + bytes.length
    if ('taken' in document) total += varintLength(document.offset) + varintLength(document.taken)
  }
  return total
}

/** Writes documents as (part of) a body and returns where the next byte goes. */
export function writeDocuments(bytes: Uint8Array, at: number, documents: readonly (Document | Slice)[]): number {
  let next = at
  for (const document of documents) next = writeDocument(bytes, next, document)
  return next
}

export function writeDocument(bytes: Uint8Array, at: number, document: Document | Slice): number {
  let next = at
  if ('taken' in document) next = putVarint(bytes, putVarint(bytes, at, document.offset), document.taken)
  const start = putVarint(bytes, putVarint(bytes, next, document.count), document.bytes.length)
  bytes.set(document.bytes, start)
  return start + document.bytes.length
}

/**
 * The document at `at` in a body whose checksum held, and where the next one starts. `firstId` is the id that comes
 * next, `end` the one behind the frame's last. A body that holds its checksum and still makes no sense was written by
 * something else: undefined.
 */
export function readDocument(
  body: Uint8Array,
  at: number,
  frame: { readonly flags: number; readonly time: number; readonly firstId: number; readonly end?: number },
): { readonly placed: PlacedDocument; readonly next: number } | undefined {
  const reader = new ByteReader(body, at)
  const skip = frame.flags & SPARSE ? reader.varint() : 0
  const isSliced = (frame.flags & SLICED) !== 0
  const offset = isSliced ? reader.varint() : 0
  const sliced = isSliced ? reader.varint() : 0
  const count = reader.varint()
  const length = reader.varint()
  const next = reader.at + length
  const taken = isSliced ? sliced : count
  if (reader.overrun || next > body.length || taken === 0 || offset + taken > count) return
  if (count > MOST_DOCUMENT_ITEMS || frame.firstId + skip + taken > (frame.end ?? Infinity)) return
  const document = { bytes: body.subarray(reader.at, next), count }
  return { placed: { firstId: frame.firstId + skip, document, offset, taken, time: frame.time }, next }
}
