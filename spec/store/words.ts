// words.ts: items of the store suite: words, joined to documents by commas, and the shortest ways to speak of them.

import type { Document, Piece, Settlement, Store, StoreOptions } from '../../lib/store.ts'

/** A place of one test; what it opens is closed when the suite is over. */
export interface Place {
  open(options?: Partial<StoreOptions>): Promise<Store>
}
export type MakePlace = () => Promise<Place>

export async function filled(place: MakePlace): Promise<Store> {
  const store = await (await place()).open()
  await store.append([words('a')])
  await store.append([words('b', 'c'), words('d', 'e')])
  return store
}

export async function pair(place: MakePlace): Promise<[Store, Store]> {
  const where = await place()
  return [await where.open(), await where.open()]
}

export function words(...texts: string[]): Document {
  return { bytes: Buffer.from(texts.join()), count: texts.length }
}

/** The same words in documents of one each. */
export function wordByWord({ bytes }: Document): Document[] {
  return Buffer.from(bytes)
    .toString()
    .split(',')
    .map((text) => words(text))
}

export function told(pieces: readonly Piece[]): string[] {
  return pieces.flatMap(({ firstId, count, document, skip }) => {
    const texts = Buffer.from(document.bytes).toString().split(',')
    return Array.from({ length: count }, (_, i) => `${firstId + i} ${texts[skip + i]}`)
  })
}

export function ack(from: number, to = from): Settlement {
  return { outcome: 'ack', ids: [{ from, to }] }
}

export function back(id: number): Settlement & { outcome: 'back' } {
  return { outcome: 'back', ids: [{ from: id, to: id }], counted: true }
}
