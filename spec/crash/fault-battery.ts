// fault-battery.ts: words on a disk of which one call fails, or all from one on, and what must come of it.
//
//      open ──▶ the steps, with the fault ──▶ [once: the cause is gone, a put and a pop work] ──▶ close
//           ──▶ no file is left open ──▶ what is on the disk is put to trial (trial.ts): as it is, and after a power cut
//
// A call that fails rejects with a StorageError and is tried no more; the next step goes on, with the same handle where
// there is one. Nothing of it is ever told as damage.
//
//      name = word '/' fault ['/' state]      fault = call number ':' code [bytes got through] ':' ('once' | 'forever')
//                                              or     's' sync number ':' loss

import { SettledError, StorageError } from '../../lib/errors.ts'
import { type BatteryOptions, type FullSubject, Known, newResult, type Result } from './battery.ts'
import type { CrashState } from './crash-state.ts'
import { type Fault, FaultDisk } from './fault-disk.ts'
import { Program } from './program.ts'
import { RecordingDisk } from './recording-disk.ts'
import { crashStates, stateNamed } from './states.ts'
import { type How, newTold, type Told, Trials } from './trial.ts'

const CODES = ['EIO', 'ENOSPC', 'EACCES', 'EMFILE', 'EDQUOT'] as const
const LOSSES = ['kept', 'lost', 'half'] as const
/**
 * File systems journal their names, and stop rather than forget one: a sync of a folder that ends well after one that
 * failed makes names durable. Bytes whose sync failed are lost for ever.
 */
const forgives = true
/** Behind a sync of a word of so many letters every point is crashed at; of a longer one its end. */
const SHORT_WORD = 2
/** What of a write gets through. */
const SHORT = [1, 16, 31, 40, 63, 600]

export type FaultOptions = Pick<BatteryOptions, 'seed' | 'limit' | 'step'>

/** Which calls fail: each, in every way; or each sync, with each loss. */
export type FaultKind = 'calls' | 'syncs'

export class FaultBattery {
  readonly #subject: FullSubject
  readonly #kind: FaultKind
  readonly #options: FaultOptions
  readonly #trials: Trials

  /** `options`: which crashes are tried at each point of the log from a failed sync on, and behind a failed call. */
  constructor(subject: FullSubject, kind: FaultKind, options: FaultOptions) {
    this.#subject = subject
    this.#kind = kind
    this.#options = options
    this.#trials = new Trials(subject)
  }

  get disks(): number {
    return this.#trials.disks
  }

