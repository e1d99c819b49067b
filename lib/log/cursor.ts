// cursor.ts: steps on the cursor. A step learns what others wrote, decides, writes its records and applies them, all
// under cursor.lock; whoever wants more than the kernel's word waits for `durable()` afterwards.
//
//     lock → refresh → decide → write records → unlock      (→ sync)
//
// A file that is full is followed by the next generation in the other one. That one's writer syncs it at once,
// whatever the durability, and records that it is durable.

import type { CursorState } from './cursor-state.ts'
import { type Journal, NOT_YET_DURABLE } from './journal.ts'
import type { CursorRecord } from './record.ts'
import { RemovedError } from './removed.ts'
import type { StepLock } from './step-lock.ts'

export interface Decision<R> {
  readonly records: readonly CursorRecord[]
  readonly result: R
}

/** What a step decides: records and a result, or records that have to be there before it can decide. */
export type Decide<R> = (state: CursorState) => Decision<R> | { readonly before: readonly CursorRecord[] }

export interface StepOptions {
  /** Taken first, and held as long; the decision takes it over before it changes what that lock guards. */
  readonly outer?: StepLock | undefined
  /** The decision has effects of its own and runs once: room for so many bytes of records is made before. */
  readonly roomBytes?: number | undefined
  /** Ends the wait for the lock. */
  readonly signal?: AbortSignal | undefined
}

const AGAIN = Symbol('again')
const ANEW = Symbol('anew')

export class Cursor {
  readonly journal: Journal
  readonly lock: StepLock
  readonly #failed: (error: Error) => void
  #hardening: Promise<void> | undefined
  /** A record that goes with others, if there is something to tell. */
  carried: (state: CursorState) => CursorRecord | undefined = () => undefined

  /** `failed` hears of a failure that no call waits for. */
  constructor(journal: Journal, lock: StepLock, failed: (error: Error) => void) {
    this.journal = journal
    this.lock = lock
    this.#failed = failed
  }

  get state(): CursorState {
    return this.journal.state
  }

  /** One step. `decide` may run more than once: it must change nothing but what a rerun corrects. */
  step<R>(decide: Decide<R>, options: StepOptions = NO_OPTIONS): R | Promise<R> {
    const work = () => this.#decide(decide, options.roomBytes ?? 0)
    const { outer, signal } = options
    const result = outer ? outer.runBoth(this.lock, work, true, signal) : this.lock.run(work, true, signal)
    if (result instanceof Promise) return result.then((settled) => this.#after(settled, decide, options))
    return this.#after(result, decide, options)
  }

  /** One step, at once; undefined, and nothing was decided, where the lock is taken or it takes more than one. */
  stepNow<R>(decide: Decide<R>): R | undefined {
    const result = this.lock.runNow(() => this.#decide(decide, 0), true)
    if (result === undefined || result === ANEW) return undefined
    if (!this.journal.durable && !this.#hardening) this.#harden().catch(this.#failed)
    return result === AGAIN ? undefined : result
  }

  #decide<R>(decide: Decide<R>, roomBytes: number): R | typeof AGAIN | typeof ANEW {
    this.journal.refresh()
    if (roomBytes > 0 && this.journal.makeRoom(roomBytes) === NOT_YET_DURABLE) return AGAIN
    const decision = decide(this.journal.state)
    const records = 'before' in decision ? decision.before : decision.records
    if (records.length > 0) {
      // Where room was made before, it was made for the records of the decision alone.
      const isAlone = records.every(({ kind }) => kind === 'synced')
      const carried = roomBytes === 0 && !isAlone ? this.carried(this.journal.state) : undefined
      if (this.journal.append(carried ? [...records, carried] : records) === NOT_YET_DURABLE) return AGAIN
    }
    return 'before' in decision ? ANEW : decision.result
  }

  #after<R>(result: R | typeof AGAIN | typeof ANEW, decide: Decide<R>, options: StepOptions): R | Promise<R> {
    if (result === AGAIN) return this.#harden().then(() => this.step(decide, options))
    if (result === ANEW) return this.step(decide, options)
    if (!this.journal.durable && !this.#hardening) this.#harden().catch(this.#failed)
    return result
  }

  /** Syncs the ruling file and records that it is durable. */
  #harden(): Promise<void> {
    this.#hardening ??= this.#hardenOnce().finally(() => {
      this.#hardening = undefined
    })
    return this.#hardening
  }

  async #hardenOnce(): Promise<void> {
    const { generation } = this.journal
    await this.#sync()
    await this.lock.run(() => {
      this.journal.refresh()
      this.journal.markDurable(generation)
    })
  }

  /** Leaves what rotted in the ruling file behind: a new generation in the other one, both durable. */
  async renew(): Promise<void> {
    await this.lock.run(() => this.journal.mend())
    await this.#harden()
    await this.lock.run(() => {
      this.journal.refresh()
      if (this.journal.durable) this.journal.roll()
    })
    await this.#harden()
  }

  /** Resolves when all that was written before the call is durable. */
  durable(): Promise<void> {
    return this.#sync()
  }

  /** A failed sync is final for what it covered: once more, in a new generation. */
  async #sync(): Promise<void> {
    if (!this.journal.poisoned) {
      try {
        await this.journal.sync()
        return this.lock.assertThere()
      } catch (error) {
        if (error instanceof RemovedError) throw error
        // Told below, if a new generation cannot be made durable either.
      }
    }
    await this.lock.run(() => {
      this.journal.refresh()
      if (this.journal.poisoned) this.journal.renew()
    })
    await this.journal.sync()
    this.lock.assertThere()
  }

  async close(): Promise<void> {
    await this.#hardening?.catch(ignore)
    await this.journal.idle()
    this.journal.close()
    this.lock.close()
  }
}

const NO_OPTIONS: StepOptions = Object.freeze({})

function ignore(): void {}
