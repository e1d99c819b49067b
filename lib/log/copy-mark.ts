// copy-mark.ts: copy.json, how far a copy into this queue is: there only where a copy was begun.
//
//    { "source": "9f2c…", "after": 4096, "upTo": 5120, "nextId": 4097, "copied": 4096, "count": 1024, "crc": "1a2b3c4d" }
//
// Written under a name in the making and synced, then renamed: it is there whole, as it was or as it is now. One that
// rotted is none: its queue is then refused as a target, unless it is empty.

import { copyMarkOf } from '../copy-mark.ts'
import { codeOf, type Disk, withFile } from '../disk/disk.ts'
import type { CopyMark } from '../store.ts'
import { checksumOfText } from './bytes.ts'
import { COPY_MARK, MANIFEST } from './layout.ts'
import type { StepLock } from './step-lock.ts'

const LONGEST = 4096

export function readCopyMark(disk: Disk, folder: string): CopyMark | undefined {
  let text: string
  try {
    text = withFile(disk.open(`${folder}/${COPY_MARK}`, 'read'), (file) => {
      const bytes = Buffer.alloc(Math.min(file.size(), LONGEST))
      return bytes.subarray(0, file.read(bytes, 0, bytes.length, 0)).toString('utf8')
    })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const crcAt = text.lastIndexOf(',"crc":"')
  if (crcAt < 0 || text.slice(crcAt) !== `,"crc":"${checksumOfText(text.slice(0, crcAt))}"}\n`) return
  return copyMarkOf(text)
}

/** Durable when it resolves, whatever the queue's durability. */
export async function writeCopyMark(disk: Disk, folder: string, mark: CopyMark, making: Making): Promise<void> {
  const fields = JSON.stringify(mark).slice(0, -1)
  const bytes = Buffer.from(`${fields},"crc":"${checksumOfText(fields)}"}\n`)
  // Who opens the queue sweeps away what is in the making.
  while (!(await tryToWrite(disk, folder, bytes, making)));
  await disk.syncFolder(folder)
}

export interface Making {
  /** append.lock. */
  readonly lock: StepLock
  /** A name that nobody else gives. */
  readonly tag: () => string
}

async function tryToWrite(disk: Disk, folder: string, bytes: Uint8Array, { lock, tag }: Making): Promise<boolean> {
  const path = `${folder}/${MANIFEST}.${tag()}`
  const file = disk.open(path, 'create')
  try {
    file.write(bytes, 0)
    await file.sync()
  } finally {
    file.close()
  }
  return lock.run(() => {
    try {
      disk.rename(path, `${folder}/${COPY_MARK}`)
      return true
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      return false
    }
  })
}
