// wal-kept.ts: a copy of a damaged WAL, in a folder beside the database: file.db-damaged/<key>.wal.

import fs from 'node:fs'
import { nodeDisk } from '../disk/node.ts'
import { withinReal } from '../disk/ours.ts'
import { shareAs } from './new-file.ts'

/**
 * Where it is now, on the medium. A full disk is no reason not to open, nor is something else that stands under the names of
 * the folder or the copy.
 */
export function keptAside(file: string, key: string): string | undefined {
  const kept = `${file}-damaged/${key}.wal`
  try {
    nodeDisk.makeFolder(`${file}-damaged`)
    return withinReal(`${file}-damaged`, (folder) => {
      copyAside(`${file}-wal`, `${folder}/${key}.wal`)
      for (const path of [`${folder}/${key}.wal`, folder]) {
        shareAs(path, file)
        sync(path)
      }
      return kept
    })
  } catch {
    return undefined
  }
}

/** Of a copy that was begun before, nothing is left. */
function copyAside(wal: string, copy: string): void {
  fs.rmSync(copy, { force: true })
  try {
    fs.copyFileSync(wal, copy, fs.constants.COPYFILE_FICLONE | fs.constants.COPYFILE_EXCL)
  } catch (error) {
    fs.rmSync(copy, { force: true })
    throw error
  }
}

function sync(path: string): void {
  const fd = fs.openSync(path, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
