// removed.ts: a file of the queue that has lost its name while the queue was open: somebody removed it, or its folder.

import type { DiskFile } from '../disk/disk.ts'
import { StorageError } from '../errors.ts'

/** What was synced there is gone with the last descriptor of it. */
export class RemovedError extends StorageError {
  constructor(path: string) {
    super(
      `${path} was removed while the queue was open: what was written to it is lost with this handle; close it, look for ` +
        'who removes files of the queue, and open it again',
    )
  }
}

/** A sync of what has no name any more makes nothing durable. */
export function assertLinked(file: DiskFile): void {
  if (!file.isLinked()) throw new RemovedError(file.path)
}
