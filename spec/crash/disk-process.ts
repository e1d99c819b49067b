// disk-process.ts: one process's view of a recording disk: its open files, its locks, and how it dies.
//
//      alive ──── kill(), or the n-th changing call after dieAt(n) ────▶ dead
//
// Dead: its files are closed, its locks free, its syncs under way rejected, and every further call throws Killed.

import type { Disk, DiskFile, OpenMode, Self } from '../../lib/disk/disk.ts'
import { FOLDER, folderOf } from './operations.ts'
import { RecordedFile } from './recorded-file.ts'
import type { RecordingDisk } from './recording-disk.ts'
import { Killed, SystemError } from './system-error.ts'

export class DiskProcess implements Disk {
  readonly disk: RecordingDisk
  readonly #files = new Set<RecordedFile>()
  readonly #stops = new Set<() => void>()
  #dead = false
  #left = Number.POSITIVE_INFINITY
  #cut = 0

  constructor(disk: RecordingDisk) {
    this.disk = disk
  }

  /** How long the write was that it died in; 0: it was another call. */
  deadly = 0

  get dead(): boolean {
    return this.#dead
  }

  /** How many files it has open. */
  get openFiles(): number {
    return this.#files.size
  }

  kill(): void {
    this.#dead = true
    for (const file of this.#files) file.drop()
    this.#files.clear()
    for (const stop of this.#stops) stop()
    for (const held of this.disk.heldSyncs) if (held.process === this) held.fail(new Killed())
  }

  /** Dies at its n-th changing call from now (1: the next); if that is a write, it leaves its first `cut` bytes. */
  dieAt(n: number, cut = 0): void {
    this.#left = n
    this.#cut = cut
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.alive()
    const { names } = this.disk.content
    const ino = names.get(path)
    if (ino === FOLDER) throw new SystemError('EISDIR', 'open', path)
    if (mode === 'create') return this.#create(path, ino)
    if (ino === undefined) throw new SystemError('ENOENT', 'open', path)
    return this.#opened(path, ino, mode)
  }

  list(folder: string): string[] {
    this.alive()
    this.#expectFolder(folder, 'scandir')
    const found: string[] = []
    const start = folder === '/' ? folder : `${folder}/`
    for (const path of this.disk.content.names.keys()) {
      if (path.length > start.length && path.startsWith(start) && !path.includes('/', start.length)) {
        found.push(path.slice(start.length))
      }
    }
    return found
  }

  makeFolder(folder: string): boolean {
    this.alive()
    const { names } = this.disk.content
    const there = names.get(folder)
    if (there === FOLDER) return false
    if (there !== undefined) throw new SystemError('EEXIST', 'mkdir', folder)
    this.makeFolder(folderOf(folder))
    this.step()
    this.disk.record({ kind: 'folder', path: folder }, folderOf(folder))
    return true
  }

  rename(from: string, to: string): void {
    this.alive()
    const { names } = this.disk.content
    const ino = names.get(from)
    if (ino === undefined) throw new SystemError('ENOENT', 'rename', from)
    if (ino === FOLDER || names.get(to) === FOLDER) throw new SystemError('EISDIR', 'rename', from)
    this.#expectFolder(folderOf(to), 'rename')
    this.step()
    this.disk.record({ kind: 'rename', from, path: to, ino }, folderOf(to))
  }

  unlink(path: string): void {
    this.alive()
    const ino = this.disk.content.names.get(path)
    if (ino === undefined) throw new SystemError('ENOENT', 'unlink', path)
    if (ino === FOLDER) throw new SystemError('EISDIR', 'unlink', path)
    this.step()
    this.disk.record({ kind: 'unlink', path, ino }, folderOf(path))
  }

  async allClosed(): Promise<void> {}

  syncFolder(path: string): Promise<void> {
    return this.#syncFolder(path, false)
  }

  /** A sync of a folder that fails: nothing that it would have covered is hard, ever. */
  failSyncFolder(path: string): Promise<void> {
    return this.#syncFolder(path, true)
  }

  async #syncFolder(path: string, failed: boolean): Promise<void> {
    this.alive()
    this.#expectFolder(path, 'fsync')
    this.step()
    await this.disk.sync(this, path, (covers) => ({ kind: 'syncFolder', path, covers, failed }))
    if (failed) throw new SystemError('EIO', 'fsync', path)
  }

  watch(folder: string, changed: () => void): () => void {
    this.alive()
    this.#expectFolder(folder, 'watch')
    const stop = this.disk.watch(folder, changed)
    this.#stops.add(stop)
    return () => {
      this.#stops.delete(stop)
      stop()
    }
  }

  async claim(folder: string): Promise<() => void> {
    this.alive()
    return this.disk.claim(folder)
  }

  bootId(): string {
    this.alive()
    return this.disk.bootId()
  }

  isShared(): boolean {
    return this.disk.shared
  }

  self(): Self {
    return this.disk.self()
  }

  // What its files call.

  alive(): void {
    if (this.#dead) throw new Killed()
  }

  /** Counts a changing call; `torn` leaves the first bytes of a write behind where it is the last one. */
  step(torn?: (cut: number) => void, length = 0): void {
    if (--this.#left > 0) return
    this.deadly = length
    torn?.(this.#cut)
    this.kill()
    throw new Killed()
  }

  closed(file: RecordedFile): void {
    this.#files.delete(file)
  }

  #create(path: string, there: number | undefined): DiskFile {
    if (there !== undefined) throw new SystemError('EEXIST', 'open', path)
    this.#expectFolder(folderOf(path), 'open')
    this.step()
    const { ino } = this.disk.newInode()
    this.disk.record({ kind: 'link', path, ino }, folderOf(path))
    return this.#opened(path, ino, 'create')
  }

  #opened(path: string, ino: number, mode: OpenMode): DiskFile {
    const file = new RecordedFile({ process: this, path, ino, writable: mode !== 'read' })
    this.#files.add(file)
    return file
  }

  #expectFolder(path: string, syscall: string): void {
    const there = this.disk.content.names.get(path)
    if (there === undefined) throw new SystemError('ENOENT', syscall, path)
    if (there !== FOLDER) throw new SystemError('ENOTDIR', syscall, path)
  }
}
