// share.ts: the bytes of an item that was encoded together with others. They share them evenly, and the shares of a
// document's items add up to its bytes.

import type { Document } from './store.ts'

/** The bytes of `taken` of a document's items, behind `offset` others. */
export function shareOf({ bytes, count }: Document, offset: number, taken: number): number {
  if (taken === count) return bytes.length
  const upTo = (items: number): number => Math.floor((items * bytes.length) / count)
  return upTo(offset + taken) - upTo(offset)
}

/** The bytes of whole documents. */
export function bytesOf(documents: readonly Document[]): number {
  return documents.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
