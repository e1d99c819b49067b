// marks.ts: what a handle's loops have in hand, in the file of its owner: written before an item is handed out, by its
// own thread, with one pwrite and no transaction. Of what a dead owner had only taken ahead, the marked is charged.
//
//     0             24            48
//    ┌─────────────┬─────────────┬─────────────┬ ─ ─      a slot a loop; zeros: nothing in hand
//    │ loop 0      │ loop 1      │ loop 2      │
//    └─────────────┴─────────────┴─────────────┴ ─ ─
//    first id 8 · last id 8 · their sum 8                 float64, little endian; a torn slot was not handed out yet

import fs from 'node:fs'
import type { DiskFile } from '../disk/disk.ts'
import { codeOf } from '../disk/disk.ts'
import type { IdRange } from '../store.ts'
import { MEMORY } from './connection.ts'

const SLOT_BYTES = 24

/** Where the owners of a database have their files. */
export function ownersFolder(file: string): string {
  return `${file}-owners`
}

export function writeMark(file: DiskFile, loop: number, ids: IdRange | undefined): void {
  const { from, to } = ids ?? { from: 0, to: 0 }
  const slot = new DataView(new ArrayBuffer(SLOT_BYTES))
  slot.setFloat64(0, from, true)
  slot.setFloat64(8, to, true)
  slot.setFloat64(16, from + to, true)
  file.write(new Uint8Array(slot.buffer), loop * SLOT_BYTES)
}

/** The marks of an owner; a database in memory has none, because it dies with its owners. */
export function readMarks(file: string, owner: number): IdRange[] {
  if (file === MEMORY) return []
  const bytes = read(`${ownersFolder(file)}/${owner}`)
  const slots = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const marks: IdRange[] = []
  for (let at = 0; at + SLOT_BYTES <= bytes.length; at += SLOT_BYTES) {
    const [from, to] = [slots.getFloat64(at, true), slots.getFloat64(at + 8, true)]
    if (from > 0 && slots.getFloat64(at + 16, true) === from + to) marks.push({ from, to })
  }
  return marks
}

function read(path: string): Buffer {
  try {
    return fs.readFileSync(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}
