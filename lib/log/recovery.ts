// recovery.ts: what opening decides, in one step under both locks. Cut short at any point it just starts again: it
// changes the log only by sealing what is torn, and all else is one write of records.
//
//    scan ─▶ gaps ─▶ gone (crash | damage | missing)
//    cursor ahead of the log (unsynced items that were consumed, then a power cut) ─▶ gone (crash), the log goes on behind
//    another boot, and somebody had not closed ─▶ the log goes on 2^32 ids further, so that no id is used twice
//    other files than somebody had who did not close ─▶ a copy: the same, and what was durable elsewhere is not so here
//    dead owners ─▶ left: what they held is ready again        this handle ─▶ joined

import { codeOf } from '../disk/disk.ts'
import { StorageError } from '../errors.ts'
import { END_OF_IDS } from '../ids.ts'
import type { Corruption, IdRange } from '../store.ts'
import type { HostTime } from '../wait/host-time.ts'
import type { Decision } from './cursor.ts'
import { CURSOR_VERSION, type CursorState, type SyncedTo } from './cursor-state.ts'
import type { Gap } from './document-reader.ts'
import type { FailedItems } from './failed-items.ts'
import { isBefore, START } from './frame.ts'
import type { Journal } from './journal.ts'
import { damageError, keep, NOTHING, recordsOf, verdictOn } from './judge.ts'
import { asideOwner, segmentName } from './layout.ts'
import type { Log } from './log.ts'
import type { Owners } from './owners.ts'
import { isCopied, isDown, isSamePlace, NO_BOOT, type Place } from './place.ts'
import { leftRecords } from './reclaimer.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'
import { scan, type Unborn } from './scan.ts'
import type { Segment } from './segment-file.ts'
import { missingRecords, type Unrecorded } from './unrecorded.ts'

/** No id that somebody may have seen before a power cut is given again. */
const JUMP = 2 ** 32

export interface Recovery {
  readonly corruptions: readonly Corruption[]
  readonly tornBytes: number
  readonly reclaimed: number
  /** Segments that never became any, or of which nothing is left. */
  readonly unborn: readonly Unborn[]
  /** Those of them that a power cut left so: nothing in them is worth keeping. */
  readonly crashed: readonly Unborn[]
  /** The machine went down: what was read since comes from the medium. */
  readonly isCut: boolean
  /** It is a copy: no sync of the original counts for it. */
  readonly isCopy: boolean
}

export interface RecoveryParts {
  readonly log: Log
  readonly journal: Journal
  readonly owners: Owners
  readonly failed: FailedItems
  readonly place: Place
  readonly time: HostTime
  readonly onDamage: 'skip' | 'fail'
  readonly autoResume: boolean
  readonly ahead: Ahead
}

/** What was read before the locks were taken, and holds. */
export interface Ahead {
  readonly from: SyncedTo
  readonly met: readonly Unrecorded[]
  /** Owners that were dead then. */
  readonly dead: ReadonlySet<number>
}

