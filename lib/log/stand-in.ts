// stand-in.ts: what shows that a handle lives where no file could be made for it in owners/ (the file system has no inode left, or
// no block for a longer folder): the lock of a file that is there anyway, through a descriptor of its own.
//
//    queue.json, cursor.0, cursor.1      the first of them whose lock is free: so three handles at most, which is enough to empty a queue
//
// Nobody knows which owner holds it: while somebody else has one of them, all owners without a file count as alive.
// What is called here runs under cursor.lock: a probe takes the lock that it asks for.

import { codeOf, type Disk, type DiskFile, withFile } from '../disk/disk.ts'
import { MANIFEST } from './layout.ts'

const NAMES = [MANIFEST, 'cursor.0', 'cursor.1']

export class StandIn {
  readonly #disk: Disk
  readonly #folder: string
  #held: DiskFile | undefined

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** False where others hold all of them. */
  take(): boolean {
    for (const path of this.#paths) {
      const file = this.#open(path)
      if (file?.tryLock()) {
        this.#held = file
        return true
      }
      file?.close()
    }
    return false
  }

  #open(path: string): DiskFile | undefined {
    try {
      return this.#disk.open(path, 'write')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error
    }
  }

  /** Somebody else holds one; undefined where that can't be told. */
  isTaken(): boolean | undefined {
    const others = this.#paths.filter((path) => path !== this.#held?.path)
    try {
      return others.some((path) => {
        const file = this.#open(path)
        return file !== undefined && withFile(file, () => !file.tryLock())
      })
    } catch (error) {
      if (codeOf(error) === '') throw error
      return
    }
  }

  get #paths(): string[] {
    return NAMES.map((name) => `${this.#folder}/${name}`)
  }

  leave(): void {
    this.#held?.close()
    this.#held = undefined
  }
}
