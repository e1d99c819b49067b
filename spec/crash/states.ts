// states.ts: every disk that a crash could leave behind a recorded log, each with a name that makes it again.
//
//      k = 0, 1, 2 … ops happened, then
//        kill       the process died: all that was written stays, the last write cut at any byte; same boot
//        power cut  what is loose stays in part, torn or not at all (choices.ts); another boot
//
//      name = seed ':' k ':' ('kill' | 'kill@' bytes | choice)      such as '7:118:kill@40' or '7:118:-0.3~117@12z'
//
// A state whose bytes and promises were the same before is left out, so that a sync adds no states of its own.

import { type Choice, choiceOf, choices, inOrder, killCuts, textOf } from './choices.ts'
import { applyName, Content, type Inode } from './content.ts'
import { type CrashKind, type CrashState, LazyState } from './crash-state.ts'
import { Digest, type Random, randomOf } from './digest.ts'
import { Ledger, type LedgerOptions } from './ledger.ts'
import { Medium } from './medium.ts'
import type { Op, WriteOp } from './operations.ts'
import type { Mark } from './promises.ts'
import { RecordingDisk } from './recording-disk.ts'

export interface StateOptions extends LedgerOptions {
  readonly seed?: number
  /** At most so many power cuts and so many kills at each point of the log, chosen by the seed. Default: all. */
  readonly limit?: number
  /** The first and the last point of the log that count. Default: 0 and its end. */
  readonly from?: number
  readonly to?: number
  /** 'J': names persist in order, as in journaling file systems; 'P' (default): any of them, as POSIX allows. */
  readonly level?: 'J' | 'P'
  readonly kinds?: readonly CrashKind[]
  /** Kills leave a write cut at its first bytes and around sectors only. Default: at each of its bytes. */
  readonly coarse?: boolean
  /** What was on the medium before the log. */
  readonly start?: Content
  readonly bootId?: string
}

export function* crashStates(log: readonly Op[], options: StateOptions = {}): Generator<CrashState> {
  const walk = new Walk(log, options)
  const { from = 0, to = log.length, kinds = ['kill', 'cut'] } = options
  for (let k = 0; k <= to; k++) {
    if (k >= from && k > 0 && kinds.includes('kill')) yield* walk.tornKills()
    if (k > 0) walk.step()
    if (k < from) continue
    if (kinds.includes('kill')) yield* walk.kill()
    if (kinds.includes('cut')) yield* walk.cuts()
  }
}

/** The one state of that name; `start` and `bootId` as they were for `crashStates`. */
export function stateNamed(log: readonly Op[], name: string, options: StateOptions = {}): CrashState {
  const [, seed, prefix, what] = /^(-?\d+):(\d+):(.+)$/.exec(name) ?? []
  if (what === undefined) throw new Error(`not the name of a state: ${name}`)
  const walk = new Walk(log, { ...options, seed: Number(seed) })
  const k = Number(prefix)
  const isTorn = what.startsWith('kill@')
  while (walk.k < (isTorn ? k - 1 : k)) walk.step()
  if (isTorn) return walk.tornKill(Number(what.slice(5)))
  return what === 'kill' ? walk.killed() : walk.cut(what)
}

interface Point {
  readonly prefix: number
  readonly marks: readonly Mark[]
  readonly markOps: readonly Op[]
  readonly nextIno: number
}

/** One point of the log, moving on. */
class Walk {
  k = 0
  readonly #log: readonly Op[]
  readonly #start: Content
  readonly #seed: number
  readonly #limit: number
  readonly #level: 'J' | 'P'
  readonly #anywhere: boolean
  readonly #boot: string
  readonly #ledger: Ledger
  /** What the page cache holds. */
  readonly #live: Content
  readonly #marks: Mark[] = []
  readonly #seen = new Set<number>()
  #changes = 0
  #nextIno = 1

