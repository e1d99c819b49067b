// ids.ts: where ids end. They are whole numbers that JavaScript counts exactly: at a million a second, in 285 years.

import { StorageError } from './errors.ts'

/** All ids are below it. */
export const END_OF_IDS = 2 ** 53

/** Throws StorageError where so many ids from `first` on would reach the end: then nothing is to be changed. */
export function checkIds(first: number, count: number, place: string): void {
  // Not their sum, which would be rounded.
  if (count > END_OF_IDS - first) throw idsEnd(place)
}

export function idsEnd(place: string): StorageError {
  return new StorageError(
    `${place} has given all of its ids, which end below 2^53: nothing was put; take what it holds, or copy it with copyTo into a new queue`,
  )
}
