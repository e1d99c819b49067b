// upgrade.ts: a queue of format 1 becomes one of format 2, when it is opened by one that nobody else has open.
//
//    queue.json.1a2b3c4d, synced ─▶ both locks: nobody lives ─▶ it takes its name ─▶ the cursor goes on in a generation of format 2
//
// That is one step. Whichever part of it a crash leaves, the queue opens: an older version takes it as long as neither
// part is there, and refuses it by its number afterwards; this one goes on where it stopped. Segments of format 1 stay as
// they are: those of format 2 say their boot where they have zeros.

import type { Disk } from '../disk/disk.ts'
import { FormatError } from '../errors.ts'
import { CURSOR_VERSION } from './cursor-state.ts'
import type { Journal } from './journal.ts'
import { type ManifestReading, prepare, takeName } from './manifest.ts'
import type { Owners } from './owners.ts'
import { FORMAT_VERSION } from './segment.ts'

export class Upgrade {
  readonly #disk: Disk
  readonly #folder: string
  readonly #prepared: string | undefined

  private constructor(disk: Disk, folder: string, prepared: string | undefined) {
    this.#disk = disk
    this.#folder = folder
    this.#prepared = prepared
  }

  /** Makes what the step needs. */
  static async prepare(disk: Disk, folder: string, manifest: ManifestReading, tag: string): Promise<Upgrade> {
    const isOld = manifest.format < FORMAT_VERSION
    return new Upgrade(disk, folder, isOld ? await prepare(disk, folder, manifest, tag) : undefined)
  }

  /** Under both locks, before anything is written: records that follow begin a generation of this version. */
  run(journal: Journal, owners: Owners): void {
    const isOld = journal.version < CURSOR_VERSION
    if (isOld && owners.isAnyAlive()) {
      throw new FormatError(
        `${this.#folder} is open in a process with an older version of spoolq, which doesn't know format ${FORMAT_VERSION}: close the queue there first`,
      )
    }
    if (this.#prepared !== undefined) takeName(this.#disk, this.#folder, this.#prepared)
  }

  /** The opening failed: what was prepared goes, where it is still there. */
  abandon(): void {
    try {
      if (this.#prepared !== undefined) this.#disk.unlink(this.#prepared)
    } catch {
      // It has its name by now, or the next opening sweeps it away.
    }
  }
}