export function recover(given: RecoveryParts, state: CursorState): Decision<Recovery> {
  const parts = { ...given, place: sharedPlace(given, state) }
  const { log, owners, place } = parts
  log.boot = place.boot
  const isUnclean = [...state.owners.values()].some((each) => !isSamePlace(each, place))
  const rotted = rottedIn(parts, state)
  if (rotted[0] && parts.onDamage === 'fail') throw damageError(rotted[0])
  log.again(parts.ahead.met)
  log.learnSynced(state.synced.position)
  const isCut = wasCut(state, place)
  const isCopy = isCopyOf(state, place)
  const options = {
    synced: trusted(state, place),
    from: parts.ahead.from,
    wasCut: isCut,
    wasDown: wasDown(state, place),
  }
  const { gaps, tornBytes, unborn } = scan(log, options)
  const known = ({ segment }: Gap) => ({
    syncedTo: isCopy ? START : log.syncedTo,
    voids: log.voids,
    wasCut: isCopy || (isOfAnotherBoot(segment, place) ?? isCut),
  })
  const judged = { folder: log.folder, onDamage: parts.onDamage, isOpening: true }
  const missing =
    rotted.length > 0 ? [...gaps.map(forgiven), ...holes(log, state)] : [...missingFirst(log, state), ...gaps]
  const verdicts = missing.map((gap) => verdictOn(gap, known(gap), state, judged))
  const crashed = unborn.filter(({ segment }) => isCrashWork(segment, state, parts))
  const strays = straysIn(
    unborn.filter((each) => !crashed.includes(each)),
    parts,
  )
  const records = missing.flatMap((gap, index) => recordsOf(gap, verdicts[index] ?? NOTHING, parts.failed))
  records.push(...goOnBehind(log, state, isUnclean))
  const dead = parts.autoResume || isUnclean ? owners.dead(state, parts.ahead.dead) : []
  const left = leftRecords(dead, parts)
  const reclaimed = left.reduce((sum, { owner }) => sum + countOf(state.heldBy(owner)), 0)
  records.push(...missingRecords(log, state), ...left)
  records.push(...timeOf(parts, state), owners.join(state, place))
  const lossy = verdicts.flatMap((each) => each.corruption ?? [])
  const untold = strays.filter(({ file }) => !lossy.some((each) => each.file === file))
  const corruptions = [...rotted, ...lossy, ...untold]
  for (const corruption of [...rotted, ...lossy]) keep(log, corruption)
  return { records, result: { corruptions, tornBytes, reclaimed, unborn, crashed, isCut, isCopy } }
}

/** A new boot's time, by the wall clock as it is now. */
function timeOf({ place, time }: RecoveryParts, state: CursorState): CursorRecord[] {
  const { boot } = place
  return state.time.boot === boot ? [] : [{ kind: 'clock', boot, ...time.fresh() }]
}

/** What of the cursor does not hold, and was no power cut's work: that may let later sectors through without earlier. */
function rottedIn({ journal, place }: RecoveryParts, state: CursorState): Corruption[] {
  const rotted = journal.damaged.filter(({ isGap }) => !(isGap && wasCut(state, place)))
  return rotted.map(({ file, offset, bytes }) => ({ file, offset, bytes, lost: 0 }))
}

/**
 * A lock that is held shows that its holder's kernel is this one, whatever its boot id says (another container's may say
 * something else): then this handle goes by the same. Not over a network, where two machines see the same locks.
 */
function sharedPlace({ log, owners, place }: RecoveryParts, state: CursorState): Place {
  const others = [...state.owners].filter(([, each]) => each.boot !== NO_BOOT && !isSamePlace(each, place))
  const living = others.find(([owner]) => owners.isSeenAlive(owner))
  if (!living) return place
  const [, there] = living
  if (there.boot === place.boot || !log.world.disk.isShared(log.folder)) return there
  throw new StorageError(
    `${log.folder} is open on another machine, or behind another kernel: over a network file system only one machine may open it`,
  )
}

/**
 * Where the scan begins. After another boot, and where the cursor lost something, with what was not known to be durable;
 * else with the last segment: the kernel has all that was written, and who seals one has met what its frames say.
 */
export function startOf(log: Log, journal: Journal, place: Place): SyncedTo {
  const { state, version, damaged } = journal
  if (isCopyOf(state, place)) return NOTHING_SYNCED
  const base = log.tail?.base ?? 0
  const isFlat = !wasCut(state, place) && damaged.length === 0 && version === CURSOR_VERSION
  if (!isFlat || base <= state.synced.position.segment) return state.synced
  return { position: { segment: base, offset: 0 }, nextId: base }
}

const NOTHING_SYNCED: SyncedTo = { position: START, nextId: 1 }

/** What of the log can be known to be durable here. */
function trusted(state: CursorState, place: Place): SyncedTo {
  return isCopyOf(state, place) ? NOTHING_SYNCED : state.synced
}

/** What was never synced may be missing. */
function wasCut(state: CursorState, place: Place): boolean {
  return wasDown(state, place) || isCopyOf(state, place)
}

/** The machine was, since somebody opened the queue who never closed it. */
function wasDown(state: CursorState, place: Place): boolean {
  return [...state.owners.values()].some((each) => isDown(each, place))
}

