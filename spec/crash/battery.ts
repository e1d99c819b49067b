// battery.ts: words (workloads.ts) against all disks that a crash in their last step can leave (states.ts), each put to
// trial (trial.ts). What is wrong with one is told by a name that makes it again: word '/' state ['/' state].

import type { Store } from '../../lib/store.ts'
import { RecordingDisk } from './recording-disk.ts'
import { type CrashState, crashStates, type StateOptions, stateNamed } from './states.ts'
import { newTold, type Subject, tryState, Written } from './trial.ts'
import { runWorkload } from './workloads.ts'

/** A store that can do all that the words ask for. */
export interface FullSubject extends Subject {
  open(...args: Parameters<Subject['open']>): Promise<Store>
}

export interface Failure {
  readonly name: string
  readonly wrong: readonly string[]
}

export interface Result {
  states: number
  readonly failures: Failure[]
}

export interface BatteryOptions extends StateOptions {
  /** How many crashes while it opens after each crash, and in how many of the states. Default: none. */
  readonly again?: { readonly every: number; readonly limit: number }
  /** Crashes in every step, for words whose shorter ones are not tried by themselves. Default: in the last one. */
  readonly whole?: boolean
}

/** Tries the crashes of a word. */
export async function tryWord(word: string, subject: FullSubject, options: BatteryOptions = {}): Promise<Result> {
  const result: Result = { states: 0, failures: [] }
  const disk = new RecordingDisk()
  const last = await runWorkload(word, disk, (process) => subject.open(process, newTold()))
  const from = options.whole ? 0 : last
  const written = new Written()
  const again = options.again
  for (const state of crashStates(disk.log, { ...options, from })) {
    if (again && result.states % again.every === 0) {
      await tryAgain(stateNamed(disk.log, state.name, options), { word, subject, options, result })
    }
    await tryOne(state, { name: `${word}/${state.name}`, subject, result, written })
  }
  return result
}

interface Again {
  readonly word: string
  readonly subject: FullSubject
  readonly options: BatteryOptions
  readonly result: Result
}

/** Crashes while the queue opens after a crash. */
async function tryAgain(outer: CrashState, { word, subject, options, result }: Again): Promise<void> {
  const inner = await recovery(outer, subject)
  for (const state of crashStates(outer.disk.log, {
    ...inner,
    seed: options.seed ?? 1,
    limit: options.again?.limit ?? 1,
  })) {
    await tryOne(state, { name: `${word}/${outer.name}/${state.name}`, subject, result })
  }
}

/** Opens and closes the queue on a state's disk; what its crash states are made with. */
async function recovery({ disk, kind }: CrashState, subject: FullSubject): Promise<StateOptions> {
  const from = disk.log.length
  const process = disk.process()
  try {
    const store = await subject.open(process, newTold())
    await store.close()
  } catch {
    // The state itself is tried too, and tells it.
  } finally {
    process.kill()
  }
  // After a power cut that was free to lose what was not durable, a kill has nothing more to keep.
  const kinds = kind === 'cut' && !subject.disk ? (['cut'] as const) : (['kill', 'cut'] as const)
  return { start: disk.start, bootId: disk.boot, from, kinds }
}

interface Trying {
  readonly name: string
  readonly subject: FullSubject
  readonly result: Result
  readonly written?: Written
}

async function tryOne(state: CrashState, { name, subject, result, written }: Trying): Promise<void> {
  result.states++
  underTrial = name
  const wrong = await tryState(state, subject, written)
  underTrial = ''
  if (wrong.length > 0) result.failures.push({ name, wrong })
}

/** Runs one state again by its name. */
export async function tryNamed(name: string, subject: FullSubject): Promise<string[]> {
  const [word = '', outer = '', inner] = name.split('/')
  const disk = new RecordingDisk()
  await runWorkload(word, disk, (process) => subject.open(process, newTold()))
  const state = stateNamed(disk.log, outer)
  if (inner === undefined) return tryState(state, subject)
  const options = await recovery(state, subject)
  return tryState(stateNamed(state.disk.log, inner, options), subject)
}

/** A trial that never ends would say nothing of itself. */
let underTrial = ''
process.on('exit', () => {
  if (underTrial !== '') console.log(`the trial of ${underTrial} never ended`)
})
