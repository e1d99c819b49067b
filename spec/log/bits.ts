// bits.ts: bytes with something wrong in them, for specs of what is read back.

import type { Disk } from '../../lib/disk/disk.ts'

/** A copy with one bit turned round; bit 8 is the lowest one of byte 1. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

/** All bits of the bytes from `from` to below `to`. */
export function bitsOf(from: number, to: number): number[] {
  return Array.from({ length: (to - from) * 8 }, (_, index) => from * 8 + index)
}

/** Turns one bit of a file round. */
export function flip(disk: Disk, path: string, bit: number): void {
  const file = disk.open(path, 'write')
  const byte = Buffer.alloc(1)
  file.read(byte, 0, 1, bit >>> 3)
  file.write(flipped(byte, bit & 7), bit >>> 3)
  file.close()
}
