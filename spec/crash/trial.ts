// trial.ts: what is done to a store with each state of its disk, and what must come of it.
//
//      open ──▶ look ──▶ judge (oracle.ts) ──▶ put ──▶ close ──▶ open again: the same ──▶ pop all ──▶ close ──▶ names
//
// A mere crash is never told as damage, the second opening has nothing to mend, and putting and taking work after it.

import type { Disk } from '../../lib/disk/disk.ts'
import type { Corruption, Counts, Document, Piece, Recovered, Status, Store } from '../../lib/store.ts'
import type { CrashState } from './crash-state.ts'
import { FOLDER } from './operations.ts'
import { type Found, judge } from './oracle.ts'
import { Promised } from './promises.ts'
import type { RecordingDisk } from './recording-disk.ts'
import type { Written } from './written.ts'

export type Tried = Pick<Store, 'append' | 'peek' | 'pop' | 'counts' | 'stats' | 'close'> & Partial<Pick<Store, 'list'>>

/** What a store told while it was open. */
export interface Told {
  readonly recovered: Recovered[]
  readonly corruptions: Corruption[]
  readonly failures: Error[]
}

/** A store under trial. */
export interface Subject {
  /** `chance`: another one for each opening of one disk, from which all its random numbers follow. */
  open(disk: Disk, told: Told, chance: number): Promise<Tried>
  /** The names that may be there once it is closed; all others are strays. */
  readonly names: readonly RegExp[]
  readonly maxNames: number
  /** What an empty queue may hold. */
  readonly maxBytes: number
  /** It may hold what is delayed, failed or kept for the record: that is looked at too. */
  readonly isWide?: boolean
  /** What resolves is durable by itself. */
  readonly disk: boolean
}

const ALL = 1_000_000
const AFTERWARDS = 'put after the crash'
/** Each opening of one disk has another chance; these are no workload's. */
const FIRST = 2 ** 30
const KEPT = '/q/damaged'
const SECOND = 2 ** 30 + 1

/** What a disk shows to whoever opens it, whatever had been promised. */
interface Seen {
  readonly found: readonly Found[]
  readonly aside: readonly Found[]
  /** Of the item put afterwards, and what was told to come next. */
  readonly id: number
  readonly nextId: number
  /** Items that are told as missing and never synced. */
  readonly unsynced: number
  /** Against any promise. */
  readonly wrong: readonly string[]
}

export interface How {
  readonly written?: Written | undefined
  /** The power failed, if not in this crash then in one before it. Default: as the state says. */
  readonly cut?: boolean
  /** A sync failed, and what it let go may be missing in the boot that wrote it. Default: nothing is. */
  readonly letGo?: boolean
}

/** What it shows to the next one. */
interface SeenAgain {
  readonly aside: readonly Found[]
  readonly peeked: readonly Found[]
  readonly popped: readonly Found[]
  readonly lost: number
  readonly wrong: readonly string[]
}

/** Everything that is wrong with the store on this state; the state's disk is used up. */
export function tryState(state: CrashState, subject: Subject, written?: Written): Promise<string[]> {
  return new Trials(subject).try(state, { written })
}

/**
 * Trials of one store. What a store does follows from the bytes of its disk, so each disk is opened once, however many
 * histories lead to it; every history is judged by itself.
 */
export class Trials {
  readonly subject: Subject
  readonly #seen = new Memory<Seen>()
  readonly #seenAgain = new Memory<SeenAgain>()

  constructor(subject: Subject) {
    this.subject = subject
  }

  /** How many disks were opened. */
  get disks(): number {
    return this.#seen.made
  }

  async try(state: CrashState, { written, cut = state.kind === 'cut', letGo = false }: How = {}): Promise<string[]> {
    try {
      const isKill = !cut
      const seen = await this.#seen.get(state.key, () => this.#look(state))
      const promised = new Promised((isKill && written?.marks(state.marks)) || state.marks, this.subject.disk || isKill)
      const wrong = [...judge(seen, promised, { cut }).wrong, ...seen.wrong]
      if (seen.unsynced > 0 && !letGo) wrong.push(`a mere crash is told as ${seen.unsynced} items missing`)
      const last = Math.max(promised.lastId, seen.found.at(-1)?.id ?? 0)
      if (Math.min(seen.id, seen.nextId) <= last) {
        wrong.push(`a put afterwards got id ${seen.id} (next: ${seen.nextId}), but ${last} was used`)
      }
      if (isKill && wrong.length === 0) written?.learn([...seen.found, ...seen.aside], promised)
      return wrong
    } catch (error) {
      return [failure(error)]
    }
  }

