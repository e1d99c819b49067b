// cursor-loading.ts: which of the cursor's two files rules, and the state at its end. Under cursor.lock.
//
//    generation 5: header, snapshot, records          rules: the highest whose snapshot holds
//    generation 4: header, snapshot, records, full    its records lead to the snapshot of 5: if that one rots, it is
//                                                     made anew from here, the same bytes (that of 1 from nothing)
//
// A crash leaves a generation half written only until its predecessor's last record says that it was followed: what is
// missing of it afterwards was damaged. Where the predecessor has to rule, some is delivered again.

import type { DiskFile } from '../disk/disk.ts'
import { FormatError } from '../errors.ts'
import { checksumOf } from './bytes.ts'
import {
  type CursorHeader,
  type CursorReading,
  type DamagedBytes,
  MOST_COUNTED,
  readCursorFile,
  SNAPSHOT_AT,
  writeCursorHeader,
  writeSnapshot,
} from './cursor-file.ts'
import { grow } from './cursor-half.ts'
import { CursorState } from './cursor-state.ts'
import type { CursorRecord } from './record.ts'

/** What is wrong with the cursor's files, as loading found it. */
export interface CursorDamage extends DamagedBytes {
  readonly file: string
}

export interface Ruling {
  readonly which: 0 | 1
  readonly reading: CursorReading
  readonly state: CursorState
}

export interface Loaded {
  /** Undefined where neither file holds. */
  readonly ruling: Ruling | undefined
  readonly damaged: CursorDamage[]
  /** Something was written once, even if nothing of it holds. */
  readonly everWritten: boolean
  /** The highest that either file tells of. */
  readonly generation: number
  /** Makes the ruling file whole, as far as what it lacks could be made anew. */
  readonly mend: () => void
}

type Both<V> = readonly [V, V]

/** Reads both files. Throws a FormatError where a newer version wrote them. `end`: ids are below it. */
export function loadCursor(files: Both<DiskFile>, folder: string, end?: number): Loaded {
  const readings: Both<CursorReading> = [readCursorFile(files[0], end), readCursorFile(files[1], end)]
  for (const { newerVersion, header } of readings) {
    if (newerVersion !== undefined) throw newer(folder, newerVersion)
    if ((header?.generation ?? 0) > MOST_COUNTED) throw forged(folder)
  }
  const [first, second] = readings
  const order: (0 | 1)[] = (first.header?.generation ?? -1) >= (second.header?.generation ?? -1) ? [0, 1] : [1, 0]
  const damaged: CursorDamage[] = []
  const found = {
    damaged,
    everWritten: first.everWritten || second.everWritten,
    generation: Math.max(first.header?.generation ?? 0, second.header?.generation ?? 0),
  }
  for (const which of order) {
    const other = which === 0 ? 1 : 0
    const half = { file: files[which], reading: readings[which], otherFile: files[other], before: readings[other] }
    const loaded = loadHalf(half, damaged)
    if (!loaded) continue
    if (loaded.state.nextOwner > MOST_COUNTED) throw forged(folder)
    const ruling = { which, reading: readings[which], state: loaded.state }
    return { ...found, ruling, mend: () => mendHalf(half, loaded.remade) }
  }
  if (damaged.length === 0) for (const which of order) damaged.push(whole(files[which], readings[which]))
  return { ...found, ruling: undefined, mend: () => undefined }
}

interface HalfReading {
  readonly file: DiskFile
  readonly reading: CursorReading
  readonly otherFile: DiskFile
  /** Of the other file, which may hold the generation before. */
  readonly before: CursorReading
}

interface LoadedHalf {
  readonly state: CursorState
  /** The snapshot, where it rotted. */
  readonly remade: Buffer | undefined
}

/** The state at the end of a file, or undefined where another rules. */
function loadHalf({ file, reading, otherFile, before }: HalfReading, damaged: CursorDamage[]): LoadedHalf | undefined {
  const { header, records } = reading
  if (!header) return
  // A crash may leave half a snapshot, but not once the file was known to be durable.
  if (!reading.state && has(records, 'durable')) {
    damaged.push({ file: file.path, offset: SNAPSHOT_AT, bytes: header.snapshotBytes, isGap: false })
  }
  const remade = reading.state ? undefined : foldOf(header, before)
  if (remade && (records.length === 0 || checksumOf(remade) !== header.snapshotCrc)) return
  const state = remade ? CursorState.decode(remade, header.version) : reading.state
  if (!state) return
  for (const record of records) state.apply(record)
  for (const each of reading.damaged) damaged.push({ file: file.path, ...each })
  if (damaged.length > 0) return { state, remade }
  if (has(records, 'followed')) damaged.push(whole(otherFile, before))
  else if (isCutOff(header, reading, before)) {
    damaged.push({ file: file.path, offset: reading.size, bytes: 0, isGap: false })
  }
  return { state, remade }
}

/** The snapshot that begins a generation: the fold of the one before. */
function foldOf(header: CursorHeader, { state, records }: CursorReading): Buffer | undefined {
  if (header.generation === 1) return Buffer.from(new CursorState().encode(header.version))
  if (!state) return
  const folded = CursorState.decode(Buffer.from(state.encode()))
  for (const record of records) folded.apply(record)
  return Buffer.from(folded.encode(header.version))
}

/** Its size was durable before it was known to be so. */
function isCutOff(header: CursorHeader, { records, size }: CursorReading, before: CursorReading): boolean {
  return size < header.fileBytes && (has(records, 'durable') || has(before.records, 'followed'))
}

function mendHalf({ file, reading: { header, halfHeader } }: HalfReading, remade: Buffer | undefined): void {
  if (!header) return
  if (remade) writeSnapshot(file, remade)
  if (halfHeader) writeCursorHeader(file, header)
  grow(file, header.fileBytes)
}

function whole(file: DiskFile, { size }: CursorReading): CursorDamage {
  return { file: file.path, offset: 0, bytes: size, isGap: false }
}

function has(records: readonly CursorRecord[], wanted: CursorRecord['kind']): boolean {
  return records.some(({ kind }) => kind === wanted)
}

function forged(folder: string): FormatError {
  return new FormatError(
    `the cursor in ${folder} was not written by spoolq: its numbers would end; restore it from a copy`,
  )
}

function newer(folder: string, version: number): FormatError {
  return new FormatError(`${folder} was written by a newer version of spoolq (cursor format ${version}): update spoolq`)
}
