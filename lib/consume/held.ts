// held.ts: one item that this handle holds: leased, decoded, and not settled yet.
//
//      ahead ──handed out──▶ out ──ack──▶ settled
//        │                    ├──settle──▶ settling ──▶ settled, or out again where that failed
//        └────────────given back──────────────▲

import type { DocumentReader } from '../codec/index.ts'
import type { HeldRange, Piece } from '../store.ts'

export class Held<T> {
  readonly id: number
  /** What it was leased with, to decode it afresh. */
  readonly piece: Piece
  item: T
  /** Deliveries, this one included. */
  attempt: number
  /** Only whoever leased it changes it. */
  state: 'ahead' | 'out' | 'settling' | 'settled' = 'ahead'

  constructor(id: number, item: T, piece: Piece) {
    this.id = id
    this.item = item
    this.piece = piece
    this.attempt = piece.attempt
  }

  /** Milliseconds since 1970. */
  get enqueuedAt(): number {
    return this.piece.enqueuedAt
  }

  get range(): HeldRange {
    return { from: this.id, to: this.id, attempt: this.attempt }
  }

  /** It is handed out once more: decoded afresh, so that nothing that became of the item before can be seen. */
  again(reader: DocumentReader<T>): void {
    const { firstId, skip } = this.piece
    const { items } = reader.take({ ...this.piece, firstId: this.id, skip: skip + this.id - firstId, count: 1 })
    for (const item of items) this.item = item
    this.attempt += 1
  }
}
