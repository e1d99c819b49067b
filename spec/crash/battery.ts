// battery.ts: words (workloads.ts) against all disks that a crash in their last step can leave (states.ts), each put to
// trial (trial.ts). What is wrong with one is told by a name that makes it again: word '/' state ['/' state].
//
// What counts as a state: bytes on a disk together with what had been promised by then, once for each word. A word's
// crashes before its last step are those of the word without it, and are neither tried nor counted again.

import type { Store } from '../../lib/store.ts'
import type { CrashState } from './crash-state.ts'
import { RecordingDisk } from './recording-disk.ts'
import { crashStates, type StateOptions, stateNamed } from './states.ts'
import { type How, newTold, type Subject, Trials } from './trial.ts'
import { parsed, runWorkload } from './workloads.ts'
import { Written } from './written.ts'

/** A store that can do all that the words ask for. */
export interface FullSubject extends Subject {
  open(...args: Parameters<Subject['open']>): Promise<Store>
}

export interface Failure {
  readonly name: string
  readonly wrong: readonly string[]
}

export interface Result {
  /** Crashes, and crashes while the queue opened after one. */
  states: number
  again: number
  readonly failures: Failure[]
}

export interface BatteryOptions extends Pick<StateOptions, 'seed' | 'limit' | 'coarse'> {
  /** How many crashes while it opens after each crash, and in how many of the states. Default: none. */
  readonly again?: { readonly every: number; readonly limit: number }
  /** Of calls that fail: only each n-th. Default: each. */
  readonly step?: number
  /** Crashes in every step, for words whose shorter ones are not tried by themselves. Default: in the last one. */
  readonly whole?: boolean
}

export function newResult(): Result {
  return { states: 0, again: 0, failures: [] }
}

/** Tries the crashes of a word. */
export function tryWord(word: string, subject: FullSubject, options: BatteryOptions = {}): Promise<Result> {
  return new Battery(subject, options).try(word)
}

/** Word after word: what was found out about a disk for one need not be found out again for another. */
export class Battery {
  readonly #subject: FullSubject
  readonly #options: BatteryOptions
  readonly #trials: Trials

  constructor(subject: FullSubject, options: BatteryOptions = {}) {
    this.#subject = subject
    this.#options = options
    this.#trials = new Trials(subject)
  }

  /** How many disks were opened for it. */
  get disks(): number {
    return this.#trials.disks
  }

  async try(word: string): Promise<Result> {
    const result = newResult()
    const disk = new RecordingDisk()
    const last = await runWorkload(word, disk, (process, chance) => this.#subject.open(process, newTold(), chance))
    const { again, whole, ...options } = this.#options
    const written = new Written()
    const [known, knownAgain] = [new Known(), new Known()]
    const from = whole || last === 0 ? 0 : last + 1
    for (const state of crashStates(disk.log, { ...options, from, calm: parsed(word).calm })) {
      if (!known.learn(state)) continue
      result.states++
      const name = () => `${word}/${state.name}`
      await this.#tryOne(state, name, { result, written })
      if (again && result.states % again.every === 0) await this.#tryAgain(state, name, { result, known: knownAgain })
    }
    return result
  }

  /** Runs one state again by its name. */
  async named(name: string): Promise<string[]> {
    const [word = '', outer = '', inner] = name.split('/')
    const disk = new RecordingDisk()
    await runWorkload(word, disk, (process, chance) => this.#subject.open(process, newTold(), chance))
    const state = stateNamed(disk.log, outer, { calm: parsed(word).calm })
    if (inner === undefined) return this.#trials.try(state)
    const { log, options } = await recovery(state, this.#subject)
    const again = stateNamed(log, inner, options)
    return this.#trials.try(again, { cut: state.kind === 'cut' || again.kind === 'cut' })
  }

  /** Crashes while the queue opens after a crash. */
  async #tryAgain(outer: CrashState, name: () => string, { result, known }: Inner): Promise<void> {
    const { log, options } = await recovery(outer, this.#subject)
    const { seed = 1, again } = this.#options
    for (const state of crashStates(log, { ...options, seed, limit: again?.limit ?? 1 })) {
      if (!known.learn(state)) continue
      result.again++
      await this.#tryOne(state, () => `${name()}/${state.name}`, {
        result,
        cut: outer.kind === 'cut' || state.kind === 'cut',
      })
    }
  }

  async #tryOne(state: CrashState, name: () => string, { result, ...how }: Trying): Promise<void> {
    underTrial = name
    const wrong = await this.#trials.try(state, how)
    underTrial = undefined
    if (wrong.length > 0) result.failures.push({ name: name(), wrong })
  }
}

interface Inner {
  readonly result: Result
  readonly known: Known
}

interface Trying extends How {
  readonly result: Result
}

/** Which bytes were tried with which promises. */
export class Known {
  readonly #keys = new Set<string>()

  /** False where it was. */
  learn({ key, marks }: CrashState): boolean {
    const { size } = this.#keys
    return this.#keys.add(`${marks.length}\0${key}`).size > size
  }
}

interface Recovering {
  readonly log: RecordingDisk['log']
  /** What its crash states are made with. */
  readonly options: StateOptions
}

const RECOVERY = 2 ** 30 + 2

/** Opens, flushes and closes the queue on a state's disk. */
async function recovery(state: CrashState, subject: FullSubject): Promise<Recovering> {
  const disk = state.copy()
  const from = disk.log.length
  const process = disk.process()
  try {
    const store = await subject.open(process, newTold(), RECOVERY)
    await store.flush()
    await store.close()
  } catch {
    // The state itself is tried too, and tells it.
  } finally {
    process.kill()
  }
  return { log: disk.log, options: { start: disk.start, bootId: disk.boot, from } }
}

/** Runs one state again by its name. */
export function tryNamed(name: string, subject: FullSubject): Promise<string[]> {
  return new Battery(subject).named(name)
}

/** A trial that never ends would say nothing of itself. */
let underTrial: (() => string) | undefined
process.on('exit', () => {
  if (underTrial) console.log(`the trial of ${underTrial()} never ended`)
})
