// items.ts: a loop over single items.

import type { Held } from './held.ts'
import { Loop } from './loop.ts'
import type { Session } from './session.ts'

export class Items<T> extends Loop<T, Held<T>, T> {
  protected ready(session: Session<T>): Held<T> | undefined {
    return session.nextNow()
  }

  protected take(session: Session<T>): Promise<Held<T> | undefined> {
    return session.next()
  }

  protected ack(session: Session<T>, handed: Held<T>): void {
    session.ack(handed)
  }

  protected valueOf(session: Session<T>, handed: Held<T>): T {
    session.hold([handed])
    return handed.item
  }
}
