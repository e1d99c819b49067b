// place.ts: where a handle has the queue open: in which life of the machine, and which file its append.lock is there.
//
//    another boot ───────────────────────────▶ a power cut may have taken what was never synced
//    another inode, or in the boot another device ─▶ a copy, a restored backup: taken while the queue was written, perhaps,
//                                              so that no word of the original counts for it
//
// Devices are numbered anew by each boot, so they are compared within one. 0: not known, which is no other.

import type { FileIdentity } from '../disk/disk.ts'

export interface Place extends FileIdentity {
  /** crc of the boot id. */
  readonly boot: number
}

/** The boot of an owner whose joining was damaged. */
export const NO_BOOT = 0

export const NOWHERE: Place = Object.freeze({ boot: NO_BOOT, device: 0, inode: 0 })

export function isSamePlace(one: Place, other: Place): boolean {
  return one.boot === other.boot && !isCopied(one, other)
}

/** The machine went down in between. */
export function isDown(one: Place, here: Place): boolean {
  return one.boot !== here.boot && one.boot !== NO_BOOT
}

/** What is here now is not the file that was there, but a copy of it. */
export function isCopied(one: Place, here: Place): boolean {
  if (one.inode === 0 || here.inode === 0) return false
  return one.inode !== here.inode || (one.boot === here.boot && one.device !== here.device)
}
