// segment.ts: the head of a segment file. Never change a field; add a version.
//
//     0 ┌──────────────────────────────────────────────┐
//       │ header                                       │  512 bytes
//   512 ├──────────────────────────────────────────────┤
//       │ the same once more, for a sector that rots   │  512 bytes
//  1024 ├──────────────────────────────────────────────┤
//       │ seal: end 8 · next id 8 · crc 4              │  32 bytes, zero until the segment is sealed
//  1056 ├──────────────────────────────────────────────┤
//       │ frames …                                     │
//
// header:
//    0       4         8      16        20      24        32         40            48          52          60
//    ┌───────┬─────────┬──────┬─────────┬───────┬─────────┬──────────┬─────────────┬───────────┬───────────┬───────┐
//    │ magic │ version │ base │ rewrite │ nonce │ made ms │ aside    │ aside count │ items     │ limit     │ voids │
//    │       │         │  id  │  count  │       │         │ end      │             │           │           │ count │
//    └───────┴─────────┴──────┴─────────┴───────┴─────────┴──────────┴─────────────┴───────────┴───────────┴───────┘
//   64: codec name (length 1, 31 bytes) · 96: voids (segment 8, from 8, to 8 each) · 504: boot · 508: crc of bytes 0 to 508
//
// A segment is named by its base, the first id that it may hold, and by how often it was rewritten:
// 00000000000000183554.0.log. It is append-only until it is sealed, and never changes afterwards. `aside end` is how
// far frames were written and synced before the segment got its name. A void is a range in an earlier segment whose
// sync failed: its items were refused, and bytes that are missing there are no damage.

import { END_OF_IDS } from '../ids.ts'
import { checksumOf, getU32, getU64, putU32, putU64 } from './bytes.ts'
import { mostIdsIn, SEGMENT_IDS } from './claims.ts'

/** 2 since segments name their boot; what 1 had there is zeros, and all else is the same. */
export const FORMAT_VERSION = 2
export const SEGMENT_MAGIC = 0x73717073 // 'spqs'
export const HEADER_BYTES = 512
export const SEAL_AT = 2 * HEADER_BYTES
export const SEAL_BYTES = 32
export const DATA_START = SEAL_AT + SEAL_BYTES
export const MAX_VOIDS = 17

const CRC_AT = HEADER_BYTES - 4
const BOOT_AT = CRC_AT - 4
const CODEC_AT = 64
const CODEC_BYTES = 31
const VOIDS_AT = 96
const VOID_BYTES = 24

/** Frames in `segment` whose sync failed: refused to their putters, and never delivered. */
export interface Void {
  readonly segment: number
  readonly from: number
  readonly to: number
}

export interface SegmentHeader {
  readonly base: number
  readonly rewrite: number
  readonly nonce: number
  readonly made: number
  /** Up to here the frames were durable before the segment had its name. */
  readonly asideEnd: number
  /** Ids given by those frames. */
  readonly asideCount: number
  /** Items that a rewritten segment holds; 0 where that is all of its ids. */
  readonly items: number
  /** The size at which the next segment begins. */
  readonly limit: number
  readonly codec: string
  readonly voids: readonly Void[]
  /** In which start of the machine all of its frames were written; 0: not known. */
  readonly boot: number
}

/** Where the valid frames of a sealed segment end, and the id that comes next. */
export interface Seal {
  readonly end: number
  readonly nextId: number
}

/** Both copies of the header, and the seal's place. */
export function writeHeader(header: SegmentHeader, seal?: Seal): Buffer {
  const bytes = Buffer.alloc(DATA_START)
  putU32(bytes, 0, SEGMENT_MAGIC)
  putU32(bytes, 4, FORMAT_VERSION)
  putU64(bytes, 8, header.base)
  putU32(bytes, 16, header.rewrite)
  putU32(bytes, 20, header.nonce)
  putU64(bytes, 24, header.made)
  putU64(bytes, 32, header.asideEnd)
  putU64(bytes, 40, header.asideCount)
  putU32(bytes, 48, header.items)
  putU64(bytes, 52, header.limit)
  // There is never more than one at a time, but for a disk on which nothing works any more.
  const voids = header.voids.slice(0, MAX_VOIDS)
  putU32(bytes, 60, voids.length)
  bytes[CODEC_AT] = bytes.write(header.codec, CODEC_AT + 1, CODEC_BYTES, 'utf8')
  voids.forEach((each, index) => {
    writeVoid(bytes, VOIDS_AT + index * VOID_BYTES, each)
  })
  putU32(bytes, BOOT_AT, header.boot)
  putU32(bytes, CRC_AT, checksumOf(bytes, 0, CRC_AT))
  bytes.copy(bytes, HEADER_BYTES, 0, HEADER_BYTES)
  if (seal) writeSeal(seal).copy(bytes, SEAL_AT)
  return bytes
}

