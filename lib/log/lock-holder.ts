// lock-holder.ts: who holds a lock, for people: the process that the kernel names, and what its file in owners/ says of it.

import { type Disk, type DiskFile, withFile } from '../disk/disk.ts'
import type { LockHolder } from '../store-events.ts'
import { OWNERS } from './layout.ts'
import { decodeOwnerHead, OWNER_HEAD_BYTES, type OwnerHead } from './owner-head.ts'

/** Undefined where the kernel doesn't say, or nobody holds it any more. */
export function holderOf(lock: DiskFile, disk: Disk, folder: string): LockHolder | undefined {
  const pid = lock.lockHolder?.()
  if (pid === undefined) return
  const heads = headsIn(disk, `${folder}/${OWNERS}`).filter((head) => head.pid === pid)
  const [first] = heads
  if (!first) return { pid }
  const { host, label } = first
  // Of several threads the kernel names the process alone.
  const thread = heads.every((head) => head.thread === first.thread) ? first.thread : undefined
  return { pid, host, ...(thread !== undefined && { thread }), ...(label !== '' && { label }) }
}

function headsIn(disk: Disk, owners: string): OwnerHead[] {
  try {
    const heads = disk.list(owners).map((name) => (/^\d+$/.test(name) ? headOf(disk, `${owners}/${name}`) : undefined))
    return heads.filter((head) => head !== undefined)
  } catch {
    return []
  }
}

function headOf(disk: Disk, path: string): OwnerHead | undefined {
  try {
    const bytes = Buffer.alloc(OWNER_HEAD_BYTES)
    return withFile(disk.open(path, 'read'), (file) => {
      return decodeOwnerHead(bytes.subarray(0, file.read(bytes, 0, OWNER_HEAD_BYTES, 0)))
    })
  } catch {
    return
  }
}
