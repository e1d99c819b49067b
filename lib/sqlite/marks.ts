// marks.ts: what a handle's loops have in hand, in the file of its owner: written before an item is handed out, by its
// own thread, with one pwrite and no transaction (log/marks.ts: the same file, and the same slots). Of what a dead owner
// had only taken ahead, the marked is charged.

import { codeOf, type Disk, type DiskFile, withFile } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node.ts'
import { MarkSlots, readMarks } from '../log/marks.ts'
import { encodeOwnerHead } from '../log/owner-head.ts'
import type { IdRange } from '../store.ts'
import { wall } from '../wait/timers.ts'
import { MEMORY } from './connection.ts'

/** Where the owners of a database have their files. */
export function ownersFolder(file: string): string {
  return `${file}-owners`
}

/** The slots of a new owner's own file. */
export function slotsOf(file: DiskFile, disk: Disk): MarkSlots {
  const head = { ...disk.self(), since: wall(), bootId: disk.bootId(), label: '', exclusive: false }
  return new MarkSlots(file, encodeOwnerHead(head))
}

/**
 * The marks of an owner: none where its file is gone, or can't be read: then nothing is charged that was only taken ahead.
 * A database in memory has none, because it dies with its owners.
 */
export function marksOf(file: string, owner: number): IdRange[] {
  if (file === MEMORY) return []
  try {
    const marks = withFile(nodeDisk.open(`${ownersFolder(file)}/${owner}`, 'read'), readMarks)
    return marks.filter(({ from, to }) => Number.isSafeInteger(from) && Number.isSafeInteger(to))
  } catch (error) {
    if (codeOf(error) === '') throw error
    return []
  }
}
