// puts-behind.ts: puts of a handle that have to come behind what was written to its stream before them. Each knows how many
// items that were, and is begun as soon as all of those are on their way into the store.

import type { PutOptions } from '../call-options.ts'
import { onAbort } from '../wait/aborts.ts'
import type { Core } from './core.ts'

export interface PutBehind {
  /** So many items were written before it. */
  readonly at: number
  begin(): void
}

export class PutsBehind {
  #waiting: PutBehind[] = []

  /** How many items may be put before the first that waits. */
  get next(): number {
    return this.#waiting[0]?.at ?? Infinity
  }

  add(put: PutBehind): void {
    this.#waiting.push(put)
  }

  /** So many items are on their way. */
  beginUpTo(count: number): void {
    while (this.#waiting.length > 0 && this.next <= count) this.#waiting.shift()?.begin()
  }

  /** It waits no longer: whether it did. */
  remove(put: PutBehind): boolean {
    const before = this.#waiting.length
    this.#waiting = this.#waiting.filter((other) => other !== put)
    return this.#waiting.length < before
  }
}

/** How often a put that waits for no room looks whether those before it do. */
const LOOK_MS = 20

/** What a put says of the wait for room, and the queue, where it is open. */
interface Wait<T> {
  readonly options: PutOptions | undefined
  readonly core: Core<T> | undefined
}

/**
 * Has `put` called behind what was written, but once only: before that where its time for finding room is over, it is not to
 * wait for any, or its signal aborts. It is refused then, because those before it wait for room.
 */
export function putBehind<T>(
  behind: (begin: () => void) => () => void,
  put: (options: PutOptions | undefined) => void,
  { options, core }: Wait<T>,
): void {
  const stops: (() => void)[] = []
  let how = options
  const now = behind(() => {
    for (const stop of stops) stop()
    put(how)
  })
  const isBounded = core !== undefined && (core.maxSize !== Infinity || core.maxBytes !== Infinity)
  if (!isBounded) return
  const { signal, timeout = Infinity, wait = core.whenFull !== 'reject' } = options ?? {}
  const giveUp = (): void => {
    how = { ...options, wait: false, timeout: undefined }
    now()
  }
  const look = (): void => {
    if (core.puts.length > 0) giveUp()
    else stops.push(core.clock.after(LOOK_MS, look))
  }
  if (signal?.aborted) now()
  else if (signal !== undefined) stops.push(onAbort(signal, now))
  if (!wait) look()
  else if (timeout !== Infinity) stops.push(core.clock.after(timeout, giveUp))
}
