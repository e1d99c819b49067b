// record.ts: what the cursor's journal says, as bytes. Never change a number; add one.
//
//     0      1       2                                  32·slots − 4     32·slots
//    ┌──────┬───────┬──────────────────────────────────┬────────────────┐
//    │ kind │ slots │ fields · ranges · zeros          │ crc            │
//    └──────┴───────┴──────────────────────────────────┴────────────────┘
//
// Fields are varints in the order of `FIELDS`; ranges are their number, then for each how far it starts behind the
// end of the one before, and its length less one. The crc is seeded with the crc before it and the file's salt: no
// record of an earlier life of the file can pass, and one that is damaged gives itself away by a successor that holds.

import { END_OF_IDS } from '../ids.ts'
import type { IdRange } from '../store.ts'
import { ByteReader, type ByteWriter, checksumOf, getU32 } from './bytes.ts'
import { arePlausible, SEGMENT_IDS } from './claims.ts'
import { MOST_DOCUMENT_ITEMS } from './frame.ts'
import type { Place } from './place.ts'
import { countOf } from './run-ranges.ts'

export const SLOT_BYTES = 32
const MAX_SLOTS = 255
/** Each takes at most 16 bytes, so that a record of this many always fits. */
const MAX_RANGES = 400

export type GoneWhy = 'crash' | 'void' | 'damage' | 'missing'

export type CursorRecord =
  /** Handed out to `owner`, until `deadline` (0: for ever). `mode` 1: charged an attempt only if marked in hand. */
  | {
      readonly kind: 'took'
      readonly owner: number
      readonly deadline: number
      readonly mode: number
      readonly ids: readonly IdRange[]
    }
  | { readonly kind: 'settled'; readonly ids: readonly IdRange[] }
  /** Ready again at `due` (0: at once); `counted` 0: as if it had not been handed out. */
  | { readonly kind: 'back'; readonly counted: number; readonly due: number; readonly ids: readonly IdRange[] }
  /** Set aside: the copy stands in failed/, in this segment at this offset. */
  | {
      readonly kind: 'failed'
      readonly segment: number
      readonly offset: number
      readonly attempt: number
      readonly ids: readonly IdRange[]
    }
  /** The log does not hold these ids: why is 0 crash, 1 void, 2 damage (lost), 3 missing: never synced (lost). */
  | { readonly kind: 'gone'; readonly why: number; readonly ids: readonly IdRange[] }
  /** All of the log before this place is durable, and `nextId` is the id that comes there. */
  | { readonly kind: 'synced'; readonly segment: number; readonly offset: number; readonly nextId: number }
  /** From `place` on (place.ts). */
  | { readonly kind: 'joined'; readonly owner: number; readonly place: Place }
  /** The owner is gone, and what it held is ready again, `counted` as with back; of what was taken ahead only `ids`. */
  | { readonly kind: 'left'; readonly owner: number; readonly counted: number; readonly ids: readonly IdRange[] }
  /** The snapshot of this file is durable: its predecessor may be written over. */
  | { readonly kind: 'durable' }
  /** The last of a file: the next generation is durable in the other one, and if it isn't there it was damaged. */
  | { readonly kind: 'followed' }
  /** Put with a delay, or once more: not ready before `due` (0: ready), and handed out so often already. */
  | { readonly kind: 'due'; readonly due: number; readonly attempt: number; readonly ids: readonly IdRange[] }
  /** Settled by a take that could not be made durable: ready again. */
  | { readonly kind: 'restored'; readonly ids: readonly IdRange[] }
  /** Settled, and kept for the record, where no more than `keep` stay. */
  | { readonly kind: 'acked'; readonly keep: number; readonly ids: readonly IdRange[] }
  | { readonly kind: 'extended'; readonly deadline: number; readonly ids: readonly IdRange[] }
  /**
   * The time of a boot (wait/host-time.ts): `origin` more than monotonic time, `drift` less than what the wall clock says. A new
   * boot's: what is stored of the one before is moved by its last drift.
   */
  | { readonly kind: 'clock'; readonly boot: number; readonly origin: number; readonly drift: number }
  /** No longer among the failed ones: retried or discarded. */
  | { readonly kind: 'unfailed'; readonly ids: readonly IdRange[] }

