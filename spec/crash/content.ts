// content.ts: what a disk holds: names that point to inodes, and inodes that are bytes. Copies share their bytes until
// one of them writes, so that a thousand states that differ in one file cost little more than that file.
//
// Bytes of an inode's array beyond its size are always zero: what grows over them reads as a hole.

import { hash } from 'node:crypto'
import { type DataOp, FOLDER, folderOf, type NameOp } from './operations.ts'

export class Inode {
  bytes: Uint8Array
  size: number
  #shared: boolean
  /** What stands for the bytes, once asked for; copies share it as long as they are the same. */
  #print: { text?: string } = {}

  constructor(bytes: Uint8Array = new Uint8Array(0), size = bytes.length, shared = false) {
    this.bytes = bytes
    this.size = size
    this.#shared = shared
  }

  /** The same bytes, to be written by either without the other noticing. */
  copy(): Inode {
    this.#shared = true
    const copy = new Inode(this.bytes, this.size, true)
    copy.#print = this.#print
    return copy
  }

  /** The same for the same bytes, and for no others. */
  print(): string {
    this.#print.text ??= hash('sha1', this.bytes.subarray(0, this.size), 'binary')
    return this.#print.text
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    this.#own(end)
    this.bytes.set(bytes, position)
    if (end > this.size) this.size = end
  }

  fill(value: number, from: number, to: number): void {
    this.#own(to)
    this.bytes.fill(value, from, to)
    if (to > this.size) this.size = to
  }

  truncate(size: number): void {
    this.#own(size)
    if (size < this.size) this.bytes.fill(0, size, this.size)
    this.size = size
  }

  apply(op: DataOp): void {
    if (op.kind === 'write') this.write(op.bytes, op.position)
    else this.truncate(op.size)
  }

  /** Before every change. */
  #own(capacity: number): void {
    this.#print = {}
    if (!this.#shared && capacity <= this.bytes.length) return
    const grown =
      capacity > this.size && !this.#shared ? Math.max(capacity, 2 * this.size) : Math.max(capacity, this.size)
    const bytes = new Uint8Array(grown)
    bytes.set(this.size === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.size))
    this.bytes = bytes
    this.#shared = false
  }
}

export class Content {
  /** Full paths. Folders point to FOLDER. */
  readonly names: Map<string, number>
  readonly inodes: Map<number, Inode>

  constructor(names: Map<string, number> = new Map([['/', FOLDER]]), inodes: Map<number, Inode> = new Map()) {
    this.names = names
    this.inodes = inodes
  }

  copy(): Content {
    const inodes = new Map<number, Inode>()
    for (const [ino, inode] of this.inodes) inodes.set(ino, inode.copy())
    return new Content(new Map(this.names), inodes)
  }

  inode(ino: number): Inode {
    const there = this.inodes.get(ino)
    if (there) return there
    const inode = new Inode()
    this.inodes.set(ino, inode)
    return inode
  }

  /** The same for the same names, with the same bytes behind them, and for nothing else. */
  key(): string {
    const files = new Map<number, number>()
    let text = ''
    for (const path of [...this.names.keys()].sort()) {
      const ino = this.names.get(path) ?? FOLDER
      // Two names of one file are something else than two files with the same bytes.
      if (ino !== FOLDER && !files.has(ino)) files.set(ino, files.size)
      text += `${path}\0${files.get(ino) ?? ''}\0${ino === FOLDER ? '' : this.inode(ino).print()}\0`
    }
    return hash('sha1', text, 'binary')
  }

  /** Forgets the names whose folder is not there: it was made, and its making was lost. */
  prune(): this {
    for (const path of this.names.keys()) if (path !== '/' && !this.#reaches(path)) this.names.delete(path)
    return this
  }

  #reaches(path: string): boolean {
    const folder = folderOf(path)
    return this.names.get(folder) === FOLDER && (folder === '/' || this.#reaches(folder))
  }
}

/** A rename takes its inode along even where its old name was lost; the old name goes only if it is that inode's. */
export function applyName(names: Map<string, number>, op: NameOp): void {
  switch (op.kind) {
    case 'folder':
      names.set(op.path, FOLDER)
      return
    case 'link':
      names.set(op.path, op.ino)
      return
    case 'unlink':
      if (names.get(op.path) === op.ino) names.delete(op.path)
      return
    case 'rename':
      if (names.get(op.from) === op.ino) names.delete(op.from)
      names.set(op.path, op.ino)
      return
  }
}
