// new-file.ts: a database file that is not there yet, and who may open what lies beside it. What root makes belongs to those
// who have the folder, or the database, as SQLite itself does it for its -wal: else the service there could not open it.

import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { codeOf } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node.ts'
import { StorageError } from '../errors.ts'
import { draftOf, isThere, removeName } from './real-file.ts'

/**
 * 0600, under another name first, so that no descriptor of it is closed once somebody may have it open. Throws StorageError
 * where something else has the name.
 */
export function makeFile(file: string): void {
  if (isThere(file)) return
  const draft = draftOf(file, randomUUID())
  const fd = fs.openSync(draft, 'wx', 0o600)
  try {
    giveTo(fd, fs.statSync(path.dirname(file)))
  } finally {
    fs.closeSync(fd)
  }
  try {
    fs.linkSync(draft, file)
  } catch (error) {
    // On a file system without links SQLite makes it.
    if (codeOf(error) === 'EEXIST') return
  } finally {
    removeName(draft)
  }
  syncFolder(path.dirname(file))
}

/**
 * What is made beside a database, a file or a folder, may be opened by whoever may open that. By a descriptor of it: under its
 * name there may be a link by now.
 */
export function shareAs(made: string, database: string): void {
  const of = fs.statSync(database, { throwIfNoEntry: false })
  if (process.platform === 'win32' || of === undefined) return
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  tolerantly(() => {
    const fd = fs.openSync(made, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      share(fd, of)
    } finally {
      fs.closeSync(fd)
    }
  })
}

function share(fd: number, of: fs.Stats): void {
  const own = fs.fstatSync(fd)
  const bits = of.mode & 0o666
  const mode = own.isDirectory() ? bits | ((bits & 0o444) >> 2) : bits
  if ((own.mode & 0o777) !== mode) tolerantly(() => fs.fchmodSync(fd, mode))
  giveTo(fd, of)
}

/** Only root may. */
function giveTo(fd: number, { uid, gid }: fs.Stats): void {
  if (process.getuid?.() !== 0) return
  const own = fs.fstatSync(fd)
  if (own.uid !== uid || own.gid !== gid) tolerantly(() => fs.fchownSync(fd, uid, gid))
}

/** Some file systems have neither, and root may be root in a container alone. */
function tolerantly(change: () => void): void {
  try {
    change()
  } catch {}
}

/** The name of a new file is as durable as what will be in it. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = fs.openSync(folder, 'r')
  try {
    fs.fsyncSync(fd)
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error
  } finally {
    fs.closeSync(fd)
  }
}

/** The folder of a file, and its parents (0700). */
export function makeFolderOf(file: string): void {
  const folder = path.dirname(file)
  try {
    nodeDisk.makeFolder(folder)
  } catch (cause) {
    throw new StorageError(`${folder}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}