/** Somebody who never closed it had other files: these were copied, at whichever moment. */
function isCopyOf(state: CursorState, place: Place): boolean {
  return [...state.owners.values()].some((each) => isCopied(each, place))
}

/** What a segment says itself; undefined where it says nothing. */
function isOfAnotherBoot(segment: Segment | undefined, { boot }: Place): boolean | undefined {
  const named = segment?.isWhole ? segment.header.boot : 0
  return named === 0 ? undefined : named !== boot
}

/**
 * A segment that was never known to be durable a power cut may have left with the size that was written, and in its
 * blocks what an older segment had there, a whole header among them.
 */
function isCrashWork({ base }: { readonly base: number }, state: CursorState, { log, place }: RecoveryParts): boolean {
  return wasDown(state, place) && isBefore(log.syncedTo, { segment: base, offset: 0 })
}

/** Segments under names of others: nobody knows whose they are. */
function straysIn(unborn: readonly Unborn[], { onDamage }: RecoveryParts): Corruption[] {
  const foreign = unborn.filter(({ segment }) => segment.isForeign)
  const strays = foreign.map(({ segment, bytes }) => ({ file: segment.path, offset: 0, bytes, lost: 0 }))
  if (strays[0] && onDamage === 'fail') throw damageError(strays[0])
  return strays
}

/** Items before the first segment: it is missing. Those that were never known to be durable a power cut may have taken. */
function missingFirst(log: Log, state: CursorState): Gap[] {
  const first = log.segments[0]
  const from = state.runs.head
  if (!first || first.base <= from) return []
  const missing = { bytes: 0, segment: undefined }
  const durableTo = Math.min(first.base, Math.max(state.synced.nextId, from)) - 1
  const unsynced = { segment: first.base, offset: Number.MAX_SAFE_INTEGER }
  return [
    { ...missing, from, to: durableTo, at: START },
    { ...missing, from: durableTo + 1, to: first.base - 1, at: unsynced },
  ].filter((gap) => gap.from <= gap.to)
}

/** The cursor has forgotten some of what it knew: where nothing is, it was settled and flushed. */
function forgiven(gap: Gap): Gap {
  return gap.bytes === 0 ? { ...gap, dropped: true } : gap
}

/** Ids that no segment is there for, from the cursor's head on. */
function holes(log: Log, state: CursorState): Gap[] {
  const found: Gap[] = []
  let from = state.runs.head
  for (const segment of log.segments) {
    const wasOpen = segment.isOpen
    if (segment.base > from) found.push({ from, to: segment.base - 1, at: START, bytes: 0, segment, dropped: true })
    if (log.openIfThere(segment)) from = Math.max(from, segment.nextId)
    if (!wasOpen) segment.close()
  }
  return found
}

/** The id that the log goes on with, and the ids before it that it will never hold. */
function goOnBehind(log: Log, state: CursorState, isUnclean: boolean): CursorRecord[] {
  const end = log.nextId
  const highest = Math.max(state.runs.highest, state.runs.head - 1)
  const next = Math.min(Math.max(end, highest + 1) + (isUnclean ? JUMP : 0), END_OF_IDS)
  if (next === end) return []
  log.minimumBase = next
  const ids: IdRange[] = state.runs.liveRanges(end, next - 1)
  return ids.length > 0 ? [{ kind: 'gone', why: 0, ids }] : []
}

/**
 * Removes files in the making whose owners are dead, segments that a rewrite replaced, and what is no segment: one by
 * one, under both locks, so that nobody waits for all of it.
 */
export function* sweeping(log: Log, owners: Owners, state: () => CursorState, recovery: Recovery): Generator<void> {
  for (const name of owners.names()) yield owners.sweep(name, state())
  for (const name of log.world.disk.list(log.folder)) {
    const owner = asideOwner(name)
    if (owner === undefined) continue
    if (!owners.isAlive(owner)) remove(log, name)
    yield
  }
  for (const each of recovery.unborn) yield log.removeUnborn(each.segment, recovery.crashed.includes(each))
  for (const name of log.present().replaced) {
    if (log.holds(name.base)) remove(log, segmentName(name))
    yield
  }
}

function remove(log: Log, name: string): void {
  try {
    log.world.disk.unlink(`${log.folder}/${name}`)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
