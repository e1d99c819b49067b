// medium.ts: the disk that a power cut leaves, once it is chosen which of the loose ops got through.

import { type Choice, type Tear, type Unit, unitsOf } from './choices.ts'
import { applyName, Content, type Inode } from './content.ts'
import { Digest, textNumber } from './digest.ts'
import type { Entry, InodeLedger, Ledger } from './ledger.ts'
import type { DataOp, WriteOp } from './operations.ts'

const GARBAGE = 0xa5

/** The units of one op. */
interface Part {
  readonly first: number
  readonly units: Unit[]
}

export class Medium {
  readonly units: readonly Unit[]
  readonly #ledger: Ledger
  readonly #parts = new Map<number, Part>()
  readonly #foldersMayGo: boolean
  /** The inodes without anything that a choice could change. */
  readonly #settled = new Digest()
  readonly #namesFixed: boolean

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    this.units = unitsOf(ledger)
    this.units.forEach((unit, i) => {
      const part = this.#parts.get(unit.entry.index)
      if (part) part.units.push(unit)
      else this.#parts.set(unit.entry.index, { first: i, units: [unit] })
    })
    this.#namesFixed = ledger.nameTail.length === 0
    this.#foldersMayGo = ledger.nameTail.some(({ op, loose }) => loose && op.kind === 'folder')
    if (this.#namesFixed) this.#joinNames(this.#settled, ledger.names, (inode) => inode.tail.length === 0)
  }

  /** A number for what `content` would return, without making it. */
  digest(choice: Choice): number {
    if (!this.#namesFixed) return this.#joinNames(new Digest(), this.#names(choice), () => true, choice).value
    return this.#joinNames(this.#settled.copy(), this.#ledger.names, (inode) => inode.tail.length > 0, choice).value
  }

  content(choice: Choice): Content {
    const names = this.#namesFixed ? new Map(this.#ledger.names) : this.#names(choice)
    const inodes = new Map<number, Inode>()
    for (const ino of names.values()) {
      const inode = this.#ledger.inodes.get(ino)
      if (inode && !inodes.has(ino)) inodes.set(ino, this.#bytes(inode, choice))
    }
    return new Content(names, inodes)
  }

  #names(choice: Choice): Map<string, number> {
    const names = new Map(this.#ledger.names)
    for (const entry of this.#ledger.nameTail) {
      if (!entry.loose || this.#isKept(entry, choice)) applyName(names, entry.op)
    }
    return this.#foldersMayGo ? new Content(names).prune().names : names
  }

  #joinNames(to: Digest, names: Map<string, number>, counts: (inode: InodeLedger) => boolean, choice?: Choice): Digest {
    for (const [path, ino] of names) {
      const inode = this.#ledger.inodes.get(ino)
      if (!inode) continue
      if (counts(inode)) to.join(this.#fileDigest(inode, choice).add(textNumber(path)))
    }
    return to
  }

  #fileDigest(inode: InodeLedger, choice?: Choice): Digest {
    const digest = inode.digest.copy()
    if (!choice) return digest
    const { keep, tear } = choice
    for (const { index, loose } of inode.tail) {
      if (!loose) digest.add(index)
      else if (tear?.index === index)
        digest
          .add(index)
          .add(-1 - tear.at)
          .add(tear.fill.charCodeAt(0) | 0)
      else this.#addParts(digest, index, keep)
    }
    return digest
  }

  #addParts(digest: Digest, index: number, keep: Uint8Array): void {
    const { first, units } = this.#partsOf(index)
    let kept = 0
    for (let i = 0; i < units.length; i++) if (keep[first + i]) kept++
    if (kept > 0) digest.add(index)
    if (kept === 0 || kept === units.length) return
    for (let i = 0; i < units.length; i++) if (!keep[first + i]) digest.add(-1 - (units[i]?.from ?? 0))
  }

  #bytes({ hard, tail }: InodeLedger, choice: Choice): Inode {
    const inode = hard.copy()
    for (const entry of tail) {
      const { op, index, loose } = entry
      if (!loose) inode.apply(op)
      else if (choice.tear?.index === index && op.kind === 'write') this.#tear(inode, op, choice.tear)
      else this.#applyParts(inode, entry, choice.keep)
    }
    return inode
  }

  #applyParts(inode: Inode, { index, op }: Entry<DataOp>, keep: Uint8Array): void {
    const { first, units } = this.#partsOf(index)
    units.forEach(({ from, to }, i) => {
      if (!keep[first + i]) return
      if (op.kind === 'truncate' || units.length === 1) inode.apply(op)
      else inode.write(op.bytes.subarray(from, to), op.position + from)
    })
  }

  #tear(inode: Inode, { ino, position, bytes }: WriteOp, { at, fill }: Tear): void {
    if (at > 0) inode.write(bytes.subarray(0, at), position)
    const from = Math.max(inode.size, position + at)
    const to = position + bytes.length
    if (fill === '' || from >= to) return
    inode.fill(fill === 'g' ? GARBAGE : 0, from, to)
    const stale = fill === 's' ? this.#stale(ino, from, to) : undefined
    if (stale) inode.write(stale, from)
  }

  /** What stands at that place in the youngest other file, there or unlinked, that reaches as far; else the longest. */
  #stale(ino: number, from: number, to: number): Uint8Array | undefined {
    let stale: Inode | undefined
    for (const [other, { hard }] of this.#ledger.inodes) {
      if (other !== ino && hard.size > from && hard.size >= Math.min(to, stale?.size ?? 0)) stale = hard
    }
    return stale?.bytes.subarray(from, Math.min(to, stale.size))
  }

  #isKept({ index }: Entry, { keep }: Choice): boolean {
    return keep[this.#partsOf(index).first] === 1
  }

  #partsOf(index: number): Part {
    const part = this.#parts.get(index)
    if (!part) throw new Error(`op ${index} is not loose here`)
    return part
  }
}
