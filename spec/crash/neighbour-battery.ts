// neighbour-battery.ts: crashes where two processes use one queue.
//
//   'death:L'     A works; B opens and does the step L, and dies at each of its changing calls, a write cut at various
//                 bytes; A goes on, and the crash comes at any point from B's beginning on
//   'pair:3:L'    A does one step and B another at the same time, on a disk whose syncs take long, so that each stands
//                 in the middle of its own when the crash comes
//
// What A is told meanwhile has to be right too: what B held is ready again, nothing is damage, nothing fails.
//
//      name = piece [':' call ':' cut] '/' state

import { type BatteryOptions, type Failure, type FullSubject, Known, newResult, type Result } from './battery.ts'
import { logSubject } from './log-subject.ts'
import { Program } from './program.ts'
import { RecordingDisk } from './recording-disk.ts'
import { SpecClock } from './spec-clock.ts'
import { crashStates, stateNamed } from './states.ts'
import { newTold, Trials } from './trial.ts'
import { slowSyncs } from './workloads.ts'

/** How much of its last write the dying process leaves. */
const CUTS = [0, 1, 4, 16, 31, 32, 33, 63, 64, 100, 600, 1055, 1056, 1057, 1100]
const MOST_CALLS = 100
/** What a call leaves in the log: the write that it was cut in, and what came before. */
const LAST_OPS = 2
const BEFORE = '3Bp1B'
const AFTER = '1p3Bp'

/** What happened until the crash. */
interface History {
  readonly disk: RecordingDisk
  /** Where in the log B began. */
  readonly from: number
  /** How long the write was that B died in; 0: it was none; undefined: it didn't die. */
  readonly deadly: number | undefined
  readonly wrong: readonly string[]
}

export class NeighbourBattery {
  readonly #options: BatteryOptions
  readonly #trials: Trials

  constructor(subject: FullSubject, options: BatteryOptions) {
    this.#options = options
    this.#trials = new Trials(subject)
  }

  get disks(): number {
    return this.#trials.disks
  }

  /** `again`: how often B died. */
  async try(piece: string): Promise<Result> {
    const result = newResult()
    if (piece.startsWith('pair')) await this.#crashes(piece, await history(piece), result)
    else await this.#deaths(piece, result)
    return result
  }

  async named(name: string): Promise<string[]> {
    const [piece = '', state] = name.split('/')
    const { disk, wrong } = await history(piece)
    return state === undefined ? [...wrong] : this.#trials.try(stateNamed(disk.log, state))
  }

  async #deaths(piece: string, result: Result): Promise<void> {
    const { step = 1 } = this.#options
    for (let call = 1; call < MOST_CALLS; call += step) {
      for (const cut of CUTS) {
        const name = `${piece}:${call}:${cut}`
        const past = await history(name)
        if (past.deadly === undefined) return
        // Where it died in no write, or in a shorter one, there is nothing more to be cut.
        if (cut > 0 && cut >= past.deadly) break
        result.again++
        await this.#crashes(name, past, result)
      }
    }
  }

  async #crashes(name: string, { disk, from, wrong }: History, result: Result): Promise<void> {
    const { seed = 1, limit = Number.POSITIVE_INFINITY } = this.#options
    const tell = (failure: Failure) => result.failures.push(failure)
    if (wrong.length > 0) tell({ name, wrong })
    const known = new Known()
    for (const state of crashStates(disk.log, { from, seed, limit })) {
      if (!known.learn(state)) continue
      result.states++
      const said = await this.#trials.try(state)
      if (said.length > 0) tell({ name: `${name}/${state.name}`, wrong: said })
    }
  }
}

async function history(name: string): Promise<History> {
  const [kind, one = '', other = '', cut = ''] = name.split(':')
  const scene = new Scene()
  await scene.begin()
  return kind === 'pair' ? scene.pair(one, other) : scene.death(one, Number(other), Number(cut))
}

class Scene {
  readonly #disk = new RecordingDisk()
  readonly #clock = new SpecClock()
  readonly #told = newTold()
  readonly #near = this.#disk.process()
  readonly #far = this.#disk.process()
  readonly #a: Program
  readonly #b: Program
  #from = 0

  constructor() {
    const subject = logSubject('disk', this.#clock)
    this.#a = new Program(this.#disk, (chance) => subject.open(this.#near, this.#told, chance), 1)
    this.#b = new Program(this.#disk, (chance) => subject.open(this.#far, newTold(), chance), 1001)
  }

  async begin(): Promise<void> {
    await this.#a.open()
    for (const letter of BEFORE) await this.#a.step(letter)
    this.#from = this.#disk.log.length
  }

  /** Each does its step, and neither waits for the other. */
  async pair(one: string, other: string): Promise<History> {
    const wrong: string[] = []
    await this.#b.open()
    this.#from = this.#disk.log.length
    const stop = slowSyncs(this.#disk)
    try {
      await Promise.all([this.#a.step(one), this.#b.step(other)])
      await settled()
    } catch (error) {
      wrong.push(`fails: ${error instanceof Error ? error.stack : error}`)
    } finally {
      stop()
    }
    return this.#end(wrong, undefined)
  }

  async death(step: string, call: number, cut: number): Promise<History> {
    const wrong: string[] = []
    this.#far.dieAt(call, cut)
    await this.#dying(step)
    // What could crash before its last call could with a call that came earlier.
    this.#from = Math.max(this.#from, this.#disk.log.length - LAST_OPS)
    const deadly = this.#far.dead ? this.#far.deadly : undefined
    if (!this.#far.dead) this.#far.kill()
    this.#b.orphan()
    try {
      await this.#goOn(wrong)
    } catch (error) {
      wrong.push(`fails: ${error instanceof Error ? error.stack : error}`)
    }
    return this.#end(wrong, deadly)
  }

  async #dying(step: string): Promise<void> {
    try {
      await this.#b.open()
      if (step !== '') await this.#b.step(step)
    } catch {
      // It died, which is what it was there for.
    }
  }

  async #goOn(wrong: string[]): Promise<void> {
    this.#clock.pass(1000)
    for (const letter of AFTER) await this.#a.step(letter)
    const { inFlight } = await this.#a.store.counts()
    if (inFlight > 0) wrong.push(`${inFlight} items that the dead one held are not ready again`)
    await this.#a.close()
  }

  #end(wrong: string[], deadly: number | undefined): History {
    for (const corruption of this.#told.corruptions) wrong.push(`is told as damage: ${JSON.stringify(corruption)}`)
    for (const failure of this.#told.failures) wrong.push(`tells a failure: ${failure.stack}`)
    this.#near.kill()
    this.#far.kill()
    return { disk: this.#disk, from: this.#from, deadly, wrong }
  }
}

/** What is done in the background has two turns for it. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
}
