// updates.ts: values that are computed from what was there. The value is read, the function called, and the result set
// only where nobody, of whatever process, has changed the entry meanwhile; else the function is called once more with
// what is there now. Each time that this happens somebody else's change has succeeded, so it ends.
//
// Updates of one key through one handle don't run against each other: those that come while one is under way gather,
// and are applied one behind the other in one write. A thousand increments at once cost two or three writes.

import type { MapStore, Stored } from '../map-store.ts'
import type { Encoded, Values } from './values.ts'

/** A new value from the old one: `undefined` where there is none. */
export type Change<V> = (old: V | undefined) => V

interface Waiting<V> {
  readonly change: Change<V>
  resolve(value: V): void
  reject(error: unknown): void
}

/** What an update comes to once the group's write has succeeded. */
type Outcome<V> = { readonly value: V } | { readonly error: unknown }

/** The outcomes of a group, in its order, and what to write: `undefined` where no function returned anything. */
interface Applied<V> {
  readonly outcomes: readonly Outcome<V>[]
  readonly bytes: Uint8Array | undefined
}

export class Updates<V> {
  readonly #store: MapStore
  readonly #values: Values<V>
  readonly #writing: () => void
  /** Those that gather behind the group under way, by key. */
  readonly #waiting = new Map<string, Waiting<V>[]>()

  /** `writing` is called before each write. */
  constructor(store: MapStore, values: Values<V>, writing: () => void) {
    this.#store = store
    this.#values = values
    this.#writing = writing
  }

  update(key: string, change: Change<V>): Promise<V> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(key)
      if (waiting !== undefined) {
        waiting.push({ change, resolve, reject })
        return
      }
      this.#waiting.set(key, [])
      void this.#serve(key, [{ change, resolve, reject }])
    })
  }

  async #serve(key: string, first: readonly Waiting<V>[]): Promise<void> {
    for (let group = first; group.length > 0; ) {
      await this.#settle(key, group)
      group = this.#waiting.get(key) ?? []
      if (group.length === 0) this.#waiting.delete(key)
      else this.#waiting.set(key, [])
    }
  }

  async #settle(key: string, group: readonly Waiting<V>[]): Promise<void> {
    try {
      const outcomes = await this.#write(key, group)
      for (const [i, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[i]
        if (outcome !== undefined && 'value' in outcome) resolve(outcome.value)
        else reject(outcome?.error)
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  async #write(key: string, group: readonly Waiting<V>[]): Promise<readonly Outcome<V>[]> {
    let seen = await this.#store.get(key)
    for (;;) {
      const { outcomes, bytes } = this.#apply(key, group, seen)
      if (bytes === undefined) return outcomes
      this.#writing()
      const replaced = await this.#store.replace(key, bytes, seen)
      if (replaced.done) return outcomes
      seen = replaced.now
    }
  }

  /** Each function gets what the one before it made of it, decoded afresh; one that throws changes nothing. */
  #apply(key: string, group: readonly Waiting<V>[], seen: Stored | undefined): Applied<V> {
    let last: Encoded | undefined = seen
    let bytes: Uint8Array | undefined
    const outcomes = group.map(({ change }): Outcome<V> => {
      try {
        const value = change(last === undefined ? undefined : this.#values.decode(key, last))
        if (isPromise(value)) throw new TypeError('update: expected a function that returns the value, not a promise')
        bytes = this.#values.encode(key, value)
        last = { bytes }
        return { value }
      } catch (error) {
        return { error }
      }
    })
    return { outcomes, bytes }
  }
}

/** A promise among the values is an async function: what it would set is not known when the entry is written. */
function isPromise(value: unknown): boolean {
  if (!(value instanceof Promise)) return false
  value.catch(() => {}) // told by the TypeError
  return true
}
