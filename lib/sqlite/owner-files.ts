// owner-files.ts: the files of the handles that have a database open, in a folder beside it that is there as long as
// somebody has: `<database>-owners/<number>`, flocked by its owner while that lives.
//
//      enter ──▶ the folder is there, and shared (disk.ts, claim) ──▶ make ──▶ leave: the file goes, and the folder if
//                        ▲                                             │       nobody else has a file in it
//                        └──────────── the folder went meanwhile ──────┘
//
// Numbers are the database's. A file of that number that is there already, and that nobody holds, is one of another
// database that stood at this path before.

import fs from 'node:fs'
import { codeOf, type Disk, type DiskFile, type Entered, withFile } from '../disk/disk.ts'
import { assertFolder } from '../disk/ours.ts'
import { StorageError } from '../errors.ts'
import { MOST_OWNER_NAMES } from '../log/layout.ts'
import { ownersFolder } from './marks.ts'
import { shareAs } from './new-file.ts'

/** How often the folder may go before somebody is in it. */
const TRIES = 100

export class OwnerFiles {
  readonly #outer: Disk
  /** In the folder itself, whatever takes its place. */
  #entered: Entered | undefined
  readonly #database: string
  readonly #folder: string
  /** Which folder is shared: another may have the name by now. */
  #identity = ''
  #own: DiskFile | undefined
  #release = (): void => {}

  constructor(disk: Disk, database: string) {
    this.#outer = disk
    this.#database = database
    this.#folder = ownersFolder(database)
  }

  get #disk(): Disk {
    return this.#entered?.disk ?? this.#outer
  }

  /** Rejects where one thread has the database to itself. */
  async enter(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const stands = fs.lstatSync(this.#folder, { throwIfNoEntry: false })
        if (stands === undefined) this.#outer.makeFolder(this.#folder)
        else assertFolder(stands, this.#folder, () => fs.statSync(this.#database))
        this.#entered = this.#outer.enter?.(this.#folder, true)
        shareAs(this.#folder, this.#database)
        this.#identity = this.#identityNow()
        this.#clear()
        this.#release = await this.#disk.claim(this.#folder)
        return
      } catch (error) {
        this.#exit()
        if (codeOf(error) !== 'ENOENT' || tries === TRIES) throw error
      }
    }
  }

  /** Goes out of the folder. */
  #exit(): void {
    this.#release()
    this.#release = () => {}
    this.#entered?.leave()
    this.#entered = undefined
  }

  /** What is neither an owner's nor a claim is nobody's. */
  #clear(): void {
    for (const name of this.#disk.list(this.#folder, MOST_OWNER_NAMES)) {
      if (!/^\d+$|^only\./.test(name)) tolerantly(() => this.#disk.unlink(`${this.#folder}/${name}`))
    }
  }

  /** The file of a new owner, locked; undefined where somebody holds the number, and another one is needed. */
  async make(owner: number): Promise<DiskFile | undefined> {
    if (this.#isHeld(owner)) return undefined
    this.remove(owner)
    for (let tries = 1; tries <= TRIES; tries += 1) {
      this.#own = this.#created(owner)
      if (this.#own !== undefined) {
        this.#own.tryLock()
        return this.#own
      }
      this.#exit()
      await this.enter()
    }
    throw new StorageError(`${this.#folder}: gone as often as it was made: something removes it`)
  }

  /** Undefined where somebody who left took the folder with him. */
  #created(owner: number): DiskFile | undefined {
    let own: DiskFile
    try {
      own = this.#disk.open(this.#pathOf(owner), 'create')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
    if (this.#identityNow() === this.#identity) {
      shareAs(own.path, this.#database)
      return own
    }
    own.close()
    this.remove(owner)
    return undefined
  }

  /** A probe that can't tell (no descriptor left, another user's file) takes him for alive: it is made again. */
  isAlive(owner: number): boolean {
    try {
      return this.#isHeld(owner)
    } catch {
      return true
    }
  }

  #isHeld(owner: number): boolean {
    try {
      return withFile(this.#disk.open(this.#pathOf(owner), 'write'), (file) => !file.tryLock())
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
  }

  remove(owner: number): void {
    try {
      this.#disk.unlink(this.#pathOf(owner))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }

  /** Frees what is held; the folder goes if nothing is in it. */
  leave(): void {
    this.#own?.close()
    try {
      fs.rmdirSync(this.#folder)
    } catch {
      // Somebody else is in it, or it went with the database.
    }
    this.#exit()
  }

  #pathOf(owner: number): string {
    return `${this.#folder}/${owner}`
  }

  #identityNow(): string {
    const { dev, ino } = fs.statSync(this.#folder, { bigint: true })
    return `${dev}:${ino}`
  }
}

/** As far as the disk lets it. */
function tolerantly(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (codeOf(error) === '') throw error
  }
}
