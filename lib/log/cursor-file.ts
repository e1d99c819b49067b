// cursor-file.ts: one of the two files of the cursor, as bytes. Never change a field; add a version.
//
//     0 ┌──────────────────────────────────────────────┐
//       │ header, 64 bytes                             │
//   512 ├──────────────────────────────────────────────┤
//       │ the same once more, for a sector that rots   │
//  1024 ├──────────────────────────────────────────────┤
//       │ snapshot                                     │
//       ├──────────────────────────────────────────────┤  the next multiple of 32
//       │ records of the journal …                     │
//       ├──────────────────────────────────────────────┤  64 bytes before the end of the file
//       │ room for the records "durable", "followed"   │
//       └──────────────────────────────────────────────┘
//
// header:
//    0       4         8            16     20         28               32             36
//    ┌───────┬─────────┬────────────┬──────┬──────────┬────────────────┬──────────────┬────── ─ ─ ┬────────┐
//    │ magic │ version │ generation │ salt │ file     │ snapshot bytes │ snapshot crc │ zeros     │ crc 60 │
//    │       │         │ 8          │      │ bytes 8  │                │              │           │        │
//    └───────┴─────────┴────────────┴──────┴──────────┴────────────────┴──────────────┴────── ─ ─ ┴────────┘
//
// The file is written in place and keeps its size, so that a record needs no new block. The header is written after
// its snapshot and covers it: the highest generation with a whole snapshot rules.

import type { DiskFile } from '../disk/disk.ts'
import { END_OF_IDS } from '../ids.ts'
import { checksumOf, getU32, getU64, putU32, putU64 } from './bytes.ts'
import { CURSOR_VERSION, CursorState } from './cursor-state.ts'
import { type CursorRecord, decodeRecord, heldRecord, SLOT_BYTES } from './record.ts'

export const CURSOR_MAGIC = 0x63717073 // 'spqc'
export const SNAPSHOT_AT = 1024
/** Kept free at the end of the file for two records, of a slot each: "durable" and "followed". */
export const RESERVED_BYTES = 64

const HEADER_BYTES = 64
const COPY_AT = 512

export interface CursorHeader {
  readonly version: number
  readonly generation: number
  readonly salt: number
  readonly fileBytes: number
  readonly snapshotBytes: number
  readonly snapshotCrc: number
}

export function journalStart(snapshotBytes: number): number {
  return Math.ceil((SNAPSHOT_AT + snapshotBytes) / SLOT_BYTES) * SLOT_BYTES
}

/** The crc that the first record is seeded with. */
export function firstSeed(header: CursorHeader): number {
  return header.generation >>> 0
}

function encodeHeader(header: CursorHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  putU32(bytes, 0, CURSOR_MAGIC)
  putU32(bytes, 4, header.version)
  putU64(bytes, 8, header.generation)
  putU32(bytes, 16, header.salt)
  putU64(bytes, 20, header.fileBytes)
  putU32(bytes, 28, header.snapshotBytes)
  putU32(bytes, 32, header.snapshotCrc)
  putU32(bytes, 60, checksumOf(bytes, 0, 60))
  return bytes
}

function decodeHeader(bytes: Uint8Array, at: number): CursorHeader | undefined {
  if (at + HEADER_BYTES > bytes.length || getU32(bytes, at) !== CURSOR_MAGIC) return
  if (checksumOf(bytes, at, at + 60) !== getU32(bytes, at + 60)) return
  return {
    version: getU32(bytes, at + 4),
    generation: Math.min(getU64(bytes, at + 8), END_OF_IDS),
    salt: getU32(bytes, at + 16),
    fileBytes: getU64(bytes, at + 20),
    snapshotBytes: getU32(bytes, at + 28),
    snapshotCrc: getU32(bytes, at + 32),
  }
}

/** Writes the snapshot, then the header that makes it rule. */
export function writeCursorFile(file: DiskFile, header: CursorHeader, snapshot: Uint8Array): void {
  // Zeros up to the end: what an earlier generation left would have to be looked at by everybody in every step.
  writeSnapshot(file, snapshot, header.fileBytes)
  writeCursorHeader(file, header)
}

/** The snapshot, and zeros up to `end`: the journal's start, where its records are to stay. */
export function writeSnapshot(file: DiskFile, snapshot: Uint8Array, end = journalStart(snapshot.length)): void {
  const padded = Buffer.alloc(end - SNAPSHOT_AT)
  padded.set(snapshot)
  file.write(padded, SNAPSHOT_AT)
}

/** Both copies: also to mend one that a crash left behind, or that rotted. */
export function writeCursorHeader(file: DiskFile, header: CursorHeader): void {
  const bytes = encodeHeader(header)
  // The first copy goes first: running processes look at it alone, opening ones at both.
  file.write(bytes, 0)
  file.write(bytes, COPY_AT)
}

/** Generations and owners grow by one at a time: they don't come here. */
export const MOST_COUNTED = 2 ** 52

/**
 * The generation that a file claims, unchecked: enough to see that it isn't the one that was there before. One that can't
 * be counts for none: the next one would be above it.
 */
export function claimedGeneration(file: DiskFile, scratch: Uint8Array): number {
  const isHeader = file.read(scratch, 0, 16, 0) === 16 && getU32(scratch, 0) === CURSOR_MAGIC
  const claimed = isHeader ? getU64(scratch, 8) : 0
  return claimed < MOST_COUNTED ? claimed : 0
}

