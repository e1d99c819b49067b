// recovery.ts: what opening decides, in one step under both locks. Cut short at any point it just starts again: it
// changes the log only by sealing what is torn, and all else is one write of records.
//
//    scan from synced-to ─▶ gaps ─▶ gone (crash | damage)
//    cursor ahead of the log (unsynced items that were consumed, then a power cut) ─▶ gone (crash), the log goes on behind
//    another boot, and somebody had not closed ─▶ the log goes on 2^32 ids further, so that no id is used twice
//    dead owners ─▶ left: what they held is ready again        this handle ─▶ joined

import { codeOf } from '../disk/disk.ts'
import type { Corruption, IdRange } from '../store.ts'
import type { Decision } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { Gap } from './document-reader.ts'
import { START } from './frame.ts'
import type { Journal } from './journal.ts'
import { keep, verdictOn } from './judge.ts'
import { asideOwner, segmentName, segmentsOf } from './layout.ts'
import type { Log } from './log.ts'
import type { Owners } from './owners.ts'
import { leftRecords } from './reclaimer.ts'
import type { CursorRecord } from './record.ts'
import { countOf } from './runs.ts'
import { scan, type Unborn } from './scan.ts'
import { missingRecords } from './unrecorded.ts'

/** No id that somebody may have seen before a power cut is given again. */
const JUMP = 2 ** 32

export interface Recovery {
  readonly corruptions: readonly Corruption[]
  readonly tornBytes: number
  readonly reclaimed: number
  /** Segments that never became any, or of which nothing is left. */
  readonly unborn: readonly Unborn[]
}

export interface RecoveryParts {
  readonly log: Log
  readonly journal: Journal
  readonly owners: Owners
  readonly boot: number
  readonly onDamage: 'skip' | 'fail'
  readonly autoResume: boolean
}

export function recover(parts: RecoveryParts, state: CursorState): Decision<Recovery> {
  const { log, owners, boot } = parts
  log.reset()
  log.learnSynced(state.synced.position)
  const { gaps, tornBytes, unborn } = scan(log, state.synced)
  // Nothing was verified by this handle yet: only what was durable can be damaged.
  const known = { ...log.known, verifiedTo: START }
  const judged = { folder: log.folder, onDamage: parts.onDamage }
  const missing = [...missingFirst(log, state, parts.journal), ...gaps]
  const verdicts = missing.map((gap) => verdictOn(gap, known, state, judged))
  const records = verdicts.flatMap(({ record }) => record ?? [])
  const isUnclean = [...state.owners.values()].some((each) => each !== boot)
  records.push(...goOnBehind(log, state, isUnclean))
  const dead = parts.autoResume || isUnclean ? owners.dead(state) : []
  const reclaimed = dead.reduce((sum, owner) => sum + countOf(state.heldBy(owner)), 0)
  records.push(...missingRecords(log, state), ...leftRecords(dead, parts))
  records.push(owners.join(state, boot))
  // A power cut may have let later sectors of the journal through without earlier ones: no more than a crash.
  const rotted = parts.journal.damaged
    .filter(({ isGap }) => !(isGap && isUnclean))
    .map(({ file, offset, bytes }) => ({ file, offset, bytes, lost: 0 }))
  const corruptions = [...rotted, ...verdicts.flatMap((each) => each.corruption ?? [])]
  for (const corruption of corruptions) keep(log, corruption)
  return { records, result: { corruptions, tornBytes, reclaimed, unborn } }
}

/** Items before the first segment: it is missing. Unless the cursor lost what it knew: then they were settled. */
function missingFirst(log: Log, state: CursorState, journal: Journal): Gap[] {
  const first = log.segments[0]
  const from = state.runs.head
  if (!first || first.base <= from) return []
  const isForgotten = journal.lostAll || journal.damaged.length > 0
  const at = isForgotten ? { segment: first.base, offset: Number.MAX_SAFE_INTEGER } : { segment: 0, offset: 0 }
  return [{ from, to: first.base - 1, at, bytes: 0, segment: undefined }]
}

/** The id that the log goes on with, and the ids before it that it will never hold. */
function goOnBehind(log: Log, state: CursorState, isUnclean: boolean): CursorRecord[] {
  const end = log.nextId
  const highest = Math.max(state.runs.highest, state.runs.head - 1)
  const next = Math.max(end, highest + 1) + (isUnclean ? JUMP : 0)
  if (next === end) return []
  log.minimumBase = next
  const ids: IdRange[] = state.runs.liveRanges(end, next - 1)
  return ids.length > 0 ? [{ kind: 'gone', why: 0, ids }] : []
}

/** Removes files in the making whose owners are dead, segments that a rewrite replaced, and what is no segment. */
export function sweep(log: Log, owners: Owners, state: CursorState, unborn: readonly Unborn[]): void {
  owners.sweep(state)
  const names = log.world.disk.list(log.folder)
  for (const name of names) {
    const owner = asideOwner(name)
    if (owner !== undefined && !owners.isAlive(owner)) remove(log, name)
  }
  for (const { segment } of unborn) log.removeUnborn(segment)
  for (const name of segmentsOf(names).replaced) if (log.holds(name.base)) remove(log, segmentName(name))
}

function remove(log: Log, name: string): void {
  try {
    log.world.disk.unlink(`${log.folder}/${name}`)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