  async #look({ disk }: CrashState): Promise<Seen> {
    const wrong: string[] = []
    const told = newTold()
    const store = await this.subject.open(disk, told, FIRST)
    const found = itemsOf(await store.peek(ALL))
    const { nextId, lost, ...counts } = await store.stats()
    const unsynced = unsyncedIn(told)
    if (lost !== unsynced) wrong.push(`a mere crash is told as the loss of ${lost} items`)
    const [delayed, failed, acked] = await asideIn(store, this.subject)
    countsAgree(counts, { ready: found.length, delayed: delayed.length, failed: failed.length, acked }, wrong)
    const id = (await store.append([documentOf([AFTERWARDS])])) ?? 0
    await store.close()
    complaints(told, wrong)
    const all = [...found, { id, item: AFTERWARDS }]
    const again = await this.#seenAgain.get(disk.key(), () => this.#lookAgain(disk, all.length))
    if (again.lost !== lost) wrong.push(`a second opening tells the loss of ${again.lost} items, not ${lost}`)
    same('a second opening', again.peeked, all, wrong)
    same('popping everything', again.popped, all, wrong)
    const aside = [...delayed, ...failed]
    same('a second opening, of what is not ready,', again.aside, aside, wrong)
    return { found, aside, id, nextId, unsynced, wrong: [...wrong, ...again.wrong] }
  }

  async #lookAgain(disk: RecordingDisk, count: number): Promise<SeenAgain> {
    const wrong: string[] = []
    const told = newTold()
    const store = await this.subject.open(disk, told, SECOND)
    const peeked = itemsOf(await store.peek(ALL))
    if (told.recovered.length > 0) wrong.push(`a second opening mends again: ${JSON.stringify(told.recovered)}`)
    const [delayed, failed, acked] = await asideIn(store, this.subject)
    const others = { delayed: delayed.length, failed: failed.length }
    countsAgree(await store.counts(), { ready: count, ...others, acked }, wrong)
    const popped = itemsOf(await store.pop(ALL))
    const { lost, ...counts } = await store.stats()
    countsAgree(counts, { ready: 0, ...others, acked: (await asideIn(store, this.subject))[2] }, wrong)
    await store.close()
    complaints(told, wrong)
    strays(disk, this.subject, lost > 0, wrong)
    return { aside: [...delayed, ...failed], peeked, popped, lost, wrong }
  }
}

/** What was found out about a disk, by its key; the oldest is forgotten. */
class Memory<V> {
  made = 0
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  async get(key: string, make: () => Promise<V>): Promise<V> {
    let value = this.#young.get(key) ?? this.#old.get(key)
    if (value === undefined) {
      this.made++
      value = await make()
    }
    if (this.#young.size >= REMEMBERED) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
    return value
  }
}

const REMEMBERED = 8000

function failure(error: unknown): string {
  return `fails: ${error instanceof Error ? error.stack : error}`
}

/** What a store that can tell it holds besides what is ready: delayed, failed, and how many kept for the record. */
async function asideIn(store: Tried, { isWide }: Subject): Promise<[delayed: Found[], failed: Found[], acked: number]> {
  if (!isWide) return [[], [], 0]
  const listed = async (status: Status) =>
    itemsOf((await store.list?.({ ...LISTED, status }))?.map(({ piece }) => piece) ?? [])
  return [await listed('delayed'), await listed('failed'), (await listed('acked')).length]
}

const LISTED = { after: 0, limit: ALL }

function countsAgree(counts: Counts, others: Omit<Counts, 'inFlight'>, wrong: string[]): void {
  const expected = { ...others, inFlight: 0 }
  for (const status of ['ready', 'delayed', 'inFlight', 'failed', 'acked'] as const) {
    if (counts[status] !== expected[status]) wrong.push(`counts ${counts[status]} ${status}, not ${expected[status]}`)
  }
}

function unsyncedIn({ corruptions }: Told): number {
  return corruptions.reduce((sum, { lost, unsynced }) => sum + (unsynced ? lost : 0), 0)
}

function complaints({ corruptions, failures }: Told, wrong: string[]): void {
  const damage = corruptions.filter(({ unsynced }) => !unsynced)
  for (const corruption of damage) wrong.push(`a mere crash is told as damage: ${JSON.stringify(corruption)}`)
  for (const failure of failures) wrong.push(`tells a failure: ${failure.stack}`)
}

function same(what: string, found: readonly Found[], expected: readonly Found[], wrong: string[]): void {
  const at = expected.findIndex(({ id, item }, i) => found[i]?.id !== id || found[i]?.item !== item)
  if (at < 0 && found.length === expected.length) return
  const ids = (all: readonly Found[]) => all.map(({ id }) => id).join(' ')
  wrong.push(`${what} gives ids ${ids(found)}, not ${ids(expected)}`)
}

function strays(disk: RecordingDisk, { names, maxNames, maxBytes }: Subject, isLossy: boolean, wrong: string[]): void {
  // What didn't hold is kept there where items were lost with it.
  const paths = disk.paths().filter((path) => !(isLossy && path.startsWith(`${KEPT}/`)))
  for (const path of paths) if (!names.some((name) => name.test(path))) wrong.push(`stray: ${path}`)
  if (paths.length > maxNames) wrong.push(`${paths.length} names are left: ${paths.join(' ')}`)
  const files = paths.filter((path) => disk.content.names.get(path) !== FOLDER)
  const bytes = files.reduce((sum, path) => sum + disk.bytesOf(path).length, 0)
  if (bytes > maxBytes) wrong.push(`an empty queue holds ${bytes} bytes`)
}

export function newTold(): Told {
  return { recovered: [], corruptions: [], failures: [] }
}

/** One or more items as a document of JSON. */
export function documentOf(items: readonly string[]): Document {
  return { bytes: Buffer.from(JSON.stringify(items)), count: items.length }
}

export function itemsOf(pieces: readonly Piece[]): Found[] {
  return pieces.flatMap(({ firstId, count, document, skip }) => {
    const items: string[] = JSON.parse(Buffer.from(document.bytes).toString())
    return items.slice(skip, skip + count).map((item, i) => ({ id: firstId + i, item }))
  })
}