export interface DamagedBytes {
  readonly offset: number
  readonly bytes: number
  /** Records that hold stand behind it. A power cut can leave that too, where sectors got through in another order. */
  readonly isGap: boolean
}

export interface CursorReading {
  /** Undefined where the file has no header that holds. */
  readonly header: CursorHeader | undefined
  /** A header of a version that this code doesn't know. */
  readonly newerVersion: number | undefined
  /** Undefined where the snapshot doesn't hold. */
  readonly state: CursorState | undefined
  readonly records: readonly CursorRecord[]
  /** Where the next record goes, and the crc that seeds it. */
  readonly end: number
  readonly seed: number
  /** Where bytes did not hold. */
  readonly damaged: readonly DamagedBytes[]
  /** Only one copy of the header holds. */
  readonly halfHeader: boolean
  readonly everWritten: boolean
  /** Bytes that the file has. */
  readonly size: number
}

/** What is read of a file of which no header says how long it is: of one that is all there the first is 64 KiB. */
const UNTOLD_BYTES = 1 << 20
const MOST_BYTES = 2 ** 31

/** As much as its headers say that there is: a file that somebody made longer, a hole of terabytes, takes no memory. */
function bytesOf(file: DiskFile): Buffer {
  const head = Buffer.alloc(SNAPSHOT_AT)
  file.read(head, 0, SNAPSHOT_AT, 0)
  const told = [0, COPY_AT].map((at) => decodeHeader(head, at)?.fileBytes ?? 0)
  const size = Math.min(file.size(), Math.max(UNTOLD_BYTES, ...told), MOST_BYTES)
  const bytes = Buffer.alloc(size <= UNTOLD_BYTES ? size : Math.min(size, mostIn(file)))
  return bytes.subarray(0, file.read(bytes, 0, bytes.length, 0))
}

/** What may stand in the blocks that a file has, also where the file system compresses them. */
function mostIn(file: DiskFile): number {
  return Math.max(UNTOLD_BYTES, file.allocated() * 8)
}

/** A file that grows is no larger than this for its snapshot, but for records that are written at once. */
function roomFor(header: CursorHeader, size: number): number {
  return Math.min(header.fileBytes, Math.max(size, UNTOLD_BYTES, header.snapshotBytes * 16))
}

/** All that a file says, judged by itself alone. `end`: ids are below it. */
export function readCursorFile(file: DiskFile, end?: number): CursorReading {
  const bytes = bytesOf(file)
  const copies = [decodeHeader(bytes, 0), decodeHeader(bytes, COPY_AT)]
  const whole = copies.filter((copy) => copy !== undefined)
  const found = whole.toSorted((one, other) => other.generation - one.generation)[0]
  const size = file.size()
  const header = found && { ...found, fileBytes: roomFor(found, size) }
  const everWritten = bytes.some((byte) => byte !== 0)
  if (!header || header.version > CURSOR_VERSION) {
    const newerVersion = header?.version
    const nothing = { records: [], end: 0, seed: 0, damaged: [], halfHeader: false }
    return { header: undefined, newerVersion, state: undefined, ...nothing, everWritten, size }
  }
  const snapshot = bytes.subarray(SNAPSHOT_AT, SNAPSHOT_AT + header.snapshotBytes)
  const holds = snapshot.length === header.snapshotBytes && checksumOf(snapshot) === header.snapshotCrc
  const journal = readJournal(bytes, header, end)
  const damaged = [...journal.damaged]
  // A crash can leave one copy behind, but not once the file was known to be durable.
  const durable = journal.records.some(({ kind }) => kind === 'durable')
  const current = whole.filter(({ generation }) => generation === header.generation)
  const halfHeader = current.length === 1
  if (durable && halfHeader) {
    damaged.push({ offset: copies[0] === found ? COPY_AT : 0, bytes: HEADER_BYTES, isGap: false })
  }
  return {
    header,
    newerVersion: undefined,
    state: holds ? CursorState.read(snapshot, header.version, end) : undefined,
    ...journal,
    damaged,
    halfHeader,
    everWritten,
    size,
  }
}

type JournalReading = Pick<CursorReading, 'records' | 'end' | 'seed' | 'damaged'>

/**
 * The records from the snapshot on. One that holds and can't be true is stepped over; one that doesn't hold, where its stored
 * crc seeds a successor.
 */
function readJournal(bytes: Buffer, header: CursorHeader, endOfIds?: number): JournalReading {
  const records: CursorRecord[] = []
  const damaged: DamagedBytes[] = []
  let end = journalStart(header.snapshotBytes)
  let seed = firstSeed(header)
  for (;;) {
    const held = heldRecord(bytes, end, seed, header.salt)
    if (held) {
      const found = decodeRecord(bytes, end, seed, header.salt, endOfIds)
      if (found) records.push(found.record)
      else damaged.push({ offset: end, bytes: held.next - end, isGap: false })
      end = held.next
      seed = held.crc
      continue
    }
    const resumed = successor(bytes, end, header.salt)
    if (resumed === undefined) return { records, end, seed, damaged }
    damaged.push({ offset: end, bytes: resumed - end, isGap: true })
    end = resumed
    seed = getU32(bytes, resumed - 4)
  }
}

/** Where, behind a record that doesn't hold, one does hold that was seeded by the crc stored just before it. */
function successor(bytes: Buffer, from: number, salt: number): number | undefined {
  for (let at = from + SLOT_BYTES; at + SLOT_BYTES <= bytes.length; at += SLOT_BYTES) {
    if (heldRecord(bytes, at, getU32(bytes, at - 4), salt)) return at
  }
  return
}
