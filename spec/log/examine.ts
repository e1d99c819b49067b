// examine.ts: what must come of a queue whose files were damaged: it opens or says why not, delivers what the damage
// did not touch, counts what it cost, keeps the bytes, goes on working, and the next opening has nothing new to tell.

import { codeOf } from '../../lib/disk/disk.ts'
import { QueueError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import type { Piece, StoreStats } from '../../lib/store.ts'
import type { Content } from '../crash/content.ts'
import { type Found, judge } from '../crash/oracle.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { documentsOf, FOLDER, itemsOf, newTold, openSmall, type SmallQueue, type Told } from './small-queue.ts'

export interface Damage {
  readonly name: string
  readonly path: string
  /** Which bytes are hit. */
  readonly from: number
  readonly to: number
  readonly content: Content
}

export interface Expected {
  /** Codes of errors that the opening may reject with. Default: none. */
  readonly errors?: readonly string[]
  /** Items that may be missing. Default: those of the frames that were hit. */
  readonly lost?: ReadonlySet<number>
  /** Names of files that are no part of the queue: they may stay. Default: none. */
  readonly foreign?: readonly string[]
  /** The bytes of lost frames have to be found in damaged/. Default: true. */
  readonly kept?: boolean
  /**
   * What was settled may come again: 'told', or in silence where nothing shows; and then, too, what was flushed since
   * may be taken for lost. Default: never.
   */
  readonly repeats?: 'told' | 'silent'
}

/** What a trial counted. */
export interface Tally {
  trials: number
  refused: number
  lossy: number
  lost: number
  repeated: number
}

export function newTally(): Tally {
  return { trials: 0, refused: 0, lossy: 0, lost: 0, repeated: 0 }
}

/** Everything that is wrong, in words. */
export async function examine(queue: SmallQueue, damage: Damage, expected: Expected, tally: Tally): Promise<string[]> {
  const examination = new Examination(queue, damage, expected, tally)
  try {
    await examination.run()
  } catch (error) {
    examination.wrong.push(`fails: ${error instanceof Error ? error.stack : String(error)}`)
  }
  tally.trials++
  return examination.wrong.map((wrong) => `${damage.name}: ${wrong}`)
}

interface Drained {
  readonly stats: StoreStats
  readonly failed: readonly Found[]
}

const ALL = 1_000_000
const AFTERWARDS = 'put after the damage'

class Examination {
  readonly wrong: string[] = []
  readonly #queue: SmallQueue
  readonly #damage: Damage
  readonly #expected: Expected
  readonly #tally: Tally
  readonly #disk: RecordingDisk

  constructor(queue: SmallQueue, damage: Damage, expected: Expected, tally: Tally) {
    this.#queue = queue
    this.#damage = damage
    this.#expected = expected
    this.#tally = tally
    this.#disk = new RecordingDisk({ start: damage.content })
  }

  async run(): Promise<void> {
    const told = newTold()
    const drained = await this.#opened(3, told, (store) => this.#drain(store, told))
    if (!drained) return
    const again = await this.#again()
    if (again) this.#nothingNew(again, drained)
  }

  /** Opens the queue in a process of its own, which leaves nothing open behind. */
  async #opened<R>(seed: number, told: Told, use: (store: LogStore, told: Told) => Promise<R>): Promise<R | undefined> {
    const process = this.#disk.process()
    try {
      const store = await openSmall(process, told, seed)
      const result = await use(store, told)
      await store.close()
      return result
    } catch (error) {
      const isExpected = error instanceof QueueError && this.#expected.errors?.includes(error.code)
      if (!isExpected) throw error
      this.#tally.refused++
      return undefined
    } finally {
      if (process.openFiles > 0) this.wrong.push(`${process.openFiles} files are left open`)
      process.kill()
    }
  }

  async #drain(store: LogStore, told: Told): Promise<Drained> {
    const found: Found[] = []
    for (let some = await store.pop(17); some.length > 0; some = await store.pop(17)) found.push(...foundIn(some))
    const failed = await listFailed(store)
    const stats = await store.stats()
    this.#judge(found, failed, stats.lost, told)
    await this.#goOn(store)
    const { failures } = told
    for (const failure of failures) this.wrong.push(`tells a failure: ${failure.stack}`)
    return { stats, failed }
  }

  #judge(found: readonly Found[], failed: readonly Found[], lost: number, told: Told): void {
    const mayMiss = this.#expected.lost ?? this.#hit()
    const mayRepeat = this.#expected.repeats !== undefined
    const sight = { found, aside: failed.filter(({ id }) => !found.some((each) => each.id === id)) }
    const { wrong, missing, repeated } = judge(sight, this.#queue.promised, { mayMiss, mayRepeat })
    this.wrong.push(...wrong)
    const again = found.filter(({ id }) => this.#queue.failed.includes(id)).map(({ id }) => id)
    this.#judgeLoss(missing, lost, told)
    this.#judgeRepeats([...repeated, ...again], told)
  }

  #judgeLoss(missing: readonly number[], lost: number, { corruptions }: Told): void {
    const isRight = (count: number) => count === missing.length || this.#expected.repeats === 'silent'
    if (!isRight(lost)) this.wrong.push(`${missing.length} are missing, but ${lost} are counted as lost`)
    const told = corruptions.reduce((sum, corruption) => sum + corruption.lost, 0)
    if (!isRight(told)) this.wrong.push(`${missing.length} are missing, but ${told} are told as lost`)
    if (missing.length === 0) return
    this.#tally.lossy++
    this.#tally.lost += missing.length
    if (this.#expected.kept !== false && !this.#isKept())
      this.wrong.push(`the damaged bytes are not kept: ${this.#keptNames().join(' ')}`)
  }

  #judgeRepeats(repeated: readonly number[], { corruptions }: Told): void {
    if (repeated.length === 0) return
    this.#tally.repeated++
    const { repeats } = this.#expected
    if (repeats === undefined) this.wrong.push(`delivered again: ${repeated.join(' ')}`)
    if (repeats === 'told' && corruptions.length === 0) {
      this.wrong.push(`delivered again, and nothing is told of damage: ${repeated.join(' ')}`)
    }
  }

  /** What was still to be delivered from the frames that were hit. */
  #hit(): Set<number> {
    const { path, from, to } = this.#damage
    if (path.includes('/failed/')) return new Set(this.#queue.failed)
    const hit = this.#queue.frames.filter((frame) => frame.path === path && from < frame.next && to > frame.offset)
    return new Set(hit.flatMap(({ ready }) => ready))
  }

  #keptNames(): string[] {
    return this.#disk.paths().filter((path) => path.startsWith(`${FOLDER}/damaged/`))
  }

  /** Some of the damaged bytes that are in a frame stand in damaged/. Where none are left, none can be kept. */
  #isKept(): boolean {
    const { path, from, to, content } = this.#damage
    const inode = content.inodes.get(content.names.get(path) ?? -1)
    if (!inode) return true
    const all = path.includes('/failed/') ? [{ path, offset: DATA_START, next: inode.size }] : this.#queue.frames
    const frames = all.filter((frame) => frame.path === path && from < frame.next && to > frame.offset)
    const kept = this.#keptNames().map((name) => Buffer.from(this.#disk.bytesOf(name)))
    const parts = frames.map(({ offset, next }) => [Math.max(from, offset), Math.min(to, next, inode.size)] as const)
    const isThere = ([start, end]: readonly [number, number]) => {
      const part = Buffer.from(inode.bytes.subarray(start, end))
      return (
        end <= start || kept.some((bytes) => bytes.includes(part) || (bytes.length > 0 && part.indexOf(bytes) === 0))
      )
    }
    return parts.length === 0 || parts.some(isThere)
  }

  /** Putting and taking work, under an id that nobody has seen, and what is settled goes when it is flushed. */
  async #goOn(store: LogStore): Promise<void> {
    const id = await store.append(documentsOf([AFTERWARDS]))
    if (id === undefined || id <= this.#queue.items.size) this.wrong.push(`the next item gets id ${id}, which was used`)
    const popped = itemsOf(await store.pop(ALL))
    if (popped.length !== 1 || popped[0]?.[1] !== AFTERWARDS)
      this.wrong.push(`what was put afterwards comes as ${popped}`)
    await store.flush()
    const { foreign = [] } = this.#expected
    const names = this.#disk.list(FOLDER).filter((name) => /^\d{20}\.\d+\.log$/.test(name))
    const segments = names.filter((name) => !foreign.includes(name))
    const bytes = segments.reduce((sum, name) => sum + this.#disk.bytesOf(`${FOLDER}/${name}`).length, 0)
    if (bytes > 1056) this.wrong.push(`a flush of the empty queue leaves ${segments.join(' ')} (${bytes} bytes)`)
  }

  /** The next opening. Disks of the same bytes are opened once: what comes of it follows from them. */
  async #again(): Promise<Again | undefined> {
    const known = knownOf(this.#queue)
    const key = this.#disk.key()
    const there = known.get(key)
    if (there) return there
    const again = await this.#opened(4, newTold(), async (store, told) => {
      const popped = foundIn(await store.pop(ALL))
      const { lost } = await store.stats()
      return { told, popped, lost, failed: await listFailed(store) }
    })
    if (again) known.set(key, again)
    return again
  }

  #nothingNew({ told, popped, lost, failed }: Again, before: Drained): void {
    for (const corruption of told.corruptions) this.wrong.push(`the second opening tells ${JSON.stringify(corruption)}`)
    for (const report of told.recovered) this.wrong.push(`the second opening recovers ${JSON.stringify(report)}`)
    for (const failure of told.failures) this.wrong.push(`the second opening tells ${codeOf(failure)} ${failure.stack}`)
    if (popped.length > 0) this.wrong.push(`the second opening delivers ${idsOf(popped)}`)
    if (lost !== before.stats.lost) this.wrong.push(`lost was ${before.stats.lost}, and is ${lost} afterwards`)
    if (idsOf(failed) !== idsOf(before.failed))
      this.wrong.push(`failed were ${idsOf(before.failed)}, and are ${idsOf(failed)}`)
  }
}

/** What the second opening showed. */
interface Again {
  readonly told: Told
  readonly popped: readonly Found[]
  readonly lost: number
  readonly failed: readonly Found[]
}

const known = new WeakMap<SmallQueue, Map<string, Again>>()
const MOST_KNOWN = 20_000

function knownOf(queue: SmallQueue): Map<string, Again> {
  const there = known.get(queue)
  if (there && there.size < MOST_KNOWN) return there
  const empty = new Map<string, Again>()
  known.set(queue, empty)
  return empty
}

async function listFailed(store: LogStore): Promise<Found[]> {
  return foundIn((await store.list({ status: 'failed', after: 0, limit: ALL })).map(({ piece }) => piece))
}

function foundIn(pieces: readonly Piece[]): Found[] {
  return itemsOf(pieces).map(([id, item]) => ({ id, item }))
}

function idsOf(found: readonly Found[]): string {
  return found.map(({ id }) => id).join()
}
