// claims.ts: what a number in a file may claim. A checksum shows that bytes are as somebody wrote them, not that they are
// true: anybody can compute one. So no number is allocated, looped over or recorded for before it is compared with the
// bytes that stand beside it. What claims more doesn't hold: it is corruption, reported and contained.
//
//    frame       a document of at most 256 items takes 3 bytes: no more ids than that for its bytes; ids go on where those
//                before it end; what it replaces was put before it
//    segment     its ids fit into 2^33: relative ids and counts have 32 bits
//    cursor      no id further than 2^51 beyond the first segment: a jump after a power cut is 2^32
//    anywhere    no number above 2^53

import { FormatError } from '../errors.ts'
import { END_OF_IDS } from '../ids.ts'
import type { IdRange } from '../store.ts'
import { DUE, type FrameHeader, REPLACES, RETRIES, readPreamble, SLICED, SPARSE } from './frame.ts'

/** A document of 256 items takes three bytes or more. */
const IDS_PER_BYTE = 86
/** Ids of a segment: the first id of a frame, less the base, and its count have 32 bits each. */
export const SEGMENT_IDS = 2 ** 33
/** No name and no record leads further beyond what is known otherwise. */
export const FAR = 2 ** 51
const KNOWN_FLAGS = SPARSE | DUE | REPLACES | RETRIES | SLICED

/** Ids that so many bytes of frames can give. */
export function mostIdsIn(bytes: number): number {
  return Math.max(0, bytes) * IDS_PER_BYTE
}

interface Named {
  readonly base: number
  readonly rewrite: number
  readonly path: string
}

/** Whether a frame's header whose checksum held may be of this segment. Throws FormatError for one of a newer version. */
export function isPlausible(header: FrameHeader, segment: Named): boolean {
  const { flags, count, bodyBytes, relativeId } = header
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    throw new FormatError(`${segment.path} holds frames of a newer version of spoolq (flags ${flags}): update spoolq`)
  }
  if (count === 0 || count > END_OF_IDS - segment.base - relativeId) return false
  return flags & SPARSE ? segment.rewrite > 0 : count <= mostIdsIn(bodyBytes)
}

/** Whether what a body begins with may be true of a frame that begins with this id. */
export function isPlausiblePreamble(body: Uint8Array, flags: number, firstId: number): boolean {
  if ((flags & (DUE | REPLACES | RETRIES)) === 0) return true
  const { replaced, end } = readPreamble(body, flags)
  return end <= body.length && replaced.every(({ from, to }) => from > 0 && from <= to && to < firstId)
}

/** Whether ids may go on with `id` where `nextId` is expected, so many bytes later. Only a rewrite leaves some out. */
export function goesOn({ rewrite }: Pick<Named, 'rewrite'>, nextId: number, id: number, bytes: number): boolean {
  return id >= nextId && (rewrite > 0 || id - nextId <= mostIdsIn(bytes))
}

/** Whether ranges of ids may be true, where ids end before `end`. */
export function arePlausible(ids: readonly IdRange[], end: number): boolean {
  return ids.every(({ from, to }) => from > 0 && from <= to && to < end)
}
