// inodes.ts: a file system that can hold no more files, however many bytes it has free. It says so as a full disk does (ENOSPC).

import fs from 'node:fs'

export const NO_INODE = 'as its file system has no inode left: remove some files there (df -i)'

/** False too where a file system has no number of them, or doesn't say. */
export function hasNoInode(folder: string): boolean {
  try {
    const { files, ffree } = fs.statfsSync(folder)
    return files > 0 && ffree === 0
  } catch {
    return false
  }
}
