// recorded-file.ts: an open file of a recording disk. Two of one inode see each other's writes at once, and lock each
// other out, also within one process, as flock(2) does.

import type { DiskFile, FileIdentity } from '../../lib/disk/disk.ts'
import type { Inode } from './content.ts'
import type { DiskProcess } from './disk-process.ts'
import { Ledger } from './ledger.ts'
import { folderOf, type WriteOp } from './operations.ts'
import { SystemError } from './system-error.ts'

/** What a failed sync leaves to be read: all that was written, nothing of it, or its first half. */
export type SyncLoss = 'kept' | 'lost' | 'half'

interface Opening {
  readonly process: DiskProcess
  readonly path: string
  readonly ino: number
  readonly writable: boolean
}

export class RecordedFile implements DiskFile {
  readonly path: string
  readonly #process: DiskProcess
  readonly #ino: number
  readonly #inode: Inode
  readonly #writable: boolean
  readonly #folder: string
  #open = true

  constructor({ process, path, ino, writable }: Opening) {
    this.path = path
    this.#process = process
    this.#ino = ino
    this.#inode = process.disk.content.inode(ino)
    this.#writable = writable
    this.#folder = folderOf(path)
  }

  size(): number {
    this.#expectOpen('fstat')
    return this.#inode.size
  }

  /** No holes. */
  allocated(): number {
    return this.size()
  }

  read(target: Uint8Array, at: number, length: number, position: number): number {
    this.#expectOpen('read')
    const count = Math.min(length, this.#inode.size - position, target.length - at)
    if (count <= 0) return 0
    target.set(this.#inode.bytes.subarray(position, position + count), at)
    return count
  }

  write(bytes: Uint8Array, position: number): void {
    this.#expectWritable('write')
    this.#process.step((cut) => this.#record(bytes.subarray(0, cut), position), bytes.length)
    this.#record(bytes, position)
  }

  async writeAside(bytes: Uint8Array, position: number): Promise<void> {
    this.#expectWritable('write')
    await undefined
    this.write(bytes, position)
  }

  truncate(size: number): void {
    this.#expectWritable('ftruncate')
    this.#process.step()
    this.#process.disk.record({ kind: 'truncate', ino: this.#ino, size }, this.#folder)
  }

  sync(): Promise<void> {
    return this.#sync(false)
  }

  /** A sync that fails as EIO. What it would have covered may be on the medium or not, for ever. */
  async failSync(loss: SyncLoss): Promise<void> {
    await this.#sync(true)
    if (loss !== 'kept') this.#letGo(loss)
    throw new SystemError('EIO', 'fdatasync', this.path)
  }

  tryLock(): boolean {
    this.#expectOpen('flock')
    const { locks } = this.#process.disk
    if (!locks.has(this.#ino)) locks.set(this.#ino, this)
    return locks.get(this.#ino) === this
  }

  unlock(): void {
    this.#expectOpen('flock')
    this.#free()
  }

  /** Of the disk, so that it stays what it is in each state that a crash leaves. */
  identity(): FileIdentity {
    this.#expectOpen('fstat')
    return this.#process.disk.identity
  }

  isLinked(): boolean {
    this.#expectOpen('fstat')
    for (const ino of this.#process.disk.content.names.values()) if (ino === this.#ino) return true
    return false
  }

  close(): void {
    this.#expectOpen('close')
    this.drop()
    this.#process.closed(this)
  }

  /** Closed by the death of its process. */
  drop(): void {
    this.#free()
    this.#open = false
  }

  async #sync(failed: boolean): Promise<void> {
    this.#expectOpen('fdatasync')
    this.#process.step()
    const ino = this.#ino
    await this.#process.disk.sync(this.#process, this.path, (covers) => ({ kind: 'sync', ino, covers, failed }))
  }

  #record(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    const op: WriteOp = { kind: 'write', ino: this.#ino, position, bytes: new Uint8Array(bytes) }
    this.#process.disk.record(op, this.#folder)
  }

  /** The pages go, and what is read from now on is what the medium holds: old bytes, or zeros where the file grew. */
  #letGo(loss: 'lost' | 'half'): void {
    const { disk } = this.#process
    const { medium, loose } = Ledger.of(disk).unsynced(this.#ino)
    for (const { position, bytes } of loose) {
      const from = position + (loss === 'lost' ? 0 : bytes.length >> 1)
      const end = Math.min(position + bytes.length, this.#inode.size)
      if (from >= end) continue
      const old = new Uint8Array(end - from)
      old.set(medium.subarray(from, end))
      disk.record({ kind: 'write', ino: this.#ino, position: from, bytes: old, dropped: true }, this.#folder)
    }
  }

  #free(): void {
    const { locks } = this.#process.disk
    if (locks.get(this.#ino) === this) locks.delete(this.#ino)
  }

  #expectOpen(syscall: string): void {
    this.#process.alive()
    if (!this.#open) throw new SystemError('EBADF', syscall, this.path)
  }

  #expectWritable(syscall: string): void {
    this.#expectOpen(syscall)
    if (!this.#writable) throw new SystemError('EBADF', syscall, this.path)
  }
}
