// layout.ts: the names in a queue's folder.
//
//    queue.json                        format version, codec, order, segment size, identity
//    copy.json                         how far a copy into this queue is, where one was begun
//    00000000000000000001.0.log        a segment: its base (20 digits) and how often it was rewritten
//    cursor.0  cursor.1                the moving read pointer
//    append.lock  cursor.lock          flocked; never renamed, never deleted
//    owners/7                          one file for each open handle, flocked while it lives
//    failed/                           items set aside: segments again
//    damaged/00000000000000000001.0.log.1056     bytes that failed their checksum
//    aside.7.3  queue.json.2f3a…       in the making; whose owner is dead is removed

import { END_OF_IDS } from '../ids.ts'

export const MANIFEST = 'queue.json'
export const COPY_MARK = 'copy.json'
export const APPEND_LOCK = 'append.lock'
export const CURSOR_LOCK = 'cursor.lock'
export const OWNERS = 'owners'
export const FAILED = 'failed'
export const DAMAGED = 'damaged'

/** The names that are always the same. */
export const FILE_NAMES: readonly string[] = [MANIFEST, COPY_MARK, APPEND_LOCK, CURSOR_LOCK, 'cursor.0', 'cursor.1']
export const FOLDER_NAMES: readonly string[] = [OWNERS, FAILED, DAMAGED]

/** What is looked at of the names in owners/, and cleared, by one opening. */
export const MOST_OWNER_NAMES = 10_000

export interface SegmentName {
  readonly base: number
  readonly rewrite: number
}

export function segmentName(name: SegmentName): string {
  return `${String(name.base).padStart(20, '0')}.${name.rewrite}.log`
}

export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^(\d{20})\.(\d+)\.log$/.exec(name)
  if (!match) return
  const parsed = { base: Number(match[1]), rewrite: Number(match[2]) }
  if (parsed.base === 0 || parsed.base > END_OF_IDS) return
  // What is written in another way would be looked for by another name.
  return segmentName(parsed) === name ? parsed : undefined
}

/** The segments in a listing: for each base the last rewrite, by base; and the names that those replace. */
export function segmentsOf(names: readonly string[]): { current: SegmentName[]; replaced: SegmentName[] } {
  const found = names.map(parseSegmentName).filter((name) => name !== undefined)
  found.sort((one, other) => one.base - other.base || one.rewrite - other.rewrite)
  const isReplaced = (name: SegmentName, index: number) => found[index + 1]?.base === name.base
  return {
    current: found.filter((name, index) => !isReplaced(name, index)),
    replaced: found.filter(isReplaced),
  }
}

export function asideName(owner: number, number: number): string {
  return `aside.${owner}.${number}`
}

/** The owner of a file in the making. */
export function asideOwner(name: string): number | undefined {
  const match = /^aside\.(\d+)\.\d+$/.exec(name)
  return match ? Number(match[1]) : undefined
}

export function isManifestInMaking(name: string): boolean {
  return name.startsWith(`${MANIFEST}.`)
}

/** True for names that only a queue's folder holds: a folder with others and without queue.json is no queue. */
export function isOurs(name: string): boolean {
  if (FILE_NAMES.includes(name) || FOLDER_NAMES.includes(name)) return true
  if (isManifestInMaking(name) || name.startsWith('only.')) return true
  return parseSegmentName(name) !== undefined || asideOwner(name) !== undefined
}