type SyncedRecord = Extract<CursorRecord, { kind: 'synced' }>

const KINDS = [
  'took',
  'settled',
  'back',
  'failed',
  'gone',
  'synced',
  'joined',
  'left',
  'durable',
  'due',
  'unfailed',
  'restored',
  'acked',
  'extended',
  'followed',
  'clock',
] as const

export const GONE: readonly GoneWhy[] = ['crash', 'void', 'damage', 'missing']

/** A chain of records being written: each crc seeds the next. */
export function encodeRecord(record: CursorRecord, writer: ByteWriter, seed: number, salt: number): number {
  const start = writer.length
  writer.u8(KINDS.indexOf(record.kind) + 1)
  writer.u8(0)
  writeFields(record, writer)
  const slots = Math.ceil((writer.length - start + 4) / SLOT_BYTES)
  writer.setU8(start + 1, slots)
  writer.padTo(start + slots * SLOT_BYTES - 4)
  const crc = writer.checksum(start, (seed ^ salt) >>> 0)
  writer.u32(crc)
  return crc
}

function writeFields(record: CursorRecord, body: ByteWriter): void {
  switch (record.kind) {
    case 'took':
      return writeRanges(body, [record.owner, record.deadline, record.mode], record.ids)
    case 'settled':
    case 'unfailed':
    case 'restored':
      return writeRanges(body, [], record.ids)
    case 'back':
      return writeRanges(body, [record.counted, record.due], record.ids)
    case 'failed':
      return writeRanges(body, [record.segment, record.offset, record.attempt], record.ids)
    case 'gone':
      return writeRanges(body, [record.why], record.ids)
    case 'due':
      return writeRanges(body, [record.due, record.attempt], record.ids)
    case 'synced':
      return writeRanges(body, [record.segment, record.offset, record.nextId], undefined)
    case 'joined':
      return writeRanges(body, [record.owner, ...fieldsOf(record.place)], undefined)
    case 'left':
      return writeRanges(body, [record.owner, record.counted], record.ids)
    case 'clock':
      return writeRanges(body, [record.boot, signed(record.origin), signed(record.drift)], undefined)
    case 'acked':
      return writeRanges(body, [record.keep], record.ids)
    case 'extended':
      return writeRanges(body, [record.deadline], record.ids)
    case 'durable':
    case 'followed':
      return
    default:
      return record satisfies never
  }
}

export function fieldsOf({ boot, device, inode }: Place): readonly number[] {
  return [boot, device, inode]
}