/** As much of a codec's name as a header holds. */
export function codecInHeader(codec: string): string {
  const bytes = Buffer.alloc(CODEC_BYTES)
  return bytes.toString('utf8', 0, bytes.write(codec, 'utf8'))
}

function writeVoid(bytes: Uint8Array, at: number, each: Void): void {
  putU64(bytes, at, each.segment)
  putU64(bytes, at + 8, each.from)
  putU64(bytes, at + 16, each.to)
}

/** True where the header is of the segment of that name. Ids are relative to it: those of another would be phantoms. */
export function isOf(header: SegmentHeader, { base, rewrite }: Pick<SegmentHeader, 'base' | 'rewrite'>): boolean {
  return header.base === base && header.rewrite === rewrite
}

export interface HeaderReading {
  /** Undefined where neither copy holds. */
  readonly header: SegmentHeader | undefined
  /** One copy holds and the other does not. */
  readonly damaged: boolean
  /** A whole header of a version that this code doesn't know. */
  readonly newerVersion: number | undefined
}

/** What the first DATA_START bytes of a segment say; fewer bytes are a header that was cut off. */
export function readHeader(bytes: Uint8Array): HeaderReading {
  const copies = [0, HEADER_BYTES].map((at) => readCopy(bytes, at))
  const whole = copies.filter((copy) => copy !== undefined)
  const newer = whole.find((copy) => copy.version > FORMAT_VERSION)
  return {
    header: newer ? undefined : whole[0]?.header,
    damaged: whole.length === 1,
    newerVersion: newer?.version,
  }
}

function readCopy(bytes: Uint8Array, at: number): { version: number; header: SegmentHeader } | undefined {
  if (at + HEADER_BYTES > bytes.length) return
  const copy = bytes.subarray(at, at + HEADER_BYTES)
  if (getU32(copy, 0) !== SEGMENT_MAGIC || checksumOf(copy, 0, CRC_AT) !== getU32(copy, CRC_AT)) return
  const codecLength = Math.min(copy[CODEC_AT] ?? 0, CODEC_BYTES)
  const voids = Array.from({ length: Math.min(getU32(copy, 60), MAX_VOIDS) }, (_, index) => readVoid(copy, index))
  const header: SegmentHeader = {
    base: getU64(copy, 8),
    rewrite: getU32(copy, 16),
    nonce: getU32(copy, 20),
    made: getU64(copy, 24),
    asideEnd: getU64(copy, 32),
    asideCount: getU64(copy, 40),
    items: getU32(copy, 48),
    limit: getU64(copy, 52),
    codec: Buffer.from(copy.subarray(CODEC_AT + 1, CODEC_AT + 1 + codecLength)).toString('utf8'),
    voids,
    boot: getU32(copy, BOOT_AT),
  }
  return { version: getU32(copy, 4), header }
}

/** A header of a file of that size: undefined where ids go beyond their end, and without the frames that aren't there. */
export function plausibleHeader(header: SegmentHeader, size: number): SegmentHeader | undefined {
  const { base, asideEnd, asideCount } = header
  if (base > END_OF_IDS) return
  const isThere = asideEnd <= size && asideCount <= Math.min(mostIdsIn(asideEnd - DATA_START), END_OF_IDS - base)
  return isThere ? header : { ...header, asideEnd: 0, asideCount: 0 }
}

/** Whether a seal may be of a segment with that base: bytes may be missing that gave ids. */
export function isSealOf({ end, nextId }: Seal, base: number): boolean {
  return nextId >= base && nextId <= Math.min(base + SEGMENT_IDS, END_OF_IDS) && end >= DATA_START
}

function readVoid(copy: Uint8Array, index: number): Void {
  const at = VOIDS_AT + index * VOID_BYTES
  return { segment: getU64(copy, at), from: getU64(copy, at + 8), to: getU64(copy, at + 16) }
}

export function writeSeal(seal: Seal): Buffer {
  const bytes = Buffer.alloc(SEAL_BYTES)
  putU64(bytes, 0, seal.end)
  putU64(bytes, 8, seal.nextId)
  putU32(bytes, 16, checksumOf(bytes, 0, 16))
  return bytes
}

/** The seal, 'none' while there is none, or 'bad' where its bytes don't hold. */
export function readSeal(bytes: Uint8Array, at = 0): Seal | 'none' | 'bad' {
  const end = getU64(bytes, at)
  const crc = getU32(bytes, at + 16)
  if (end === 0 && crc === 0) return 'none'
  if (checksumOf(bytes, at, at + 16) !== crc) return 'bad'
  return { end, nextId: getU64(bytes, at + 8) }
}
