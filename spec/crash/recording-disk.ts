// recording-disk.ts: a disk in memory that writes down everything that changes it.
//
//      process() ─┐                     ┌─ names, inodes   what a program reads: its page cache
//      process() ─┼──▶ record(op) ──▶ ──┤
//      itself    ─┘                     └─ log             what states.ts makes power cuts and kills of
//
// Deterministic: no timer, no randomness. A sync ends one microtask after its call, or, while `holdSyncs` is set, when
// the spec says so. Each process has its own open files and locks, which go with it when it is killed.

import type { Disk, DiskFile, FileIdentity, OpenMode, Self } from '../../lib/disk/disk.ts'
import { applyName, Content, type Inode } from './content.ts'
import { DiskProcess } from './disk-process.ts'
import type { Op, SyncOp } from './operations.ts'
import type { Mark } from './promises.ts'

export interface RecordingOptions {
  /** What is on the medium at the beginning. Default: the folder `/`. */
  readonly start?: Content
  /** What has been recorded since then. Default: nothing. */
  readonly log?: Op[]
  /** What the page cache holds after that log. Default: the same as `start`, for an empty log. */
  readonly content?: Content
  readonly bootId?: string
  /** The number of the next new file. */
  readonly nextIno?: number
}

/** A sync under way. */
export interface HeldSync {
  readonly path: string
  readonly process: DiskProcess
  /** Ends it well. */
  release(): void
  /** Ends it without a trace. */
  fail(error: Error): void
}

export class RecordingDisk implements Disk {
  readonly start: Content
  readonly log: Op[]
  readonly content: Content
  /** What `bootId()` answers from now on. */
  boot: string
  /** What its files say from now on: another one makes it a copy. */
  identity: FileIdentity = { device: 1, inode: 1 }
  /** While true, syncs stay under way until `releaseSyncs()` or their own `release()`. */
  holdSyncs = false
  readonly heldSyncs = new Set<HeldSync>()
  /** Who holds the lock of an inode. */
  readonly locks = new Map<number, DiskFile>()
  readonly #watchers = new Map<string, Set<() => void>>()
  readonly #own: DiskProcess
  #notified: Set<() => void> | undefined
  #nextIno: number

  constructor(options: RecordingOptions = {}) {
    this.start = options.start ?? new Content()
    this.log = options.log ?? []
    this.content = options.content ?? this.start.copy()
    this.boot = options.bootId ?? 'boot 1'
    this.#nextIno = options.nextIno ?? Math.max(0, ...this.content.inodes.keys()) + 1
    this.#own = this.process()
  }

  /** One more process on this disk. */
  process(): DiskProcess {
    return new DiskProcess(this)
  }

  mark(mark: Mark): void {
    this.log.push({ kind: 'mark', mark })
  }

  /** Every name but the root, sorted. */
  paths(): string[] {
    return [...this.content.names.keys()].filter((path) => path !== '/').sort()
  }

  /** The bytes of a file, to be looked at. */
  bytesOf(path: string): Uint8Array {
    const inode = this.content.inodes.get(this.content.names.get(path) ?? -1)
    if (!inode) throw new Error(`no file ${path}`)
    return inode.bytes.subarray(0, inode.size)
  }

  /** The same for the same names and bytes in the same life of the machine, and for nothing else. */
  key(): string {
    return `${this.boot}\0${this.content.key()}`
  }

  /** Ends all syncs under way, in the order of their calls. */
  releaseSyncs(): void {
    for (const held of [...this.heldSyncs]) held.release()
  }

  // What its processes call.

  newInode(): { readonly ino: number; readonly inode: Inode } {
    const ino = this.#nextIno++
    return { ino, inode: this.content.inode(ino) }
  }

  /** Writes it down, changes the content, wakes who watches. `folder`: where the change can be seen. */
  record(op: Exclude<Op, SyncOp>, folder: string): void {
    this.log.push(op)
    if (op.kind === 'write' || op.kind === 'truncate') this.content.inode(op.ino).apply(op)
    else if (op.kind !== 'mark') applyName(this.content.names, op)
    if (this.#watchers.size > 0) this.#changed(folder)
  }

  /** Records the sync that `end` makes of how many ops it covers, once it is over. */
  sync(process: DiskProcess, path: string, end: (covers: number) => SyncOp): Promise<void> {
    const covers = this.log.length
    return new Promise((resolve, reject) => {
      const held: HeldSync = {
        path,
        process,
        release: () => {
          if (!this.heldSyncs.delete(held)) return
          this.log.push(end(covers))
          resolve()
        },
        fail: (error) => {
          if (this.heldSyncs.delete(held)) reject(error)
        },
      }
      this.heldSyncs.add(held)
      if (!this.holdSyncs) queueMicrotask(held.release)
    })
  }

  #changed(folder: string): void {
    const watchers = this.#watchers.get(folder)
    if (!watchers) return
    if (!this.#notified) {
      this.#notified = new Set()
      queueMicrotask(() => this.#notify())
    }
    for (const changed of watchers) this.#notified.add(changed)
  }

  #notify(): void {
    const notified = this.#notified ?? []
    this.#notified = undefined
    for (const changed of notified) changed()
  }

  // The disk of a spec that needs only one process.

  open(path: string, mode: OpenMode): DiskFile {
    return this.#own.open(path, mode)
  }

  list(folder: string): string[] {
    return this.#own.list(folder)
  }

  makeFolder(folder: string): boolean {
    return this.#own.makeFolder(folder)
  }

  rename(from: string, to: string): void {
    this.#own.rename(from, to)
  }

  unlink(path: string): void {
    this.#own.unlink(path)
  }

  allClosed(): Promise<void> {
    return this.#own.allClosed()
  }

  syncFolder(folder: string): Promise<void> {
    return this.#own.syncFolder(folder)
  }

  failSyncFolder(folder: string): Promise<void> {
    return this.#own.failSyncFolder(folder)
  }

  watch(folder: string, changed: () => void): () => void {
    const watchers = this.#watchers.get(folder) ?? new Set()
    this.#watchers.set(folder, watchers.add(changed))
    return () => {
      watchers.delete(changed)
      if (watchers.size === 0) this.#watchers.delete(folder)
    }
  }

  async claim(_folder: string): Promise<() => void> {
    return () => undefined
  }

  bootId(): string {
    return this.boot
  }

  /** What `isShared` answers from now on. */
  shared = false

  isShared(): boolean {
    return this.shared
  }

  self(): Self {
    return { pid: 4711, thread: 0, host: 'spec' }
  }
}