/** A number that may be below zero, as one that is not: twice its size, and one more where it is. */
export function signed(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

export function unsigned(written: number): number {
  return written % 2 === 1 ? -(written + 1) / 2 : written / 2
}

function writeRanges(body: ByteWriter, fields: readonly number[], ids: readonly IdRange[] | undefined): void {
  for (const field of fields) body.varint(field)
  if (!ids) return
  body.varint(ids.length)
  let at = 0
  for (const { from, to } of ids) {
    body.varint(from - at)
    body.varint(to - from)
    at = to
  }
}

/** Splits what would not fit into one record. */
export function fitted(record: CursorRecord): readonly CursorRecord[] {
  if (!('ids' in record) || record.ids.length <= 1) return [record]
  const ids = merged(record.ids)
  const parts: CursorRecord[] = []
  for (let at = 0; at < ids.length; at += MAX_RANGES) parts.push({ ...record, ids: ids.slice(at, at + MAX_RANGES) })
  return parts
}

/** Sorted, and no id twice: a delta can't go back. */
function merged(ranges: readonly IdRange[]): IdRange[] {
  const result: IdRange[] = []
  for (const range of ranges.toSorted((one, other) => one.from - other.from)) {
    const last = result.at(-1)
    if (!last || range.from > last.to + 1) result.push(range)
    else if (range.to > last.to) result[result.length - 1] = { from: last.from, to: range.to }
  }
  return result
}

/**
 * The record at `at`, whose predecessor's crc is `seed`; undefined where none holds, and where one does and can't be true.
 * `end`: ids are below it.
 */
export function decodeRecord(
  bytes: Uint8Array,
  at: number,
  seed: number,
  salt: number,
  end = END_OF_IDS,
): { readonly record: CursorRecord; readonly next: number; readonly crc: number } | undefined {
  const held = heldRecord(bytes, at, seed, salt)
  const kind = KINDS[(bytes[at] ?? 0) - 1]
  if (!held || !kind) return
  const reader = new ByteReader(bytes, at + 2, held.next - 4)
  const record = readFields(kind, reader)
  return reader.overrun || !isPlausible(record, end) ? undefined : { record, ...held }
}

/** As `decodeRecord`, whatever it says. */
export function heldRecord(
  bytes: Uint8Array,
  at: number,
  seed: number,
  salt: number,
): { readonly next: number; readonly crc: number } | undefined {
  const slots = bytes[at + 1] ?? 0
  const next = at + slots * SLOT_BYTES
  if (slots === 0 || next > bytes.length) return
  const crc = getU32(bytes, next - 4)
  return checksumOf(bytes, at, next - 4, (seed ^ salt) >>> 0) === crc ? { next, crc } : undefined
}

/** No more items fail together than a document holds; and what is durable of a segment gave no more ids than it has. */
function isPlausible(record: CursorRecord, end: number): boolean {
  if (record.kind === 'synced') return isPlausibleSynced(record, end)
  // A dead owner's marks are its own word: of them only what it held counts.
  if (!('ids' in record)) return true
  if (!arePlausible(record.ids, record.kind === 'left' ? END_OF_IDS : end)) return false
  return record.kind !== 'failed' || countOf(record.ids) <= MOST_DOCUMENT_ITEMS
}

export function isPlausibleSynced({ segment, nextId }: Omit<SyncedRecord, 'kind'>, end: number): boolean {
  return nextId <= end && segment < end && (segment === 0 || nextId - segment <= SEGMENT_IDS)
}

function readFields(kind: (typeof KINDS)[number], reader: ByteReader): CursorRecord {
  const field = () => reader.varint()
  switch (kind) {
    case 'took':
      return { kind, owner: field(), deadline: field(), mode: field(), ids: readRanges(reader) }
    case 'settled':
    case 'unfailed':
    case 'restored':
      return { kind, ids: readRanges(reader) }
    case 'back':
      return { kind, counted: field(), due: field(), ids: readRanges(reader) }
    case 'failed':
      return { kind, segment: field(), offset: field(), attempt: field(), ids: readRanges(reader) }
    case 'gone':
      return { kind, why: field(), ids: readRanges(reader) }
    case 'due':
      return { kind, due: field(), attempt: field(), ids: readRanges(reader) }
    case 'synced':
      return { kind, segment: field(), offset: field(), nextId: field() }
    case 'joined':
      return { kind, owner: field(), place: { boot: field(), device: field(), inode: field() } }
    case 'left':
      return { kind, owner: field(), counted: field(), ids: readRanges(reader) }
    case 'clock':
      return { kind, boot: field(), origin: unsigned(field()), drift: unsigned(field()) }
    case 'acked':
      return { kind, keep: field(), ids: readRanges(reader) }
    case 'extended':
      return { kind, deadline: field(), ids: readRanges(reader) }
    case 'durable':
    case 'followed':
      return { kind }
    default:
      return kind satisfies never
  }
}

function readRanges(reader: ByteReader): IdRange[] {
  const ids: IdRange[] = []
  let at = 0
  for (let left = Math.min(reader.varint(), MAX_RANGES * MAX_SLOTS); left > 0 && !reader.overrun; left--) {
    const from = at + reader.varint()
    at = from + reader.varint()
    ids.push({ from, to: at })
  }
  return ids
}
