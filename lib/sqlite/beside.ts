// beside.ts: what stands beside a database under the names that its engine opens. The engine opens by name and asks nothing: a
// pipe would hold its thread for ever, and what it writes to a second name of another file is lost there. So the names are looked
// at before it opens them, and once more when it has, before anything else is done. (Links it refuses by itself.)
//
//      q.db                                  real-file.ts
//      q.db-wal  q.db-shm  q.db-journal      files of the same user, of root, or of who asks (disk/ours.ts); no links

import fs from 'node:fs'
import { codeOf } from '../disk/disk.ts'
import { assertFile, NOT_OURS } from '../disk/ours.ts'
import { StorageError } from '../errors.ts'

const ENDINGS = ['-wal', '-shm', '-journal']

/** Throws a StorageError that names what is no file of the database. */
export function assertBeside(database: string): void {
  const anchor = () => fs.statSync(database, { throwIfNoEntry: false })
  try {
    for (const ending of ENDINGS) {
      const stat = fs.lstatSync(database + ending, { throwIfNoEntry: false })
      if (stat !== undefined) assertFile(stat, database + ending, anchor)
    }
  } catch (cause) {
    throw codeOf(cause) === NOT_OURS && cause instanceof Error ? new StorageError(cause.message, { cause }) : cause
  }
}
