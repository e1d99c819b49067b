// held.ts: one item of a session: leased, decoded, and not settled yet.
//
//      ahead ──handed out──▶ out ──ack──▶ settled
//        └────────given back (leave)─────────▲

export class Held<T> {
  readonly id: number
  readonly item: T
  /** Deliveries, this one included. */
  readonly attempt: number
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number
  /** Only the session changes it. */
  state: 'ahead' | 'out' | 'settled' = 'ahead'

  constructor(id: number, item: T, attempt: number, enqueuedAt: number) {
    this.id = id
    this.item = item
    this.attempt = attempt
    this.enqueuedAt = enqueuedAt
  }
}
