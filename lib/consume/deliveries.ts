// deliveries.ts: a loop over deliveries, which its body settles, in any order. Leaving it (break, return, throw, its
// signal) gives back what is unsettled; when nothing more is to come, what is still at work can be settled.

import { Delivery, type Host } from './delivery.ts'
import type { Held } from './held.ts'
import { Loop } from './loop.ts'
import type { Session } from './session.ts'

export class Deliveries<T> extends Loop<T, Held<T>, Delivery<T>> {
  /** The queue is held by each delivery. */
  #host: (Host<T> & { readonly holder: unknown }) | undefined

  protected ready(session: Session<T>): Held<T> | undefined {
    return session.nextNow()
  }

  protected take(session: Session<T>): Promise<Held<T> | undefined> {
    return session.next()
  }

  /** Its body does that. */
  protected ack(): void {}

  protected valueOf(session: Session<T>, held: Held<T>): Delivery<T> {
    session.hold([held])
    this.#host ??= {
      core: session.core,
      limit: session.limit,
      settle: (all, make) => session.settle(all, make),
      ack: (held) => session.core.acking.ack(held, (acked) => session.done([acked], true)),
      holder: this,
    }
    return new Delivery(held, this.#host)
  }

  protected override end(session: Session<T>): Promise<void> {
    return session.finish()
  }
}
