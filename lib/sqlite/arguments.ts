// arguments.ts: what is said of a queue, and of the handle that asks, with every call of it.

import type { Settlement } from '../store.ts'
import type { Parts } from './calls.ts'
import type { ArgsOf } from './ops.ts'

export class Arguments {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  asked(): { queue: number; now: number; slept: number } {
    const { recorded, time } = this.#parts
    this.#tellMoved()
    return { queue: recorded.id, now: time.now(), slept: time.slept() }
  }

  /** The wall clock was set: what is stored has to know by how much, should the host be started anew. */
  #tellMoved(): void {
    const { time, database } = this.#parts
    const moved = time.moved()
    if (moved === undefined) return
    time.adopt(moved)
    database.call('host.moved', { boot: this.#parts.boot, ...moved }).catch(this.#parts.options.events.failed)
  }

  /** A put that nothing but its items tells from others. */
  readonly plain = (): ArgsOf<'queue.put'> => {
    const { own: owner } = this.#parts.owners
    return {
      ...this.asked(),
      wall: this.#parts.time.wall(),
      owner,
      due: 0,
      attempt: 0,
      priority: 0,
      bound: undefined,
      keys: undefined,
    }
  }

  taking(n: number): ArgsOf<'queue.pop'> {
    return { ...this.asked(), n: limitOf(n), isStrict: this.#parts.options.onDamage === 'fail' }
  }

  settling(settlements: readonly Settlement[]): ArgsOf<'queue.settle'> {
    const { owners, options } = this.#parts
    return { ...this.asked(), owner: owners.own, settlements, keep: options.keepAcked ?? 0 }
  }
}

/** As many as SQLite's LIMIT takes. */
export function limitOf(n: number): number {
  return Math.min(n, Number.MAX_SAFE_INTEGER)
}
