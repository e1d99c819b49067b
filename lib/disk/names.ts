// names.ts: what is opened and made under a name: files that are a queue's own (ours.ts), folders, and names made durable.

import fs from 'node:fs'
import path from 'node:path'
import { codeOf, type OpenMode } from './disk.ts'
import { hasNoInode, NO_INODE } from './inodes.ts'
import { type Anchor, O_PLAIN, openPlain, withRealFolder } from './ours.ts'

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

export function openFile(file: string, mode: OpenMode, shown = file, anchor?: () => Anchor | undefined): number {
  if (mode === 'read') return openPlain(file, O_RDONLY, shown, anchor)
  if (mode === 'write') return openPlain(file, O_RDWR, shown, anchor)
  // What is there already, a link too, is refused by the system itself.
  const fd = made(file, () => fs.openSync(file, O_RDWR | O_CREAT | O_EXCL | O_PLAIN, FILE_MODE))
  keepMode(() => fs.fchmodSync(fd, FILE_MODE))
  return fd
}

/** A disk that is full of files says the same as one that is full of bytes. */
function made<R>(name: string, make: () => R): R {
  try {
    return make()
  } catch (error) {
    if (codeOf(error) === 'ENOSPC' && error instanceof Error && hasNoInode(path.dirname(name))) {
      error.message += `, ${NO_INODE}`
    }
    throw error
  }
}

/** The umask may have taken bits away. */
function keepMode(change: () => void): void {
  try {
    change()
  } catch {
    // A file system that knows no modes has given the file one of its own.
  }
}

/** With its parents; a link on the way is the user's own. */
export function makeFolder(folder: string): boolean {
  if (isFolder(folder)) return false
  const parent = path.dirname(path.resolve(folder))
  if (!isFolder(parent)) makeFolder(parent)
  try {
    return madeFolder(folder)
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && isFolder(folder)) return false // Another process was faster.
    throw error
  }
}

/** One folder (0700), of which nothing is there yet; EEXIST where something is. */
export function madeFolder(folder: string): true {
  made(folder, () => fs.mkdirSync(folder, FOLDER_MODE))
  keepMode(() => withRealFolder(folder, folder, undefined, (fd) => fs.fchmodSync(fd, FOLDER_MODE)))
  return true
}

function isFolder(name: string): boolean {
  return fs.statSync(name, { throwIfNoEntry: false })?.isDirectory() === true
}

export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return // It opens no folders, and makes names durable by itself.
  const fd = fs.openSync(folder, O_RDONLY)
  try {
    await new Promise<void>((resolve, reject) => {
      fs.fsync(fd, (error) => (error === null || codeOf(error) === 'EINVAL' ? resolve() : reject(error)))
    })
  } finally {
    fs.closeSync(fd)
  }
}
