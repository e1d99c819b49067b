// cursor-half.ts: one of the cursor's two files, open: its syncs, one at a time, and its size.

import { type Disk, type DiskFile, openOrCreate } from '../disk/disk.ts'
import { Gate } from '../wait/gate.ts'
import { journalStart, RESERVED_BYTES } from './cursor-file.ts'
import { assertLinked } from './removed.ts'

export interface Half {
  readonly file: DiskFile
  readonly gate: Gate
  /** A sync of it failed: no later one counts, for whoever waits by then either, before it holds a new generation. */
  poisoned: boolean
}

export function openHalf(disk: Disk, folder: string, which: 0 | 1): Half {
  const file = openOrCreate(disk, `${folder}/cursor.${which}`)
  const half: Half = { file, gate: new Gate(() => sync(half)), poisoned: false }
  return half
}

/** Both, or none of them stays open. */
export function openHalves(disk: Disk, folder: string): [Half, Half] {
  const first = openHalf(disk, folder, 0)
  try {
    return [first, openHalf(disk, folder, 1)]
  } catch (error) {
    first.file.close()
    throw error
  }
}

async function sync(half: Half): Promise<void> {
  if (half.poisoned) throw new Error(`an earlier sync of ${half.file.path} failed`)
  try {
    await half.file.sync()
  } catch (error) {
    half.poisoned = true
    throw error
  }
  // Others may have it open still: no new one may take its place.
  assertLinked(half.file)
}

export interface Sizes {
  readonly snapshotBytes: number
  /** Bytes of records about to be written. */
  readonly roomBytes: number
  /** What the file has at least. */
  readonly least: number
}

/**
 * Gives the file the size for a snapshot, and says which: twice as large as long as a quarter doesn't hold it, and
 * smaller again when it does. On a full disk a file that can't grow goes on as it is while half of it holds the snapshot.
 */
export function sized(file: DiskFile, { snapshotBytes, roomBytes, least }: Sizes): number {
  const needed = journalStart(snapshotBytes) + roomBytes + RESERVED_BYTES
  let size = least
  while (size < Math.max(snapshotBytes * 4, needed)) size *= 2
  const present = file.size()
  try {
    grow(file, size)
  } catch (error) {
    if (present < Math.max(snapshotBytes * 2, needed)) throw error
    return present
  }
  if (present > size) file.truncate(size)
  return size
}

/** All blocks that a file of that size needs. */
export function grow(file: DiskFile, size: number): void {
  const present = file.size()
  if (present < size) file.write(Buffer.alloc(size - present), present)
}
