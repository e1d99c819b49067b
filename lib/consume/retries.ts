// retries.ts: reports failed tries of `consume`: the event 'retry' of the queue, and the same on diagnostics_channel.
//
// A report is made only where somebody listens, and emitted in a later turn: a listener that throws harms no call. Where
// nobody listens, one process warning for each handle says that the same batch fails again and again.

import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { stackOf, textOf } from '../text-of.ts'
import { setImmediate } from '../wait/timers.ts'

/** A batch whose handler failed, and that is tried again. */
export interface Retried {
  readonly ids: readonly number[]
  /** Deliveries of the batch, the failed one included. */
  readonly attempt: number
  /** What the handler threw or rejected with, or a TimeoutError. */
  readonly error: unknown
  /** Milliseconds until the next try, unless the consumer stops before: then the batch goes back to the queue. */
  readonly delayMs: number
}

const EVENT = 'retry'
const WARN_AFTER = 3
const diagnostics = channel('spoolq:retry')

export class Retries {
  readonly #location: string
  readonly #owner: WeakRef<object>
  #hasWarned = false

  constructor(location: string, owner: WeakRef<object>) {
    this.#location = location
    this.#owner = owner
  }

  /** `failures`: how often the batch has failed one after the other in this `consume`. */
  report(failures: number, error: unknown, make: () => Retried): void {
    const queue = this.#listening()
    if (queue !== undefined || diagnostics.hasSubscribers) this.#emit(make(), queue)
    else if (failures >= WARN_AFTER) this.#warn(failures, error)
  }

  #listening(): EventEmitter | undefined {
    const queue = this.#owner.deref()
    return queue instanceof EventEmitter && queue.listenerCount(EVENT) > 0 ? queue : undefined
  }

  #emit(report: Retried, queue: EventEmitter | undefined): void {
    setImmediate(() => {
      // A throw here is an uncaught exception of the listener's own. The channel comes first: Node catches for it.
      if (diagnostics.hasSubscribers) diagnostics.publish({ location: this.#location, ...report })
      queue?.emit(EVENT, report)
    })
  }

  #warn(failures: number, error: unknown): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    const warning =
      `a handler of consume() on the queue ${this.#location} has failed ${failures} times with the same batch: ` +
      `${textOf(error)}. It is tried again. Listen to the queue's 'retry' event to see each failure, and set ` +
      'retry.attempts or maxAttempts to have such items set aside (list them with status failed)'
    process.emitWarning(warning, { type: 'SpoolqWarning', code: 'SPOOLQ_RETRY', detail: stackOf(error) })
  }
}
