// supports.ts: what a store with an index can do; one that differs says in what.

import type { Supports } from './store.ts'

export const INDEXED: Supports = Object.freeze({
  orders: Object.freeze(['fifo', 'lifo', 'priority'] as const),
  unique: true,
  update: true,
  leaseById: true,
  durable: true,
  documents: false,
})
