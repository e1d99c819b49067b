// journal-rig.ts: journals on a recording disk, beside the fold of all that was written to them.

import type { Disk } from '../../lib/disk/disk.ts'
import { CursorState } from '../../lib/log/cursor-state.ts'
import { Journal, NOT_YET_DURABLE } from '../../lib/log/journal.ts'
import { defaultLimits } from '../../lib/log/limits.ts'
import { type CursorRecord, fitted } from '../../lib/log/record.ts'
import { randomOf } from '../crash/digest.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { SystemError } from '../crash/system-error.ts'

export const FOLDER = '/q'
/** Files of 2 KiB: some 28 records to a generation. */
const LIMITS = { ...defaultLimits, cursorBytes: 1024 }
const random = randomOf(1)

/** A journal on this disk; `load()` was called. */
export function journalOn(disk: Disk): Journal {
  const journal = new Journal(FOLDER, { disk, random: () => random(2 ** 32), limits: LIMITS })
  journal.load(1)
  return journal
}

/** Syncs what rules, and records that it is durable. */
export async function harden(journal: Journal): Promise<void> {
  const { generation } = journal
  await journal.sync()
  journal.refresh()
  journal.markDurable(generation)
}

export async function append(journal: Journal, records: readonly CursorRecord[]): Promise<void> {
  journal.refresh()
  while (journal.append(records) === NOT_YET_DURABLE) await harden(journal)
}

/** The state, so that it can be compared. */
export function said(state: CursorState): string {
  return state.encode().toString('latin1')
}

export function folded(records: readonly CursorRecord[]): string {
  const state = new CursorState()
  for (const record of records) state.apply(record)
  return said(state)
}

/** An acknowledgement. */
export function settled(from: number, to = from): CursorRecord {
  return { kind: 'settled', ids: [{ from, to }] }
}

export class Rig {
  readonly disk = new RecordingDisk()
  /** All that was written, as single records. */
  readonly records: CursorRecord[] = []

  constructor() {
    this.disk.makeFolder(FOLDER)
  }

  /** One more process's journal. */
  open(): Journal {
    return journalOn(this.disk.process())
  }

  async write(journal: Journal, ...records: CursorRecord[]): Promise<void> {
    await append(journal, records)
    this.records.push(...records.flatMap(fitted))
  }

  /** Writes single acknowledgements of every second id until the n-th generation from now rules. */
  async rollOver(journal: Journal, times = 1): Promise<void> {
    const until = journal.generation + times
    for (let id = journal.state.runs.highest + 2; journal.generation < until; id += 2)
      await this.write(journal, settled(id))
  }

  get expected(): string {
    return folded(this.records)
  }

  /** The file that rules for this journal. */
  pathOf(journal: Journal): string {
    return `${FOLDER}/cursor.${(journal.generation + 1) % 2}`
  }
}

/** A disk whose files can't grow beyond so many bytes in all. */
export class TightDisk extends RecordingDisk {
  room = Number.POSITIVE_INFINITY

  override open(path: string, mode: 'read' | 'write' | 'create') {
    const file = super.open(path, mode)
    const write = file.write.bind(file)
    file.write = (bytes, position) => {
      const fits = Math.max(0, this.room - position)
      if (position + bytes.length <= Math.max(this.room, file.size())) return write(bytes, position)
      write(bytes.subarray(0, fits), position)
      throw new SystemError('ENOSPC', 'write', path)
    }
    return file
  }
}

/** A rig whose ruling generation is durable and holds a few records behind its snapshot. */
export async function filled(): Promise<{ rig: Rig; journal: Journal; path: string }> {
  const rig = new Rig()
  const journal = rig.open()
  await rig.write(
    journal,
    { kind: 'joined', owner: 1, place: { boot: 77, device: 3, inode: 2 ** 47 } },
    { kind: 'synced', segment: 1, offset: 2000, nextId: 9 },
  )
  await rig.rollOver(journal, 2)
  await harden(journal)
  for (let id = 401; id < 410; id += 2) await rig.write(journal, settled(id))
  return { rig, journal, path: rig.pathOf(journal) }
}
