// supports.ts: what a queue in a MySQL database can do.

import type { Supports } from '../store.ts'

export const SUPPORTS: Supports = Object.freeze({
  orders: Object.freeze(['fifo', 'lifo', 'priority'] as const),
  unique: true,
  update: true,
  leaseById: true,
  durable: true,
  documents: false,
})
