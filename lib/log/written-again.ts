// written-again.ts: what others wrote, once more through one's own descriptor: the same bytes in the same place.
//
//    told durable ┊ frame frame frame ┊ here the descriptor was opened ───▶
//                 └─── written again ─┘
//
// A sync that fails is heard once, by the descriptors that are open then. Whoever opens the file later syncs it well, and
// what the failure let go is not on the medium all the same. So a sync counts for what was written while its descriptor
// was open; and what a process left that died before its sync is made so, since nobody else can vouch for it.

import type { DiskFile } from '../disk/disk.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { checksumOf } from './bytes.ts'
import { FRAME_HEADER_BYTES, readFrameHeader } from './frame.ts'
import { checksumIn, isHollow } from './holes.ts'
import { readHeader, SEAL_AT } from './segment.ts'

const CHUNK_BYTES = 256 << 10

/** What was read once is not there any more: a sync of another process failed, and it let the pages go. */
export class Gone extends Error {
  constructor(path: string) {
    super(`what stood in ${path} is gone: its write-back failed`)
  }
}

/** Both copies of the header. */
export async function writeHeaderAgain(file: DiskFile, nonce: number): Promise<void> {
  const header = bytesAt(file, 0, SEAL_AT)
  if (readHeader(header).header?.nonce !== nonce) throw new Gone(file.path)
  await file.writeAside(header, 0)
}

/** The frames between two places. Throws a Gone where one of them doesn't hold any more. */
export async function writeAgain(file: DiskFile, nonce: number, from: number, to: number): Promise<void> {
  let length = CHUNK_BYTES
  for (let at = from; at < to; ) {
    const chunk = bytesAt(file, at, Math.min(length, to - at))
    const held = heldIn(chunk, nonce)
    if (held > 0) await file.writeAside(chunk.subarray(0, held), at)
    length = held > 0 ? CHUNK_BYTES : largeAt(file, chunk, { nonce, at, to })
    at += held
    if (turnDue()) await turn()
  }
}

/** The length of a frame that goes beyond what was read; nothing else may stand there. */
function largeAt(
  file: DiskFile,
  chunk: Buffer,
  { nonce, at, to }: { readonly nonce: number; readonly at: number; readonly to: number },
): number {
  const header = readFrameHeader(chunk, 0, chunk.length, nonce)
  const length = FRAME_HEADER_BYTES + (header?.bodyBytes ?? 0)
  if (!header || length <= chunk.length || length > to - at) throw new Gone(file.path)
  const isThere =
    !isHollow(file, length) || checksumIn(file, at + FRAME_HEADER_BYTES, header.bodyBytes) === header.bodyCrc
  if (!isThere) throw new Gone(file.path)
  return length
}

function bytesAt(file: DiskFile, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.subarray(0, file.read(bytes, 0, length, at))
}

/** How many of the bytes are frames, whole ones. */
function heldIn(bytes: Buffer, nonce: number): number {
  for (let at = 0; ; ) {
    const header = readFrameHeader(bytes, at, bytes.length, nonce)
    const start = at + FRAME_HEADER_BYTES
    const next = start + (header?.bodyBytes ?? 0)
    if (!header || next > bytes.length || checksumOf(bytes, start, next) !== header.bodyCrc) return at
    at = next
  }
}
