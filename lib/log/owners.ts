// owners.ts: who is alive. Each open handle holds a file in owners/, flocked while it lives: the kernel frees the
// lock however it ends. No file, or a free lock: dead. Numbers come from the journal and are never used again.
// What is called here runs under cursor.lock.

import { codeOf, type Disk, type DiskFile } from '../disk/disk.ts'
import type { IdRange } from '../store.ts'
import type { CursorState } from './cursor-state.ts'
import { OWNERS } from './layout.ts'
import { writeMark } from './marks.ts'
import type { CursorRecord } from './record.ts'

export class Owners {
  readonly #disk: Disk
  readonly #folder: string
  #file: DiskFile | undefined
  #own = 0

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = `${folder}/${OWNERS}`
  }

  /** This handle's number; 0 before it has joined. */
  get own(): number {
    return this.#own
  }

  /** Takes a number: its file, locked, and the record that tells of it. Asked again it is the same one. */
  join(state: CursorState, boot: number): CursorRecord {
    if (this.#file) return { kind: 'joined', owner: this.#own, boot }
    this.#disk.makeFolder(this.#folder)
    for (let owner = state.nextOwner; ; owner++) {
      const file = this.#create(owner)
      if (!file) continue
      lock(file)
      this.#file = file
      this.#own = owner
      return { kind: 'joined', owner, boot }
    }
  }

  #create(owner: number): DiskFile | undefined {
    try {
      return this.#disk.open(`${this.#folder}/${owner}`, 'create')
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      return
    }
  }

  /** The owners of the state that are dead. */
  dead(state: CursorState): number[] {
    return [...state.owners.keys()].filter((owner) => owner !== this.#own && !this.isAlive(owner))
  }

  isAlive(owner: number): boolean {
    let file: DiskFile
    try {
      file = this.#disk.open(`${this.#folder}/${owner}`, 'write')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
    try {
      return !file.tryLock()
    } finally {
      file.close()
    }
  }

  /** Reads the file of an owner. */
  read<R>(owner: number, reading: (file: DiskFile) => R): R {
    const file = this.#disk.open(`${this.#folder}/${owner}`, 'read')
    try {
      return reading(file)
    } finally {
      file.close()
    }
  }

  /** What this handle's loop has in hand; no lock is needed. */
  mark(loop: number, ids: IdRange | undefined): void {
    if (this.#file) writeMark(this.#file, loop, ids)
  }

  /** Removes the files of owners that the state no longer knows: they hold nothing. */
  sweep(state: CursorState): void {
    for (const name of this.#disk.list(this.#folder)) {
      const owner = Number(name)
      if (owner !== this.#own && !state.owners.has(owner) && !this.isAlive(owner)) this.remove(owner)
    }
  }

  remove(owner: number): void {
    try {
      this.#disk.unlink(`${this.#folder}/${owner}`)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }

  /** Gives the number back: the file goes, and with it the lock. */
  leave(): void {
    const file = this.#file
    this.#file = undefined
    try {
      if (file) this.remove(this.#own)
    } catch {
      // The free lock says as much, and an opening sweeps the name away.
    }
    file?.close()
  }
}

function lock(file: DiskFile): void {
  try {
    file.tryLock()
  } catch (error) {
    file.close()
    throw error
  }
}
