// cut.ts: items of a document that holds many, each as a document of its own: so that what is kept of one does not take
// the room of all. Where items stand in frames of their own (framing.ts) the bytes are taken as they are, whether they
// decode or not. A document of a batch codec is decoded and those items are encoded again.

import type { Document } from '../store.ts'
import type { Codec } from './codec.ts'
import { framesOf } from './framing.ts'
import { isCodecName } from './index.ts'

export interface Span {
  /** Items before the first of them. */
  readonly skip: number
  readonly count: number
}

/** Undefined where the document doesn't decode, or its items would not be the same. */
export function cutItems<T>(codec: Codec<T>, document: Document, { skip, count }: Span): Document[] | undefined {
  if (document.count === 1) return [document]
  try {
    const all = codec.decodeBatch === undefined ? framesOf(document) : encodedAgain(codec, document, { skip, count })
    return all?.slice(skip, skip + count).map((bytes) => ({ bytes, count: 1 }))
  } catch {
    return undefined
  }
}

function encodedAgain<T>(codec: Codec<T>, document: Document, { skip, count }: Span): Uint8Array[] | undefined {
  const items = codec.decodeBatch?.(document.bytes)
  if (!Array.isArray(items) || items.length !== document.count || !isFaithful(codec, items, document)) return
  return items.map((item, i) => (i >= skip && i < skip + count ? codec.encode(item) : NONE))
}

/** A codec of the user's may take something else than it returns: only the same bytes show that it does not. */
function isFaithful<T>(codec: Codec<T>, items: readonly T[], { bytes }: Document): boolean {
  if (isCodecName(codec.name)) return true
  const again = codec.encodeBatch?.(items)
  return again !== undefined && Buffer.compare(again, bytes) === 0
}

const NONE = new Uint8Array(0)
