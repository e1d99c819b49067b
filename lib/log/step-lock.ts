// step-lock.ts: a lock between processes, threads and handles, for steps of a few microseconds. A step is synchronous:
// nothing is ever awaited under the lock. Whoever finds it taken tries again at once for some tens of microseconds,
// then once in each turn of the event loop, then after pauses of up to 2 ms.
//
// Where it was taken some milliseconds ago too, others want it all the time: then whoever finds it taken pauses soon, and
// for a millisecond somebody else has it alone. They take turns of a hundred steps then instead of single ones, and learn
// what the others did in those with one read: two processes put half as much again as where they try for longer.
//
// The lock's file names who changed something under it last, by eight random bytes of each handle. Where that is oneself,
// nobody else has, and one short read tells so in place of several. It is written before the change, and never by a
// step that only looks: those who wait are woken by each write to the folder, and would wake each other for ever. The
// bytes mean nothing to anybody but handles that are open: it doesn't matter what a power cut makes of them.

import type { DiskFile, FileIdentity } from '../disk/disk.ts'
import { pause } from '../wait/pause.ts'
import { elapsed } from '../wait/timers.ts'
import { turn } from '../wait/turn.ts'
import { getU32, putU32 } from './bytes.ts'
import { assertLinked } from './removed.ts'

/** Tries at once, then tries once a turn, before the first pause. */
interface Patience {
  readonly spins: number
  readonly turns: number
}

const RARELY_TAKEN: Patience = { spins: 8, turns: 8 }
const OFTEN_TAKEN: Patience = { spins: 2, turns: 0 }
const OFTEN_MS = 10
/** Whoever has paused in vain tries more often after each pause, up to so often: nobody is left behind. */
const MOST_SPINS = 12
const LONGEST_PAUSE_MS = 2

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
  readonly #random: () => number
  readonly #elapsed: () => number
  readonly #name = Buffer.alloc(NAME_BYTES)
  readonly #last = Buffer.alloc(NAME_BYTES)

  /** `random` gives whole numbers below 2^32, `elapsedMs` milliseconds from any start. */
  constructor(file: DiskFile, random: () => number, elapsedMs: () => number = elapsed) {
    this.#file = file
    this.#random = random
    this.#elapsed = elapsedMs
    putU32(this.#name, 0, random())
    putU32(this.#name, 4, random())
  }

  /** Of its file, which is never replaced while the queue is there. */
  identity(): FileIdentity {
    return this.#file.identity()
  }

  /** Runs the step under the lock: at once where the lock is free. `looks`: it changes nothing before `takeOver`. */
  run<R>(step: () => R, looks = false): R | Promise<R> {
    const result = this.#try(step, looks)
    return result === TAKEN ? this.#insist(step, looks) : result
  }

  /** Runs the step if the lock is free; undefined where it is not. */
  runNow<R>(step: () => R, looks = false): R | undefined {
    const result = this.#try(step, looks)
    return result === TAKEN ? undefined : result
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
      return step()
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

  async #insist<R>(step: () => R, looks: boolean): Promise<R> {
    let patience = this.#elapsed() - this.#takenAt < OFTEN_MS ? OFTEN_TAKEN : RARELY_TAKEN
    for (let tries = 1; ; tries++) {
      const result = this.#try(step, looks)
      if (result !== TAKEN) {
        this.#takenAt = this.#elapsed()
        return result
      }
      const { spins, turns } = patience
      if (tries <= spins) continue
      if (tries <= spins + turns) {
        await turn()
        continue
      }
      await this.#pause()
      patience = turns > 0 ? OFTEN_TAKEN : { spins: Math.min(spins + 2, MOST_SPINS), turns: 0 }
      tries = 0
    }
  }

  /** Runs the step under this lock and another, in this order. */
  runBoth<R>(inner: StepLock, step: () => R, looks = false): R | Promise<R> {
    const both = () => inner.#try(step, looks)
    const result = this.#try(both, looks)
    return result === TAKEN ? this.#insistBoth(both, looks) : result
  }

  /** The inner lock is taken by somebody who may be waiting for the outer one: let go of both and try again. */
  async #insistBoth<R>(both: () => R | typeof TAKEN, looks: boolean): Promise<R> {
    for (let tries = 1; ; tries++) {
      const result = await this.run(both, looks)
      if (result !== TAKEN) return result
      if (tries > RARELY_TAKEN.turns) await this.#pause()
      else await turn()
    }
  }

  #pause(): Promise<void> {
    return pause((this.#random() / 2 ** 32) * LONGEST_PAUSE_MS)
  }

  close(): void {
    this.#file.close()
  }
}