  /** `states`: how many faults were met; `again`: how many crashes after one were tried. */
  async try(word: string): Promise<Result> {
    const result = newResult()
    const known = new Known()
    const names = this.#kind === 'calls' ? callFaults : syncFaults
    const { step = 1 } = this.#options
    for (const name of names(await this.#calls(word), step)) {
      const run = new FaultRun(this.#subject, word, faultOf(name))
      const wrong = await run.run()
      if (!run.wasMet) continue
      result.states++
      if (wrong.length > 0) result.failures.push({ name: `${word}/${name}`, wrong })
      else await this.#crashes(run, `${word}/${name}`, { result, known })
    }
    return result
  }

  /** What is wrong with one of them, or with a crash after it. */
  async named(name: string): Promise<string[]> {
    const [word = '', fault = '', state] = name.split('/')
    const run = new FaultRun(this.#subject, word, faultOf(fault))
    const wrong = await run.run()
    if (state === undefined) return wrong
    const crashed = stateNamed(run.disk.log, state, { forgives })
    return this.#trials.try(crashed, this.#howOf(run, crashed))
  }

  async #crashes(run: FaultRun, name: string, { result, known }: Trying): Promise<void> {
    const { disk, metAt } = run
    const { seed = 1, limit = Number.POSITIVE_INFINITY } = this.#options

    const { length } = disk.log
    const isShort = name.indexOf('/') <= SHORT_WORD
    const from = this.#kind === 'syncs' && isShort ? metAt : length
    // Where nothing worked any more the process could not even write down what it had not synced: a power cut once the
    // disk works again, without a restart between, may take that too (docs/reliability.md, limits).
    const kinds = run.isForever ? (['kill'] as const) : (['kill', 'cut'] as const)
    for (const state of crashStates(disk.log, { seed, limit, from, forgives, kinds })) {
      if (!known.learn(state)) continue
      result.again++
      const wrong = await this.#trials.try(state, this.#howOf(run, state))
      if (wrong.length > 0) result.failures.push({ name: `${name}/${state.name}`, wrong })
    }
  }

  /** What a failed sync let go is gone as after a power cut, though only the process died: that is told then. */
  #howOf(run: FaultRun, { kind }: CrashState): How {
    return { cut: this.#kind === 'syncs' || kind === 'cut', letGo: run.letsGo && kind === 'kill' }
  }

  /** How many calls the word makes without a fault, of each kind. */
  async #calls(word: string): Promise<Calls> {
    const run = new FaultRun(this.#subject, word, undefined)
    const wrong = await run.run()
    if (wrong.length > 0) throw new Error(`${word} without any fault: ${wrong.join('\n')}`)
    const { calls } = run.faults
    const writes = (calls.get('write') ?? 0) + (calls.get('writeAside') ?? 0)
    return { all: calls.get('all') ?? 0, writes, syncs: calls.get('sync') ?? 0, folders: calls.get('syncFolder') ?? 0 }
  }
}

interface Trying {
  readonly result: Result
  readonly known: Known
}

interface Calls {
  readonly all: number
  readonly writes: number
  readonly syncs: number
  readonly folders: number
}

function* callFaults({ all, writes }: Calls, step: number): Generator<string> {
  for (const times of ['once', 'forever']) {
    for (let at = 1; at <= all; at += step) for (const code of CODES) yield `${at}:${code}:${times}`
    // Of these the at-th write fails.
    for (let at = 1; at <= writes; at += step) for (const short of SHORT) yield `${at}:ENOSPC${short}:${times}`
  }
}

function* syncFaults({ syncs, folders }: Calls, step: number): Generator<string> {
  for (let at = 1; at <= syncs; at += step) for (const loss of LOSSES) yield `s${at}:${loss}`
  for (let at = 1; at <= folders; at++) yield `f${at}:kept`
}

function faultOf(name: string): Fault {
  const [, call, at, what = '', short, times] = /^([sf]?)(\d+):([A-Za-z]+)(\d*):?(\w*)$/.exec(name) ?? []
  if (call === 's' || call === 'f') {
    const loss = LOSSES.find((each) => each === what) ?? 'kept'
    return { at: Number(at), call: call === 's' ? 'sync' : 'syncFolder', code: 'EIO', loss }
  }
  const code = CODES.find((each) => each === what) ?? 'EIO'
  const fault = { at: Number(at), code, times: times === 'forever' ? 'forever' : 'once' } as const
  return short ? { ...fault, short: Number(short), onlyWrites: true } : fault
}

/** One word, once, with one fault. */
class FaultRun {
  readonly disk = new RecordingDisk()
  readonly faults: FaultDisk
  /** How long the log was when the fault was met. */
  metAt = 0
  readonly #told: Told = newTold()
  readonly #program: Program
  readonly #word: string
  readonly #wrong: string[] = []
  readonly isForever: boolean
  /** Its sync fails, and lets pages go. */
  readonly letsGo: boolean

  constructor(subject: FullSubject, word: string, fault: Fault | undefined) {
    this.faults = new FaultDisk(this.disk.process(), fault)
    this.faults.failing = () => {
      this.metAt ||= this.disk.log.length
    }
    this.#word = word
    this.isForever = fault?.times === 'forever'
    this.letsGo = fault?.loss === 'lost' || fault?.loss === 'half'
    this.#program = new Program(this.disk, (chance) => subject.open(this.faults, this.#told, chance))
  }

  get wasMet(): boolean {
    return this.faults.failures > 0
  }

  async run(): Promise<string[]> {
    await this.#step(async () => undefined)
    for (const letter of this.#word) await this.#step(() => this.#program.step(letter))
    await settled()
    if (this.isForever) await this.#step(() => this.#program.close())
    if (this.isForever && !this.#program.isOpen) this.#noFiles()
    this.faults.setFault(undefined)
    await this.#afterwards()
    const { corruptions } = this.#told
    const untrue = corruptions.filter(({ unsynced }) => !(unsynced && this.letsGo))
    for (const corruption of untrue) this.#say(`is told as damage: ${JSON.stringify(corruption)}`)
    return this.#wrong
  }

  /** What a user does: what fails is not tried again, and the next thing goes on. */
  async #step(act: () => Promise<unknown>): Promise<void> {
    try {
      if (!this.#program.isOpen) await this.#program.open()
      await act()
    } catch (error) {
      const isTold = error instanceof StorageError || (error instanceof SettledError && this.wasMet)
      if (!isTold || !this.wasMet) this.#say(`fails: ${error instanceof Error ? error.stack : error}`)
    }
    if (!this.#program.isOpen) this.#noFiles()
  }

  /** The cause is gone: all works again. */
  async #afterwards(): Promise<void> {
    try {
      if (!this.#program.isOpen) await this.#program.open()
      await this.#program.step('1')
      await this.#program.step('p')
      await this.#program.close()
    } catch (error) {
      this.#say(`does not work again: ${error instanceof Error ? error.stack : error}`)
    }
    this.#noFiles()
  }

  #noFiles(): void {
    if (this.faults.openFiles !== 0) this.#say(`${this.faults.openFiles} files are left open`)
  }

  #say(wrong: string): void {
    this.#wrong.push(wrong)
  }
}

/** What is done in the background has two turns for it. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
}
