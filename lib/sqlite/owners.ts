// owners.ts: who is alive. Each open handle holds a file (owner-files.ts), flocked while it lives: the kernel frees the
// lock however the handle ended, and so its items are known to be nobody's.
//
//      number ──▶ file, locked ──▶ joined (a row that others look at) ──▶ left (the row goes, then the file)
//
// Numbers are never used again. A file without a row is one that is just being made, or was left by a crash there.
// A database in memory has no other process: its handles are alive until they leave.

import { codeOf, type Disk, type DiskFile } from '../disk/disk.ts'
import { QueueError, StorageError } from '../errors.ts'
import type { MarkSlots } from '../log/marks.ts'
import type { IdRange } from '../store.ts'
import type { Database } from './database.ts'
import { slotsOf } from './marks.ts'
import { OwnerFiles } from './owner-files.ts'

interface World {
  readonly disk: Disk
  readonly database: Database
  /** Undefined: in memory. */
  readonly file: string | undefined
  readonly queue: number
}

interface Numbered {
  readonly owner: number
  readonly own: DiskFile | undefined
}

export class Owners {
  readonly own: number
  readonly #world: World
  readonly #files: OwnerFiles | undefined
  readonly #slots: MarkSlots | undefined
  #others: readonly number[] | undefined

  /** Takes a number, and joins. */
  static async join(world: World): Promise<Owners> {
    const { database, file, disk, queue } = world
    const files = file === undefined ? undefined : new OwnerFiles(disk, file)
    try {
      await files?.enter()
      const numbered = await takeNumber(world, files)
      await database.call('owner.join', { queue, owner: numbered.owner }, { within: Infinity })
      return new Owners(world, files, numbered)
    } catch (error) {
      files?.leave()
      throw asStorageError(error)
    }
  }

  private constructor(world: World, files: OwnerFiles | undefined, { owner, own }: Numbered) {
    this.#world = world
    this.own = owner
    this.#files = files
    this.#slots = own && slotsOf(own, world.disk)
  }

  /** Whether one of those that had joined when last looked is dead, or nobody has looked yet. */
  mayHaveDied(): boolean {
    const files = this.#files
    return this.#others?.some((owner) => files?.isAlive(owner) === false) ?? files !== undefined
  }

  /** Gives back what the dead hold, if any; resolves to how many items that were. */
  async reclaim(within: number): Promise<number> {
    const { database, queue } = this.#world
    const files = this.#files
    if (files === undefined) return 0
    const { value: joined } = await database.call('owner.list', queue, { within: Infinity })
    try {
      this.#others = joined.filter((owner) => owner !== this.own)
      const dead = this.#others.filter((owner) => !files.isAlive(owner))
      if (dead.length === 0) return 0
      const items = await this.#giveBack(dead, within)
      for (const owner of dead) files.remove(owner)
      return items
    } catch (error) {
      throw asStorageError(error)
    }
  }

  /** What they hold is ready, and their numbers are gone; how many items that were. On a full disk it takes some steps. */
  async #giveBack(owners: readonly number[], within: number): Promise<number> {
    const { database, queue } = this.#world
    for (let items = 0; ; ) {
      const { value } = await database.call('owner.leave', { queue, owners }, { within })
      items += value.items
      if (!value.isMore) return items
    }
  }

  /** What this handle's loop has in hand; no transaction is needed. */
  mark(loop: number, ids: IdRange | undefined): void {
    this.#slots?.write(loop, ids)
  }

  /** Gives back what this handle holds, and its number; on the medium when it resolves. */
  async leave(): Promise<void> {
    try {
      await this.#giveBack([this.own], 0)
      this.#files?.remove(this.own)
    } finally {
      this.#files?.leave()
    }
  }
}

async function takeNumber({ database, queue }: World, files: OwnerFiles | undefined): Promise<Numbered> {
  for (;;) {
    const { value: owner } = await database.call('owner.number', queue, { within: Infinity })
    if (files === undefined) return { owner, own: undefined }
    const own = await files.make(owner)
    if (own !== undefined) return { owner, own }
  }
}

function asStorageError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof QueueError || codeOf(error) === '') return error
  return new StorageError(error.message, { cause: error })
}
