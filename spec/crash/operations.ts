// operations.ts: everything that changes a disk, or promises something about it, as one list in the order it happened.
//
//   link, unlink, rename, folder   names: loose until the folder they stand in is synced
//   write, truncate                bytes: loose until their file is synced
//   sync, syncFolder               recorded when they END; they cover what was recorded before `covers`, the length of
//                                  the list when they were CALLED. A failed one makes its writes loose for ever.
//   mark                           what the program under test was asked, and what it promised (promises.ts)

import type { Mark } from './promises.ts'

/** Files are numbered from 1; as a name's inode, 0 says that the name is a folder. */
export const FOLDER = 0

export type NameOp =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly ino: number }
  | { readonly kind: 'unlink'; readonly path: string; readonly ino: number }
  | { readonly kind: 'rename'; readonly from: string; readonly path: string; readonly ino: number }

export type WriteOp = {
  readonly kind: 'write'
  readonly ino: number
  readonly position: number
  readonly bytes: Uint8Array
  /** Not the program's: pages that a failed sync let go, seen as what the medium holds. Loose for ever. */
  readonly dropped?: true
}
export type DataOp = WriteOp | { readonly kind: 'truncate'; readonly ino: number; readonly size: number }

export type SyncOp =
  | { readonly kind: 'sync'; readonly ino: number; readonly covers: number; readonly failed: boolean }
  | { readonly kind: 'syncFolder'; readonly path: string; readonly covers: number; readonly failed: boolean }

export type MarkOp = { readonly kind: 'mark'; readonly mark: Mark }

export type Op = NameOp | DataOp | SyncOp | MarkOp

/** The folder that a path stands in. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')))
}
