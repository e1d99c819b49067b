// step-lock.ts: a lock between processes, threads and handles, for steps of a few microseconds. A step is synchronous:
// nothing is ever awaited under the lock. Whoever finds it taken tries again at once for some tens of microseconds,
// then once in each turn of the event loop, then after pauses of up to 2 ms.

import type { DiskFile } from '../disk/disk.ts'
import { pause } from '../wait/pause.ts'
import { turn } from '../wait/turn.ts'

const SPINS = 8
const TURNS = 8
const LONGEST_PAUSE_MS = 2

const TAKEN = Symbol('taken')

export class StepLock {
  readonly #file: DiskFile
  readonly #random: () => number

  /** `random` gives whole numbers below 2^32. */
  constructor(file: DiskFile, random: () => number) {
    this.#file = file
    this.#random = random
  }

  /** Runs the step under the lock: at once where the lock is free. */
  run<R>(step: () => R): R | Promise<R> {
    const result = this.#try(step)
    return result === TAKEN ? this.#insist(step) : result
  }

  #try<R>(step: () => R): R | typeof TAKEN {
    if (!this.#file.tryLock()) return TAKEN
    try {
      return step()
    } finally {
      this.#file.unlock()
    }
  }

  async #insist<R>(step: () => R): Promise<R> {
    for (let tries = 1; ; tries++) {
      const result = this.#try(step)
      if (result !== TAKEN) return result
      if (tries > SPINS + TURNS) await pause((this.#random() / 2 ** 32) * LONGEST_PAUSE_MS)
      else if (tries > SPINS) await turn()
    }
  }

  /** Runs the step under this lock and another, in this order. */
  runBoth<R>(inner: StepLock, step: () => R): R | Promise<R> {
    const both = () => inner.#try(step)
    const result = this.#try(both)
    return result === TAKEN ? this.#insistBoth(both) : result
  }

  /** The inner lock is taken by somebody who may be waiting for the outer one: let go of both and try again. */
  async #insistBoth<R>(both: () => R | typeof TAKEN): Promise<R> {
    for (;;) {
      const result = await this.run(both)
      if (result !== TAKEN) return result
      await turn()
    }
  }

  close(): void {
    this.#file.close()
  }
}
