// ledger.ts: what a power cut now would leave for certain, and what it may take: the log up to some point, folded.
//
//      names    hard ones folded into a map ─┐   tail: everything since the first op that is still loose,
//      inode 1  hard bytes ──────────────────┤         in the order of the log, hard ones among them
//      inode 2  …
//
// An op becomes hard when a sync that was called after it ends well; a rename when both its folders are synced. A
// failed sync poisons what stood before its end: no later sync makes that hard.

import { applyName, type Content, Inode } from './content.ts'
import { Digest } from './digest.ts'
import { type DataOp, folderOf, type NameOp, type Op, type SyncOp, type WriteOp } from './operations.ts'

/** One op of the tail. */
export interface Entry<O extends NameOp | DataOp = NameOp | DataOp> {
  readonly index: number
  readonly op: O
  loose: boolean
  poisoned: boolean
  /** For a rename: which of its two folders has been synced. */
  synced: number
}

export interface InodeLedger {
  hard: Inode
  /** Which ops went into `hard`. */
  readonly digest: Digest
  tail: Entry<DataOp>[]
}

export interface LedgerOptions {
  readonly calm?: RegExp | undefined
  readonly forgives?: boolean | undefined
}

export class Ledger {
  /** The names that are there for certain, before the tail. */
  readonly names: Map<string, number>
  nameTail: Entry<NameOp>[] = []
  readonly inodes = new Map<number, InodeLedger>()
  /** How many ops it has taken. */
  length = 0
  readonly #calm: RegExp | undefined
  readonly #forgives: boolean
  readonly #calmInodes = new Set<number>()

  /**
   * `calm`: paths of files whose bytes all get through at once. `forgives`: a failed sync of a folder is made good by a
   * later one, as by file systems with a journal of their names.
   */
  constructor(start: Content, { calm, forgives = false }: LedgerOptions = {}) {
    this.#calm = calm
    this.#forgives = forgives
    for (const [path, ino] of start.names) if (calm?.test(path)) this.#calmInodes.add(ino)
    this.names = new Map(start.names)
    for (const [ino, inode] of start.inodes) this.inodes.set(ino, newInode(ino, inode.copy()))
  }

  static of(disk: { readonly start: Content; readonly log: readonly Op[] }): Ledger {
    const ledger = new Ledger(disk.start)
    for (const op of disk.log) ledger.add(op)
    return ledger
  }

  add(op: Op): void {
    const index = this.length++
    switch (op.kind) {
      case 'mark':
        return
      case 'sync':
        this.#sync(op, index)
        return
      case 'syncFolder':
        this.#syncFolder(op, index)
        return
      case 'write':
      case 'truncate':
        this.#write(op, index)
        return
      default:
        if (op.kind === 'link') this.#inode(op.ino)
        if (op.kind === 'link' && this.#calm?.test(op.path)) this.#calmInodes.add(op.ino)
        this.nameTail.push(entryOf(index, op))
    }
  }

  /** The bytes that a file has for certain, and its writes that are not. */
  unsynced(ino: number): { readonly medium: Uint8Array; readonly loose: WriteOp[] } {
    const { hard, tail } = this.#inode(ino)
    const medium = hard.copy()
    const loose: WriteOp[] = []
    for (const { op, loose: isLoose } of tail) {
      if (!isLoose) medium.apply(op)
      else if (op.kind === 'write') loose.push(op)
    }
    return { medium: medium.bytes.subarray(0, medium.size), loose }
  }

  #inode(ino: number): InodeLedger {
    const there = this.inodes.get(ino)
    if (there) return there
    const inode = newInode(ino, new Inode())
    this.inodes.set(ino, inode)
    return inode
  }

  #write(op: DataOp, index: number): void {
    const inode = this.#inode(op.ino)
    inode.tail.push(entryOf(index, op))
    if (this.#calmInodes.has(op.ino)) harden(inode)
  }

  #sync(op: SyncOp & { readonly kind: 'sync' }, index: number): void {
    const inode = this.#inode(op.ino)
    for (const entry of inode.tail) {
      if (op.failed && entry.index < index && entry.loose) entry.poisoned = true
      else if (!op.failed && entry.index < op.covers && !entry.poisoned) entry.loose = false
    }
    fold(inode)
  }

  #syncFolder(op: SyncOp & { readonly kind: 'syncFolder' }, index: number): void {
    for (const entry of this.nameTail) {
      const sides = sidesOf(entry.op, op.path)
      if (sides === 0) continue
      if (op.failed && entry.index < index && entry.loose) entry.poisoned = !this.#forgives
      else if (!op.failed && entry.index < op.covers && !entry.poisoned) entry.synced |= sides
      if (entry.synced === BOTH) entry.loose = false
    }
    const folded = hardRun(this.nameTail)
    for (const entry of this.nameTail.slice(0, folded)) applyName(this.names, entry.op)
    if (folded > 0) this.nameTail = this.nameTail.slice(folded)
  }
}

const FROM = 1
const TO = 2
const BOTH = FROM | TO

/** Which sides of an op a sync of the folder covers. */
function sidesOf(op: NameOp, folder: string): number {
  const to = folderOf(op.path) === folder
  if (op.kind !== 'rename') return to ? BOTH : 0
  return (folderOf(op.from) === folder ? FROM : 0) | (to ? TO : 0)
}

function entryOf<O extends NameOp | DataOp>(index: number, op: O): Entry<O> {
  const poisoned = op.kind === 'write' && op.dropped === true
  return { index, op, loose: true, poisoned, synced: 0 }
}

function newInode(ino: number, hard: Inode): InodeLedger {
  return { hard, digest: new Digest().add(ino), tail: [] }
}

/** The hard ops that nothing loose stands before become bytes. */
function fold(inode: InodeLedger): void {
  const folded = hardRun(inode.tail)
  for (const entry of inode.tail.slice(0, folded)) {
    inode.hard.apply(entry.op)
    inode.digest.add(entry.index)
  }
  if (folded > 0) inode.tail = inode.tail.slice(folded)
}

function harden(inode: InodeLedger): void {
  for (const entry of inode.tail) entry.loose = false
  fold(inode)
}

function hardRun(tail: readonly Entry[]): number {
  const first = tail.findIndex((entry) => entry.loose)
  return first < 0 ? tail.length : first
}
