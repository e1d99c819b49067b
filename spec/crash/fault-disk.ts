// fault-disk.ts: any disk, with calls that fail: the n-th of all, or of one kind, once or for ever after.
//
//      count   what fails                 leaves
//      write   short given: ENOSPC        the first bytes written
//      sync    its promise rejects        on a recording disk what `loss` says; elsewhere no sync is made
//      others  thrown                     nothing changed
//
// unlock, allocated, identity, isLinked, close, watch, bootId and self never fail. `openFiles` counts what was opened and not closed.

import type { Disk, DiskFile, FileIdentity, OpenMode, Self } from '../../lib/disk/disk.ts'
import { DiskProcess } from './disk-process.ts'
import { RecordedFile, type SyncLoss } from './recorded-file.ts'
import { RecordingDisk } from './recording-disk.ts'
import { SystemError } from './system-error.ts'

export const FAILING_CALLS = [
  'open',
  'list',
  'makeFolder',
  'rename',
  'unlink',
  'syncFolder',
  'claim',
  'size',
  'read',
  'write',
  'writeAside',
  'truncate',
  'sync',
  'tryLock',
] as const
export type FailingCall = (typeof FAILING_CALLS)[number]

export interface Fault {
  /** The how-many-th call fails, from 1, counted from when the fault is set. */
  readonly at: number
  /** Which calls count. Default: all. */
  readonly call?: FailingCall
  readonly code: 'EIO' | 'ENOSPC' | 'EACCES' | 'EMFILE' | 'EDQUOT'
  readonly times?: 'once' | 'forever'
  /** For writes: how many bytes get through. */
  readonly short?: number
  /** Only writes count and fail; other calls take no notice. */
  readonly onlyWrites?: boolean
  /** For opens: only those that make a file count and fail. */
  readonly onlyCreates?: boolean
  /** For syncs. Default: 'kept'. */
  readonly loss?: SyncLoss
}

export class FaultDisk implements Disk {
  openFiles = 0
  /** Calls so far, of each kind and in all: how far a sweep has to go. */
  readonly calls = new Map<FailingCall | 'all', number>()
  /** How many calls have failed by the fault. */
  failures = 0
  /** Called when a call is about to fail. */
  failing: (() => void) | undefined
  readonly #inner: Disk
  #fault: Fault | undefined
  #left = 0

  constructor(inner: Disk, fault?: Fault) {
    this.#inner = inner
    this.setFault(fault)
  }

  get dead(): boolean {
    return this.#inner instanceof DiskProcess && this.#inner.dead
  }

  /** From now on this fault, counted from here; undefined: none. */
  setFault(fault: Fault | undefined): void {
    this.#fault = fault
    this.#left = fault?.at ?? 0
  }

  open(path: string, mode: OpenMode): DiskFile {
    if (mode === 'create' || !this.#fault?.onlyCreates) this.step('open', path)
    const file = new FaultFile(this, this.#inner.open(path, mode))
    this.openFiles++
    return file
  }

  list(folder: string): string[] {
    this.step('list', folder)
    return this.#inner.list(folder)
  }

  makeFolder(folder: string): boolean {
    this.step('makeFolder', folder)
    return this.#inner.makeFolder(folder)
  }

  rename(from: string, to: string): void {
    this.step('rename', from)
    this.#inner.rename(from, to)
  }

  unlink(path: string): void {
    this.step('unlink', path)
    this.#inner.unlink(path)
  }

  allClosed(): Promise<void> {
    return this.#inner.allClosed()
  }

  async syncFolder(folder: string): Promise<void> {
    const fault = this.due('syncFolder')
    if (!fault) return this.#inner.syncFolder(folder)
    if (this.#inner instanceof RecordingDisk || this.#inner instanceof DiskProcess)
      await this.#inner.failSyncFolder(folder).catch(() => undefined)
    throw new SystemError(fault.code, 'syncFolder', folder)
  }

  async claim(folder: string): Promise<() => void> {
    this.step('claim', folder)
    return this.#inner.claim(folder)
  }

  watch(folder: string, changed: () => void): () => void {
    return this.#inner.watch(folder, changed)
  }

  bootId(): string {
    return this.#inner.bootId()
  }

  isShared(folder: string): boolean {
    return this.#inner.isShared(folder)
  }

  self(): Self {
    return this.#inner.self()
  }

  /** Counts a call; the fault, if it is this call's turn. */
  due(call: FailingCall): Fault | undefined {
    for (const counted of [call, 'all'] as const) this.calls.set(counted, (this.calls.get(counted) ?? 0) + 1)
    const fault = this.#fault
    if (!fault || (fault.call && fault.call !== call)) return undefined
    if (fault.onlyWrites && call !== 'write' && call !== 'writeAside') return undefined
    if (--this.#left > 0 || (this.#left < 0 && fault.times !== 'forever')) return undefined
    this.failures++
    this.failing?.()
    return fault
  }

  step(call: FailingCall, path: string): void {
    const fault = this.due(call)
    if (fault) throw new SystemError(fault.code, call, path)
  }
}

class FaultFile implements DiskFile {
  readonly #disk: FaultDisk
  readonly #inner: DiskFile
  #open = true

  constructor(disk: FaultDisk, inner: DiskFile) {
    this.#disk = disk
    this.#inner = inner
  }

  get path(): string {
    return this.#inner.path
  }

  size(): number {
    this.#disk.step('size', this.path)
    return this.#inner.size()
  }

  allocated(): number {
    return this.#inner.allocated()
  }

  read(target: Uint8Array, at: number, length: number, position: number): number {
    this.#disk.step('read', this.path)
    return this.#inner.read(target, at, length, position)
  }

  write(bytes: Uint8Array, position: number): void {
    const fault = this.#disk.due('write')
    this.#inner.write(fault ? bytes.subarray(0, fault.short ?? 0) : bytes, position)
    if (fault) throw new SystemError(fault.code, 'write', this.path)
  }

  async writeAside(bytes: Uint8Array, position: number): Promise<void> {
    const fault = this.#disk.due('writeAside')
    if (!fault) return this.#inner.writeAside(bytes, position)
    await this.#inner.writeAside(bytes.subarray(0, fault.short ?? 0), position)
    throw new SystemError(fault.code, 'write', this.path)
  }

  truncate(size: number): void {
    this.#disk.step('truncate', this.path)
    this.#inner.truncate(size)
  }

  async sync(): Promise<void> {
    const fault = this.#disk.due('sync')
    if (!fault) return this.#inner.sync()
    if (this.#inner instanceof RecordedFile) await this.#inner.failSync(fault.loss ?? 'kept').catch(() => undefined)
    throw new SystemError(fault.code, 'fdatasync', this.path)
  }

  tryLock(): boolean {
    this.#disk.step('tryLock', this.path)
    return this.#inner.tryLock()
  }

  unlock(): void {
    this.#inner.unlock()
  }

  identity(): FileIdentity {
    return this.#inner.identity()
  }

  isLinked(): boolean {
    return this.#inner.isLinked()
  }

  close(): void {
    this.#inner.close()
    if (this.#open) this.#disk.openFiles--
    this.#open = false
  }
}
