// judge.ts: what becomes of ids that the log turns out not to hold. The judge holds append.lock and cursor.lock, so
// that nobody is in the middle of writing what looks damaged; its verdict is a record, so that a loss is counted once.
// The bytes are kept in damaged/ for whoever wants to look.

import { codeOf } from '../disk/disk.ts'
import { CorruptionError } from '../errors.ts'
import type { Corruption, IdRange } from '../store.ts'
import { classify, type Known } from './classify.ts'
import type { Cursor } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { DocumentReader, Gap } from './document-reader.ts'
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
  readonly onDamage: 'skip' | 'fail'
  readonly corruption: (report: Corruption) => void
}

export interface Verdict {
  readonly record: CursorRecord | undefined
  readonly corruption: Corruption | undefined
}

export interface VerdictOptions {
  readonly folder: string
  readonly onDamage: 'skip' | 'fail'
}

/** What to record of a gap, and what to tell. Throws where damage is to fail. */
export function verdictOn(gap: Gap, known: Known, state: CursorState, { folder, onDamage }: VerdictOptions): Verdict {
  const ids = state.runs.liveRanges(gap.from, gap.to)
  const why = gap.dropped ? 'crash' : classify(gap.at, known)
  const file = gap.segment?.path ?? folder
  const corruption = { file, offset: gap.at.offset, bytes: gap.bytes, lost: countOf(ids) }
  const isDamage = why === 'damage' && (ids.length > 0 || gap.bytes > 0)
  if (isDamage && onDamage === 'fail') throw damageError(corruption, ids)
  const record = ids.length > 0 ? ({ kind: 'gone', why: GONE.indexOf(why), ids } as const) : undefined
  return { record, corruption: isDamage ? corruption : undefined }
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
  async judge(gap: Gap): Promise<void> {
    const { log, cursor, lock, reader, onDamage } = this.#parts
    const verdict = await cursor.step(
      (state) => {
        log.refresh()
        const found = reader.locate(gap.from)
        // All that is missing there, not just what was asked for: a loss is told once.
        if (!('at' in found)) return { records: [], result: NOTHING }
        const result = verdictOn(found, log.known, state, { folder: log.folder, onDamage })
        return { records: result.record ? [result.record] : [], result }
      },
      { outer: lock },
    )
    if (!verdict.corruption) return
    keep(log, verdict.corruption)
    this.#parts.corruption(verdict.corruption)
  }
}

const NOTHING: Verdict = { record: undefined, corruption: undefined }

/** A copy of the damaged bytes; a full disk or another keeper is no reason to stop. */
export function keep(log: Log, { file, offset, bytes }: Corruption): void {
  if (bytes === 0 || !file.startsWith(`${log.folder}/`)) return
  const { disk } = log.world
  const folder = `${log.folder}/${DAMAGED}`
  try {
    const source = disk.open(file, 'read')
    const content = Buffer.alloc(Math.min(bytes, KEPT_BYTES))
    const read = source.read(content, 0, content.length, offset)
    source.close()
    disk.makeFolder(folder)
    const copy = disk.open(`${folder}/${file.slice(log.folder.length + 1)}.${offset}`, 'create')
    copy.write(content.subarray(0, read), 0)
    copy.close()
  } catch (error) {
    if (codeOf(error) === '') throw error
  }
}
