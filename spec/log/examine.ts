// examine.ts: what must come of a queue whose files were damaged: it opens or says why not, delivers what the damage
// did not touch, counts what it cost, keeps the bytes, goes on working, and the next opening has nothing new to tell.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { codeOf } from '../../lib/disk/disk.ts'
import { QueueError } from '../../lib/errors.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import type { StoreStats } from '../../lib/store.ts'
import type { Content } from '../crash/content.ts'
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
  readonly failed: readonly number[]
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
    if (drained) await this.#opened(4, newTold(), (store, again) => this.#nothingNew(store, again, drained))
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
    const found: (readonly [number, string])[] = []
    for (let some = await store.pop(5); some.length > 0; some = await store.pop(5)) found.push(...itemsOf(some))
    const failed = await listFailed(store)
    const stats = await store.stats()
    this.#judge(found, failed, stats.lost, told)
    await this.#goOn(store)
    const { failures } = told
    for (const failure of failures) this.wrong.push(`tells a failure: ${failure.stack}`)
    return { stats, failed }
  }

  #judge(found: readonly (readonly [number, string])[], failed: readonly number[], lost: number, told: Told): void {
    const { items, ready } = this.#queue
    const gone = this.#queue.failed.filter((id) => !failed.includes(id) && !found.some(([again]) => again === id))
    const ids = found.map(([id]) => id)
    const isReady = new Set(ready)
    const isFound = new Set(ids)
    const missing = [...ready.filter((id) => !isFound.has(id)), ...gone]
    const repeated = ids.filter((id) => !isReady.has(id))
    for (const [id, item] of found) if (items.get(id) !== item) this.wrong.push(`phantom: ${id} is '${item}'`)
    if (ids.some((id, i) => id <= (ids[i - 1] ?? 0))) this.wrong.push(`out of order: ${ids.join(' ')}`)
    this.#judgeLoss(missing, lost, told)
    this.#judgeRepeats(repeated, told)
  }

  #judgeLoss(missing: readonly number[], lost: number, { corruptions }: Told): void {
    const allowed = this.#expected.lost ?? this.#hit()
    const excess = missing.filter((id) => !allowed.has(id))
    if (excess.length > 0) this.wrong.push(`lost though it was not hit: ${excess.join(' ')}`)
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
    const isThere = ([start, end]: readonly [number, number]) =>
      end <= start || kept.some((bytes) => bytes.includes(Buffer.from(inode.bytes.subarray(start, end))))
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

  async #nothingNew(store: LogStore, { corruptions, recovered, failures }: Told, before: Drained): Promise<void> {
    for (const corruption of corruptions) this.wrong.push(`the second opening tells ${JSON.stringify(corruption)}`)
    for (const report of recovered) this.wrong.push(`the second opening recovers ${JSON.stringify(report)}`)
    for (const failure of failures) this.wrong.push(`the second opening tells ${codeOf(failure)} ${failure.stack}`)
    const again = itemsOf(await store.pop(ALL))
    if (again.length > 0) this.wrong.push(`the second opening delivers ${again}`)
    const { lost } = await store.stats()
    if (lost !== before.stats.lost) this.wrong.push(`lost was ${before.stats.lost}, and is ${lost} afterwards`)
    const failed = await listFailed(store)
    if (failed.join() !== before.failed.join()) this.wrong.push(`failed were ${before.failed}, and are ${failed}`)
  }
}

async function listFailed(store: LogStore): Promise<number[]> {
  return (await store.list({ status: 'failed', after: 0, limit: ALL })).map(({ piece }) => piece.firstId)
}

const SHOWN = 10

/** Tries each damage, and tells how much was tried and what it did. */
export async function tryAll(
  t: TestContext,
  queue: SmallQueue,
  damages: Iterable<Damage>,
  expected: Expected = {},
): Promise<void> {
  const tally = newTally()
  const wrong: string[] = []
  for (const damage of damages) wrong.push(...(await examine(queue, damage, expected, tally)))
  t.diagnostic(JSON.stringify(tally))
  assert.equal(wrong.length, 0, `${wrong.length} are wrong:\n${wrong.slice(0, SHOWN).join('\n')}`)
  assert.ok(tally.trials > 0, 'nothing was tried')
}
