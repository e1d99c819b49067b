// cursor-loading.ts: which of the cursor's two files rules, and the state at its end. Under cursor.lock.
//
//    generation 5: header, snapshot, records          rules: the highest whose snapshot holds
//    generation 4: header, snapshot, records, full    its records lead to the snapshot of 5: if that one rots, it is
//                                                     made anew from here, the same bytes

import type { DiskFile } from '../disk/disk.ts'
import { FormatError } from '../errors.ts'
import { crc32 } from './bytes.ts'
import {
  type CursorHeader,
  type CursorReading,
  type DamagedBytes,
  readCursorFile,
  SNAPSHOT_AT,
  writeSnapshot,
} from './cursor-file.ts'
import { CursorState } from './cursor-state.ts'

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
}

type Both<V> = readonly [V, V]

/** Reads both files. Throws a FormatError where a newer version wrote them. */
export function loadCursor(files: Both<DiskFile>, folder: string): Loaded {
  const readings: Both<CursorReading> = [readCursorFile(files[0]), readCursorFile(files[1])]
  for (const { newerVersion } of readings) if (newerVersion !== undefined) throw newer(folder, newerVersion)
  const [first, second] = readings
  const order: (0 | 1)[] = (first.header?.generation ?? -1) >= (second.header?.generation ?? -1) ? [0, 1] : [1, 0]
  const damaged: CursorDamage[] = []
  const everWritten = first.everWritten || second.everWritten
  for (const which of order) {
    const reading = readings[which]
    const state = stateOf(files[which], reading, readings[which === 0 ? 1 : 0], damaged)
    if (state) return { ruling: { which, reading, state }, damaged, everWritten }
  }
  return { ruling: undefined, damaged, everWritten }
}

/** The state at the end of a file, or undefined where another rules. A snapshot that rotted is made anew. */
function stateOf(
  file: DiskFile,
  reading: CursorReading,
  before: CursorReading,
  damaged: CursorDamage[],
): CursorState | undefined {
  const { header } = reading
  if (!header) return
  const state = reading.state ?? remade({ file, header, reading, before }, damaged)
  if (!state) return
  for (const record of reading.records) state.apply(record)
  for (const each of reading.damaged) damaged.push({ file: file.path, ...each })
  return state
}

interface Rotted {
  readonly file: DiskFile
  readonly header: CursorHeader
  readonly reading: CursorReading
  readonly before: CursorReading
}

/** A snapshot is the fold of its predecessor: the same bytes once more, if the predecessor is still there. */
function remade({ file, header, reading, before }: Rotted, damaged: CursorDamage[]): CursorState | undefined {
  const durable = reading.records.some(({ kind }) => kind === 'durable')
  if (durable) damaged.push({ file: file.path, offset: SNAPSHOT_AT, bytes: header.snapshotBytes, isGap: false })
  if (!before.state || before.header?.generation !== header.generation - 1 || reading.records.length === 0) return
  for (const record of before.records) before.state.apply(record)
  const snapshot = before.state.encode()
  if (crc32(snapshot) !== header.snapshotCrc) return
  writeSnapshot(file, snapshot)
  return CursorState.decode(snapshot)
}

function newer(folder: string, version: number): FormatError {
  return new FormatError(`${folder} was written by a newer version of spoolq (cursor format ${version}): update spoolq`)
}
