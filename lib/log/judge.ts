// judge.ts: what becomes of ids that the log turns out not to hold. The judge holds append.lock and cursor.lock, so
// that nobody is in the middle of writing what looks damaged; its verdict is a record, so that a loss is counted once.
// The bytes are kept in damaged/ for whoever wants to look.

import { codeOf, withFile } from '../disk/disk.ts'
import { CorruptionError } from '../errors.ts'
import type { Corruption, IdRange } from '../store.ts'
import { classify, type Known } from './classify.ts'
import type { Cursor } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { DocumentReader, Gap } from './document-reader.ts'
import type { FailedItems, LostCopy } from './failed-items.ts'
import { DAMAGED } from './layout.ts'
import type { Log } from './log.ts'
import { type CursorRecord, GONE } from './record.ts'
import { countOf } from './runs.ts'
import type { StepLock } from './step-lock.ts'

const KEPT_BYTES = 16 << 20

export interface JudgeParts {
  readonly log: Log
  readonly cursor: Cursor
  readonly lock: StepLock
  readonly reader: DocumentReader
  readonly failed: FailedItems
  readonly onDamage: 'skip' | 'fail'
  readonly corruption: (report: Corruption) => void
}

export interface Verdict {
  readonly record: CursorRecord | undefined
  readonly ids: readonly IdRange[]
  readonly corruption: Corruption | undefined
}

export interface VerdictOptions {
  readonly folder: string
  readonly onDamage: 'skip' | 'fail'
  /** What is missing never refuses an opening. */
  readonly isOpening?: boolean
}

/** What to record of a gap, and what to tell. Throws where damage is to fail. */
export function verdictOn(gap: Gap, known: Known, state: CursorState, options: VerdictOptions): Verdict {
  const ids = state.runs.liveRanges(gap.from, gap.to)
  const why = gap.isLie ? 'damage' : gap.dropped ? 'crash' : classify(gap.at, known)
  const file = gap.segment?.path ?? options.folder
  const found = { file, offset: gap.at.offset, bytes: gap.bytes, lost: countOf(ids) }
  const isDamage = why === 'damage' && (ids.length > 0 || gap.bytes > 0)
  // Where nothing is wanted any more, a void may lie there: those frames were refused.
  const isMissing = why === 'missing' && ids.length > 0
  if (options.onDamage === 'fail' && (isDamage || (isMissing && !options.isOpening))) throw damageError(found, ids)
  const record = ids.length > 0 ? ({ kind: 'gone', why: GONE.indexOf(why), ids } as const) : undefined
  const corruption: Corruption = isMissing ? { ...found, unsynced: true } : found
  return { record, ids, corruption: isDamage || isMissing ? corruption : undefined }
}

/** What to record: where the cursor forgot that an item was set aside, that it was, and then that it is gone. */
export function recordsOf(gap: Gap, { record, ids }: Verdict, failed: FailedItems): CursorRecord[] {
  if (!record) return []
  return gap.dropped ? [...failed.copiesOf(ids), record] : [record]
}

export function damageError({ file, offset, bytes, lost }: Corruption, ids: readonly IdRange[] = []): CorruptionError {
  const span = ids[0] ? ` (ids ${ids[0].from} to ${ids.at(-1)?.to})` : ''
  return new CorruptionError(
    `${bytes} damaged bytes in ${file} at ${offset} cost ${lost} items${span}: open with onDamage 'skip' to go on without them`,
  )
}

export class Judge {
  readonly #parts: JudgeParts

  constructor(parts: JudgeParts) {
    this.#parts = parts
  }

  /** Looks at the gap once more under both locks, and records what it is. */
  /** What is damaged makes a call reject. */
  get refuses(): boolean {
    return this.#parts.onDamage === 'fail'
  }

  async judge(gap: Gap): Promise<void> {
    const { log, cursor, lock, reader, failed, onDamage } = this.#parts
    const verdict = await cursor.step(
      (state) => {
        log.refresh()
        const found = reader.locate(gap.from)
        // All that is missing there, not just what was asked for: a loss is told once.
        if (!('at' in found)) return { records: [], result: NOTHING }
        const { segment, at, bytes } = found
        segment?.gaps.push({ from: at.offset, to: at.offset + bytes })
        const result = verdictOn(found, knownOf(log, found), state, { folder: log.folder, onDamage })
        return { records: recordsOf(found, result, failed), result }
      },
      { outer: lock },
    )
    if (!verdict.corruption) return
    keep(log, verdict.corruption)
    this.#parts.corruption(verdict.corruption)
  }

  /** Copies in failed/ that don't hold: those items are lost. */
  async judgeCopies(copies: readonly LostCopy[]): Promise<void> {
    const { log, cursor, onDamage } = this.#parts
    const lost = await cursor.step((state) => {
      const still = copies.filter(({ id }) => state.failed.has(id))
      const ids = still.map(({ id }) => ({ from: id, to: id }))
      const corruptions = still.map(({ file, offset, bytes }) => ({ file, offset, bytes, lost: 1 }))
      if (corruptions[0] && onDamage === 'fail') throw damageError(corruptions[0], ids)
      return {
        records: ids.length > 0 ? [{ kind: 'gone', why: GONE.indexOf('damage'), ids }] : [],
        result: corruptions,
      }
    })
    for (const corruption of lost) {
      keep(log, corruption)
      this.#parts.corruption(corruption)
    }
  }
}

/** What is known of a place that is met while the log is open: opening has judged what a power cut left. */
function knownOf(log: Log, { segment }: Gap): Known {
  // The next header tells of the voids in a segment.
  const next = segment && log.after(segment)
  if (next) log.openIfThere(next)
  return { syncedTo: log.syncedTo, voids: log.voids, wasCut: false }
}

export const NOTHING: Verdict = { record: undefined, ids: [], corruption: undefined }

/** A copy of the damaged bytes; a full disk or another keeper is no reason to stop. */
export function keep(log: Log, { file, offset, bytes }: Corruption): void {
  if (bytes === 0 || !file.startsWith(`${log.folder}/`)) return
  const { disk } = log.world
  const folder = `${log.folder}/${DAMAGED}`
  const name = file.slice(log.folder.length + 1).replaceAll('/', '.')
  try {
    const content = withFile(disk.open(file, 'read'), (source) => {
      const found = Buffer.alloc(Math.max(0, Math.min(bytes, KEPT_BYTES, source.size() - offset)))
      return found.subarray(0, source.read(found, 0, found.length, offset))
    })
    disk.makeFolder(folder)
    withFile(disk.open(`${folder}/${name}.${offset}`, 'create'), (copy) => copy.write(content, 0))
  } catch (error) {
    if (codeOf(error) === '') throw error
  }
}
