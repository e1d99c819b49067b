// owners.ts: who is alive. Each open handle holds a file in owners/, flocked while it lives: the kernel frees the
// lock however it ends. No file, or a free lock: dead. Numbers come from the journal and are never used again.
// What is called here runs under cursor.lock.
//
//    no such file ──▶ dead, but where the disk had no room for it (stand-in.ts)
//    opened, lock free ──▶ dead        opened, lock taken ──▶ alive
//    can't be opened or locked (no descriptor left, another user's, an I/O error) ──▶ alive: nothing shows that it is not

import { codeOf, type Disk, type DiskFile, isFull, withFile } from '../disk/disk.ts'
import { NOT_OURS } from '../disk/ours.ts'
import type { IdRange } from '../store.ts'
import type { CursorState } from './cursor-state.ts'
import { APPEND_LOCK, CURSOR_LOCK, MOST_OWNER_NAMES, OWNERS } from './layout.ts'
import { MarkSlots, readMarks } from './marks.ts'
import { encodeOwnerHead } from './owner-head.ts'
import type { Place } from './place.ts'
import type { CursorRecord } from './record.ts'
import { StandIn } from './stand-in.ts'

/** A name in owners/ that may be a number's file. */
const NUMBER = /^[1-9]\d{0,15}$/
const NOBODY: ReadonlySet<number> = new Set()
/** The lines of those who wait for a lock (lock-line.ts). */
const LINES: ReadonlySet<string> = new Set([APPEND_LOCK, CURSOR_LOCK])

/** No file of an owner, and why. */
interface Foreign {
  readonly foreign: unknown
}

function isNumber(name: string): boolean {
  return NUMBER.test(name) && Number.isSafeInteger(Number(name))
}

export class Owners {
  readonly #disk: Disk
  readonly #folder: string
  readonly #now: () => number
  readonly #standIn: StandIn
  #file: DiskFile | undefined
  #slots: MarkSlots | undefined
  #own = 0

  constructor(disk: Disk, folder: string, now: () => number) {
    this.#disk = disk
    this.#folder = `${folder}/${OWNERS}`
    this.#now = now
    this.#standIn = new StandIn(disk, folder)
  }

  /** This handle's number; 0 before it has joined. */
  get own(): number {
    return this.#own
  }

  /** Takes a number: its file, locked, and the record that tells of it. Asked again it is the same one. */
  join(state: CursorState, place: Place): CursorRecord {
    if (!this.#file && !this.#standIn.isHeld) this.#own = this.#take(state.nextOwner)
    return { kind: 'joined', owner: this.#own, place }
  }

  /** The first number from there on of which there is no file. */
  #take(from: number): number {
    for (let owner = from; ; owner++) {
      try {
        this.#disk.makeFolder(this.#folder)
        const file = this.#create(owner)
        if (!file) continue
        this.#enter(file)
      } catch (error) {
        if (!isFull(error) || !this.#standIn.take()) throw error
      }
      return owner
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

  #enter(file: DiskFile): void {
    const head = { ...this.#disk.self(), since: this.#now(), bootId: this.#disk.bootId(), label: '', exclusive: false }
    try {
      file.tryLock()
      this.#slots = new MarkSlots(file, encodeOwnerHead(head))
      this.#file = file
    } catch (error) {
      file.close()
      throw error
    }
  }

  /** The owners of the state that are dead. */
  dead(state: CursorState, known: ReadonlySet<number> = NOBODY): number[] {
    const others = [...state.owners.keys()].filter((owner) => owner !== this.#own)
    return others.filter((owner) => known.has(owner) || !this.isAlive(owner))
  }

  /** Names in the folder: numbers, and what else somebody put there; not more than one opening is to look at. */
  names(): string[] {
    try {
      return this.#disk.list(this.#folder, MOST_OWNER_NAMES)
    } catch (error) {
      if (codeOf(error) === 'ENOENT' && this.#standIn.isHeld) return []
      throw error
    }
  }

  /** Somebody else holds a file here. */
  isAnyAlive(): boolean {
    try {
      const numbers = this.#disk.list(this.#folder).filter(isNumber).map(Number)
      return numbers.some((owner) => owner !== this.#own && this.isAlive(owner))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
  }

  /** Its lock is taken, which shows that it lives; where it can't be looked at, nothing is shown. */
  isSeenAlive(owner: number): boolean {
    return this.#probe(owner) === true
  }

  /** Never throws the disk's errors: a probe that can't tell harms nobody, and is made again. */
  isAlive(owner: number): boolean {
    return this.#probe(owner) !== false
  }

  /** As `isAlive`; throws where a link, a pipe or another user's file stands in the place of its own. */
  isAliveOrForeign(owner: number): boolean {
    const found = this.#probe(owner)
    if (typeof found === 'object') throw found.foreign
    return found !== false
  }

  /** Whether it lives; undefined where that can't be told. */
  #probe(owner: number): boolean | undefined | Foreign {
    try {
      return withFile(this.#disk.open(`${this.#folder}/${owner}`, 'write'), (file) => !file.tryLock())
    } catch (error) {
      if (codeOf(error) === '') throw error
      if (codeOf(error) === NOT_OURS) return { foreign: error }
      if (codeOf(error) !== 'ENOENT') return undefined
      return this.#standIn.isTaken() === false ? false : undefined
    }
  }

  /** What an owner has marked as in hand; undefined where that can't be read now. */
  marksOf(owner: number): IdRange[] | undefined {
    try {
      return withFile(this.#disk.open(`${this.#folder}/${owner}`, 'read'), readMarks)
    } catch (error) {
      if (codeOf(error) === '') throw error
      return codeOf(error) === 'ENOENT' ? [] : undefined
    }
  }

  /** What this handle's loop has in hand; no lock is needed. */
  mark(loop: number, ids: IdRange | undefined): void {
    this.#slots?.write(loop, ids)
  }

  /** Removes the file of an owner that the state no longer knows, and what is nobody's: it holds nothing. */
  sweep(name: string, state: CursorState): void {
    const owner = Number(name)
    if (LINES.has(name)) return
    if (!isNumber(name)) this.remove(name)
    else if (owner !== this.#own && !state.owners.has(owner) && this.#isNobodys(owner)) this.remove(name)
  }

  #isNobodys(owner: number): boolean {
    const found = this.#probe(owner)
    return found === false || typeof found === 'object'
  }

  /** As far as the disk lets it: what stays is swept by a later opening. */
  remove(owner: number | string): void {
    try {
      this.#disk.unlink(`${this.#folder}/${owner}`)
    } catch (error) {
      if (codeOf(error) === '') throw error
    }
  }

  /** Gives the number back: the file goes, and with it the lock. */
  leave(): void {
    const file = this.#file
    this.#file = undefined
    this.#slots = undefined
    try {
      if (file) this.remove(this.#own)
    } catch {
      // The free lock says as much, and an opening sweeps the name away.
    }
    file?.close()
    this.#standIn.leave()
  }
}
