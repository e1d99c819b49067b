// step-lock.ts: a lock between processes, threads and handles, for steps of a few microseconds. A step is synchronous:
// nothing is ever awaited under the lock. Whoever finds it taken tries again at once for some tens of microseconds,
// then once in each turn of the event loop, then stands in the line (lock-share.ts).
//
// Where it was taken some milliseconds ago too, others want it all the time: then whoever finds it taken goes to the line
// at once. They take turns of a thousand steps then instead of single ones, and need not read what the others did.
//
// The lock's file names who changed something under it last, by eight random bytes of each handle. Where that is oneself,
// nobody else has, and one short read tells so in place of several. It is written before the change, and never by a
// step that only looks: those who wait are woken by each write to the folder, and would wake each other for ever. The
// bytes mean nothing to anybody but handles that are open: it doesn't matter what a power cut makes of them.

import type { DiskFile, FileIdentity } from '../disk/disk.ts'
import { onAbort } from '../wait/aborts.ts'
import { monotonicMs } from '../wait/host-clock.ts'
import { getU32, putU32 } from './bytes.ts'
import { LockShare, type OpenLine } from './lock-share.ts'
import { LockWaits, type Patience } from './lock-waits.ts'
import { assertLinked } from './removed.ts'

const RARELY_TAKEN: Patience = { spins: 8, turns: 8 }
const OFTEN_TAKEN: Patience = { spins: 2, turns: 0 }
const OFTEN_MS = 10

const TAKEN = Symbol('taken')

const NAME_BYTES = 8

export class StepLock {
  /** Another one whenever somebody else may have changed something in between, or a step of one's own was cut short. */
  epoch = 0
  /** Held now, and its file has this handle's name. */
  #mine = false
  /** When a step last found it taken and got it. */
  #takenAt = -Infinity
  #removed: unknown
  readonly #file: DiskFile
  readonly #elapsed: () => number
  readonly share: LockShare
  /** Ends what waits for it without a signal of its own: an opening's. */
  signal: AbortSignal | undefined
  /** Hears of who waits longer than a second, of what, and how long. */
  onLong: ((file: DiskFile, waitedMs: number) => void) | undefined
  readonly #waits: LockWaits
  readonly #name = Buffer.alloc(NAME_BYTES)
  readonly #last = Buffer.alloc(NAME_BYTES)

  /** `random` gives whole numbers below 2^32, `elapsedMs` milliseconds, by a clock of the host. */
  constructor(
    file: DiskFile,
    random: () => number,
    { elapsedMs = monotonicMs, line = none }: { readonly elapsedMs?: () => number; readonly line?: OpenLine } = {},
  ) {
    this.#file = file
    this.#elapsed = elapsedMs
    putU32(this.#name, 0, random())
    putU32(this.#name, 4, random())
    this.share = new LockShare(line, this.#name, elapsedMs)
    this.#waits = new LockWaits(this.share, random, elapsedMs)
    this.#waits.onLong = (ms) => this.onLong?.(this.#file, ms)
  }

  /** Of its file, which is never replaced while the queue is there. */
  identity(): FileIdentity {
    return this.#file.identity()
  }

  /**
   * Runs the step under the lock: at once where the lock is free. `looks`: it changes nothing before `takeOver`. Rejects with
   * the signal's reason where that comes first; then it has not run, and never will.
   */
  run<R>(step: () => R, looks = false, signal = this.signal): R | Promise<R> {
    const result = this.#mayTry ? this.#try(step, looks) : TAKEN
    return result === TAKEN ? this.#wait(() => this.#try(step, looks), signal) : result
  }

  /** Runs the step if the lock is free; undefined where it is not. */
  runNow<R>(step: () => R, looks = false): R | undefined {
    const result = this.#mayTry ? this.#try(step, looks) : TAKEN
    return result === TAKEN ? undefined : result
  }

  get #mayTry(): boolean {
    return !this.share.isOver && this.#waits.isEmpty
  }

  /** Throws where its file was removed, or the folder: what it guards may have other guards by now. So does each later step. */
  assertThere(): void {
    try {
      assertLinked(this.#file)
    } catch (error) {
      this.#removed = error
      throw error
    }
  }

  #try<R>(step: () => R, looks: boolean): R | typeof TAKEN {
    if (this.#removed !== undefined) throw this.#removed
    if (!this.#file.tryLock()) return TAKEN
    try {
      this.#mine = this.#isMine()
      if (!this.#mine) this.epoch += 1
      if (!looks) this.takeOver()
      const result = step()
      this.share.stepped()
      return result
    } catch (error) {
      this.epoch += 1
      throw error
    } finally {
      this.#file.unlock()
    }
  }

  #isMine(): boolean {
    const [name, last] = [this.#name, this.#last]
    const read = this.#file.read(last, 0, NAME_BYTES, 0)
    return read === NAME_BYTES && getU32(last, 0) === getU32(name, 0) && getU32(last, 4) === getU32(name, 4)
  }

  /** Under the lock, before anything is changed: the others are to look for it. */
  takeOver(): void {
    if (this.#mine) return
    this.#file.write(this.#name, 0)
    this.#mine = true
  }

  #wait<R>(attempt: () => R | typeof TAKEN, signal: AbortSignal | undefined): Promise<R> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const patience = this.#elapsed() - this.#takenAt < OFTEN_MS ? OFTEN_TAKEN : RARELY_TAKEN
    return new Promise((resolve, reject) => {
      const tried = (): boolean => {
        try {
          const result = attempt()
          if (result === TAKEN) return false
          this.#takenAt = this.#elapsed()
          resolve(result)
        } catch (error) {
          reject(error)
        }
        unlisten?.()
        return true
      }
      const aborted = (): void => {
        this.#waits.drop(tried)
        unlisten?.()
        reject(signal?.reason)
      }
      const unlisten = signal && onAbort(signal, aborted)
      this.#waits.add(tried, patience)
    })
  }

  /** Runs the step under this lock and another, in this order. */
  runBoth<R>(inner: StepLock, step: () => R, looks = false, signal = this.signal): R | Promise<R> {
    // Where the inner lock is taken by somebody who may be waiting for the outer one: let go of both and try again.
    const both = () => this.#try(() => inner.#try(step, looks), looks)
    const result = this.#mayTry ? both() : TAKEN
    return result === TAKEN ? this.#wait(both, signal) : result
  }

  close(): void {
    this.share.close()
    this.#file.close()
  }
}

function none(): undefined {}
