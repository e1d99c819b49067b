// disk.ts: all that a log asks of a file system. node.ts is the real one; the specs have one that records every
// call and one that fails them, which is how each crash and each fault is tried.
//
// Calls are synchronous, because a hop through the thread pool costs more than the call itself, except those that
// wait for the medium (sync, syncFolder) or move much (writeAside). Positions and sizes are in bytes.
// Each failure is the system's own error, with its `code` (ENOENT, ENOSPC, EIO …).

import { codeOf } from '../text-of.ts'

export { codeOf }

export type OpenMode =
  | 'read' // must exist
  | 'write' // must exist; reading and writing
  | 'create' // must not exist (EEXIST); reading and writing; 0600

/** Whole numbers below 2^48; 0: the file system doesn't say. */
export interface FileIdentity {
  readonly device: number
  readonly inode: number
}

export interface DiskFile {
  readonly path: string
  size(): number
  /** Bytes that it has blocks for: less than its size where it has holes, or is compressed. */
  allocated(): number
  /** Fills `target[at, at + length)` from `position`; resolves short counts itself. Returns how much there was. */
  read(target: Uint8Array, at: number, length: number, position: number): number
  /** Writes all of `bytes` or throws. A disk that fills up in the middle is an ENOSPC, with part of the bytes written. */
  write(bytes: Uint8Array, position: number): void
  /** As `write`, off the event loop, for much at once. */
  writeAside(bytes: Uint8Array, position: number): Promise<void>
  truncate(size: number): void
  /** fdatasync, off the event loop. What was written before the call is durable when it resolves. */
  sync(): Promise<void>
  /** flock(2), exclusive, of this open file; never waits. Free again by `unlock`, `close`, or the owner's death. */
  tryLock(): boolean
  unlock(): void
  /** The process that holds its lock, where the system tells. */
  lockHolder?(): number | undefined
  /** The same for the same file, and for no other; after another start of the machine, by its inode alone. */
  identity(): FileIdentity
  /** Whether it still has a name: what was written to a file without one is gone with its last descriptor. */
  isLinked(): boolean
  close(): void
}

export interface Disk {
  open(path: string, mode: OpenMode): DiskFile
  /** The names in a folder, in no order; some `most` of them, where that is said. */
  list(folder: string, most?: number): string[]
  /** Makes the folder (0700) and its parents; one that is there is left as it is. True where it was made. */
  makeFolder(folder: string): boolean
  rename(from: string, to: string): void
  unlink(path: string): void
  /** Resolves when all files that were closed are: removed ones, whose blocks have to be freed, are closed aside. */
  allClosed(): Promise<void>
  /** Makes the names in a folder durable. */
  syncFolder(folder: string): Promise<void>
  /**
   * Called once by whoever opens a log in `folder`, before any lock there is tried; resolves to how to give it back, which
   * may be called twice. Locks reach other processes only through fs-ext: where that can't be loaded, this makes the
   * thread the only one that may open the queue. Rejects with the code 'ECLAIMED' where another has done so.
   */
  claim(folder: string): Promise<() => void>
  /** Calls `changed` when something in the folder may have changed; returns how to stop. Misses are possible: poll too. */
  watch(folder: string, changed: () => void): (() => void) & { readonly isSure?: boolean }
  /** True where the folder lies on a file system that other machines may have mounted, too (or behind one, as FUSE). */
  isShared(folder: string): boolean
  /** Differs for each start of the machine: what the page cache held is gone once it has changed. */
  bootId(): string
  /**
   * The same disk, on which names below `folder` are looked up in the folder that stands there now, wherever that is
   * moved, and whatever takes its place. What is made there belongs to the folder's user, where the maker may give it away.
   * What stands there under a name and is not the queue's (a link, a pipe, another user's file) is refused: 'ENOTOURS'.
   * A disk without it is one on which no folder is moved. `isReal`: a link to a folder is refused as well.
   */
  enter?(folder: string, isReal?: boolean): Entered
  /** Throws where something else stands under a name of the queue; nothing may stand there. */
  look?(name: string, kind: 'file' | 'folder'): void
  /** Who calls, for others to read. */
  self(): Self
}

/** A folder that was entered. */
export interface Entered {
  readonly disk: Disk
  leave(): void
}

export interface Self {
  readonly pid: number
  readonly thread: number
  readonly host: string
}

/** A disk, or a user's share of it, that has no room. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** What `use` returns; the file is closed however that ends. */
export function withFile<R>(file: DiskFile, use: (file: DiskFile) => R): R {
  try {
    return use(file)
  } finally {
    file.close()
  }
}

/** Opens a file for writing, or makes it, whoever does the same meanwhile. */
export function openOrCreate(disk: Disk, path: string): DiskFile {
  for (;;) {
    try {
      return disk.open(path, 'write')
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
    try {
      return disk.open(path, 'create')
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }
}
