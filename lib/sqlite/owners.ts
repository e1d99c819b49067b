// owners.ts: who is alive. Each open handle holds a file in `<database>-owners`, flocked while it lives: the kernel
// frees the lock however the handle ended, and so its items are known to be nobody's.
//
//      number ──▶ file, locked ──▶ joined (a row that others look at) ──▶ left (the row goes, then the file)
//
// Numbers are never used again. A file without a row is one that is just being made, or was left by a crash there.
// A database in memory has no other process: its handles are alive until they leave.

import { codeOf, type Disk, type DiskFile } from '../disk/disk.ts'
import { StorageError } from '../errors.ts'
import type { IdRange } from '../store.ts'
import type { Database } from './database.ts'
import { ownersFolder, writeMark } from './marks.ts'

interface World {
  readonly disk: Disk
  readonly database: Database
  /** Undefined: in memory. */
  readonly file: string | undefined
  readonly queue: number
}

export class Owners {
  readonly own: number
  readonly #world: World
  readonly #file: DiskFile | undefined
  readonly #release: () => void

  /** Takes a number, and joins. */
  static async join(world: World): Promise<Owners> {
    const { database, file, disk, queue } = world
    let release = (): void => {}
    let own: DiskFile | undefined
    try {
      if (file !== undefined) {
        disk.makeFolder(ownersFolder(file))
        release = disk.claim(ownersFolder(file))
      }
      const { value: owner } = await database.call('owner.number', queue, { within: Infinity })
      if (file !== undefined) {
        own = disk.open(pathOf(file, owner), 'create')
        own.tryLock()
      }
      await database.call('owner.join', { queue, owner }, { within: Infinity })
      return new Owners(world, { owner, file: own, release })
    } catch (error) {
      own?.close()
      release()
      throw asStorageError(error)
    }
  }

  private constructor(world: World, own: { owner: number; file: DiskFile | undefined; release: () => void }) {
    this.#world = world
    this.own = own.owner
    this.#file = own.file
    this.#release = own.release
  }

  /** Gives back what the dead hold, if any; resolves to how many items that were. */
  async reclaim(within: number): Promise<number> {
    const { database, file, disk, queue } = this.#world
    if (file === undefined) return 0
    const { value: joined } = await database.call('owner.list', queue, { within: Infinity })
    const dead = joined.filter((owner) => owner !== this.own && !this.#isAlive(file, owner))
    if (dead.length === 0) return 0
    const { value: items } = await database.call('owner.leave', { queue, owners: dead }, { within })
    for (const owner of dead) unlink(disk, pathOf(file, owner))
    return items
  }

  #isAlive(file: string, owner: number): boolean {
    let found: DiskFile
    try {
      found = this.#world.disk.open(pathOf(file, owner), 'write')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw asStorageError(error)
    }
    try {
      return !found.tryLock()
    } finally {
      found.close()
    }
  }

  /** What this handle's loop has in hand; no transaction is needed. */
  mark(loop: number, ids: IdRange | undefined): void {
    if (this.#file !== undefined) writeMark(this.#file, loop, ids)
  }

  /** Gives back what this handle holds, and its number; on the medium when it resolves. */
  async leave(): Promise<void> {
    const { database, file, disk, queue } = this.#world
    try {
      await database.call('owner.leave', { queue, owners: [this.own] }, { within: 0 })
      if (file !== undefined) unlink(disk, pathOf(file, this.own))
    } finally {
      this.#file?.close()
      this.#release()
    }
  }
}

function pathOf(file: string, owner: number): string {
  return `${ownersFolder(file)}/${owner}`
}

function unlink(disk: Disk, path: string): void {
  try {
    disk.unlink(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function asStorageError(error: unknown): unknown {
  const code = codeOf(error)
  if (!(error instanceof Error) || code === '' || code.startsWith('ERR_')) return error
  return new StorageError(error.message, { cause: error })
}
