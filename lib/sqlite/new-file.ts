// new-file.ts: a database file that is not there yet.

import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { codeOf } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node.ts'
import { StorageError } from '../errors.ts'

/** 0600, under another name first, so that no descriptor of it is closed once somebody may have it open. */
export function makeFile(file: string): void {
  if (fs.existsSync(file)) return
  const draft = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID()}.tmp`)
  fs.writeFileSync(draft, '', { flag: 'wx', mode: 0o600 })
  try {
    fs.linkSync(draft, file)
  } catch (error) {
    // On a file system without links SQLite makes it.
    if (codeOf(error) === 'EEXIST') return
  } finally {
    fs.unlinkSync(draft)
  }
  syncFolder(path.dirname(file))
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