  constructor(log: readonly Op[], options: StateOptions) {
    this.#log = log
    this.#start = options.start ?? new Content()
    this.#seed = options.seed ?? 1
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY
    this.#level = options.level ?? 'P'
    this.#anywhere = options.coarse !== true
    this.#boot = options.bootId ?? 'boot 1'
    this.#ledger = new Ledger(this.#start, options)
    this.#live = this.#start.copy()
    for (const ino of this.#start.inodes.keys()) this.#nextIno = Math.max(this.#nextIno, ino + 1)
  }

  step(): void {
    const op = this.#log[this.k]
    if (!op) throw new Error(`the log has only ${this.k} ops`)
    this.k++
    this.#ledger.add(op)
    if (op.kind === 'mark') this.#marks.push(op.mark)
    if (op.kind === 'mark' || op.kind === 'sync' || op.kind === 'syncFolder') return
    this.#changes++
    if (op.kind === 'link') this.#nextIno = Math.max(this.#nextIno, op.ino + 1)
    if (op.kind === 'link') this.#live.inode(op.ino)
    if (op.kind === 'write' || op.kind === 'truncate') this.#live.inode(op.ino).apply(op)
    else applyName(this.#live.names, op)
  }

  *kill(): Generator<CrashState> {
    if (this.#isNew(new Digest().add(this.#changes).add(this.#marks.length).value)) yield this.killed()
  }

  killed(): CrashState {
    return this.#killed('kill', named(this.#live))
  }

  /** The kills within the write that comes next. */
  *tornKills(): Generator<CrashState> {
    const op = this.#log[this.k]
    if (op?.kind !== 'write' || op.dropped) return
    for (const cut of sample(killCuts(op.bytes.length, this.#anywhere), this.#limit, this.#random()))
      yield this.tornKill(cut)
  }

  tornKill(cut: number): CrashState {
    const op = this.#log[this.k]
    if (op?.kind !== 'write') throw new Error(`op ${this.k} is no write`)
    const torn: WriteOp = { ...op, bytes: op.bytes.subarray(0, cut) }
    const content = named(this.#live)
    content.inodes.get(op.ino)?.apply(torn)
    return this.#killed(`kill@${cut}`, content, torn)
  }

  *cuts(): Generator<CrashState> {
    const medium = new Medium(this.#ledger)
    const random = this.#random()
    const point = this.#point()
    const fresh: Choice[] = []
    for (const choice of choices(medium.units, this.#ledger, random, this.#limit)) {
      if (this.#level === 'J' && !inOrder(medium.units, choice, this.#ledger)) continue
      if (!this.#isNew(medium.digest(choice) + this.#marks.length)) continue
      if (this.#limit === Number.POSITIVE_INFINITY) yield this.#cut(medium, choice, point)
      else fresh.push(choice)
    }
    for (const choice of sample(fresh, this.#limit, random)) yield this.#cut(medium, choice, point)
  }

  cut(text: string): CrashState {
    const medium = new Medium(this.#ledger)
    return this.#cut(medium, choiceOf(text, medium.units.length), this.#point())
  }

  #cut(medium: Medium, choice: Choice, { prefix, marks, markOps, nextIno }: Point): CrashState {
    const start = medium.content(choice)
    const bootId = `${this.#boot}'`
    const seed = this.#seed
    return new LazyState({
      kind: 'cut',
      prefix,
      marks,
      content: start,
      bootId,
      name: () => `${seed}:${prefix}:${textOf(choice)}`,
      make: () => new RecordingDisk({ start, log: [...markOps], bootId, nextIno }),
    })
  }

  /** `torn`: what is left of the next op. */
  #killed(what: string, content: Content, torn?: WriteOp): CrashState {
    const { prefix, marks, nextIno } = this.#point()
    const start = this.#start
    const bootId = this.#boot
    const length = prefix + (torn ? 1 : 0)
    const log = () => [...this.#log.slice(0, prefix), ...(torn ? [torn] : [])]
    return new LazyState({
      kind: 'kill',
      prefix: length,
      marks,
      content,
      bootId,
      name: () => `${this.#seed}:${length}:${what}`,
      make: () => new RecordingDisk({ start, log: log(), content: content.copy(), bootId, nextIno }),
    })
  }

  /** What all power cuts at this point share. */
  #point(): Point {
    const marks = [...this.#marks]
    const markOps = marks.map((mark) => ({ kind: 'mark', mark }) as const)
    return { prefix: this.k, marks, markOps, nextIno: this.#nextIno }
  }

  #random(): Random {
    return randomOf(Math.imul(this.#seed, 0x9e3779b1) ^ this.k)
  }

  #isNew(digest: number): boolean {
    const { size } = this.#seen
    return this.#seen.add(digest).size > size
  }
}

/** A copy without the files that no name leads to. */
function named(content: Content): Content {
  const inodes = new Map<number, Inode>()
  for (const ino of content.names.values()) {
    const inode = content.inodes.get(ino)
    if (inode) inodes.set(ino, inode.copy())
  }
  return new Content(new Map(content.names), inodes)
}

/** The first two, and others by chance, in their order. */
function sample<T>(all: readonly T[], limit: number, random: Random): readonly T[] {
  if (all.length <= limit) return all
  const places = all.map((_, index) => ({ index, place: index < 2 ? index - 2 : random(2 ** 30) }))
  const chosen = places.sort((a, b) => a.place - b.place).slice(0, limit)
  return chosen.sort((a, b) => a.index - b.index).flatMap(({ index }) => all[index] ?? [])
}
