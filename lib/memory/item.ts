// item.ts: one item of a memory queue, and where it can be.

import { shareOf } from '../share.ts'
import type { Document } from '../store.ts'

export interface Item {
  readonly id: number
  readonly enqueuedAt: number
  readonly priority: number
  document: Document
  /** Items of the document before this one. */
  skip: number
  deliveries: number
  key: string | undefined
}

export interface InFlight {
  readonly item: Item
  readonly owner: object
  /** Ready again then, in ms since 1970; 0: never. */
  readonly deadline: number
}

export interface Delayed {
  readonly item: Item
  readonly due: number
}

export interface Failed {
  readonly item: Item
  readonly reason: string
}

/** Its share of its document. */
export function bytesOf({ document, skip }: Item): number {
  return shareOf(document, skip, 1)
}

/** In the order of their ids. */
export function byId<E extends { readonly item: Item }>(entries: Iterable<E>): E[] {
  return [...entries].sort((one, other) => one.item.id - other.item.id)
}
