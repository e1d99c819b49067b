// folder.ts: a folder that was opened, whatever its path leads to later.
//
//    /q/00…1.0.log ──▶ /proc/self/fd/23/00…1.0.log     on Linux: the folder that descriptor 23 has open, renamed or not
//    /q/00…1.0.log ──▶ /q/00…1.0.log                   elsewhere, where /q is still the folder that it was; else ESTALE
//
// A folder that was renamed is followed, and what takes its place is never touched; in a folder that was removed nothing
// can be made or listed (ENOENT). What is made in it belongs to whom the folder belongs to, as far as the maker may give
// it away, with its mode: what root makes in a service's queue the service can open.

import fs from 'node:fs'
import path from 'node:path'
import { codeOf, type Disk, type DiskFile, type Entered, type OpenMode } from './disk.ts'

/** What a folder needs of the disk below. */
export interface Below extends Disk {
  /** `shown`: how the file is named to people. */
  openAs(file: string, mode: OpenMode, shown: string): { readonly file: DiskFile; readonly fd: number }
  claimAs(folder: string, shown: string): Promise<() => void>
}

export function enterFolder(below: Below, folder: string): Entered {
  const fd = openFolder(folder)
  const disk = new FolderDisk(below, folder, fd)
  return { disk, leave: () => disk.leave() }
}

/** A descriptor through which names are reached; undefined where that doesn't work. */
function openFolder(folder: string): number | undefined {
  if (process.platform !== 'linux') return
  const fd = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  try {
    const by = `/proc/self/fd/${fd}`
    // The permission model allows paths, and doesn't know where this one leads.
    const { permission } = process
    const isAllowed = permission === undefined || (permission.has('fs.read', by) && permission.has('fs.write', by))
    if (isAllowed && identityOf(by) === identityOf(folder)) return fd
  } catch {
    // No /proc.
  }
  fs.closeSync(fd)
  return
}

function identityOf(name: string): string {
  const { dev, ino } = fs.statSync(name, { bigint: true })
  return `${dev}:${ino}`
}

const PERMISSION_BITS = 0o777
const NOT_EXECUTABLE = 0o666

class FolderDisk implements Disk {
  readonly #below: Below
  readonly #shown: string
  readonly #root: string
  readonly #identity: string
  #fd: number | undefined

  constructor(below: Below, shown: string, fd: number | undefined) {
    this.#below = below
    this.#shown = shown
    this.#fd = fd
    this.#root = fd === undefined ? shown : `/proc/self/fd/${fd}`
    this.#identity = identityOf(shown)
  }

  open(name: string, mode: OpenMode): DiskFile {
    return this.#told(name, (real) => {
      const { file, fd } = this.#below.openAs(real, mode, name)
      if (mode === 'create' && this.#isIn(name)) this.#giveAway(fd, NOT_EXECUTABLE)
      return file
    })
  }

  list(folder: string): string[] {
    return this.#told(folder, (real) => {
      const names = this.#below.list(real)
      if (names.length === 0 && this.#isRemoved()) throw missing('scandir', folder)
      return names
    })
  }

  /** A folder that was removed lists as empty. */
  #isRemoved(): boolean {
    return this.#fd !== undefined && fs.fstatSync(this.#fd).nlink === 0
  }

  makeFolder(folder: string): boolean {
    return this.#told(folder, (real) => {
      const isNew = this.#below.makeFolder(real)
      if (isNew && this.#isIn(folder)) this.#giveFolderAway(real)
      return isNew
    })
  }

  rename(from: string, to: string): void {
    this.#told(from, (real) => this.#below.rename(real, this.#real(to)))
  }

  unlink(name: string): void {
    this.#told(name, (real) => this.#below.unlink(real))
  }

  allClosed(): Promise<void> {
    return this.#below.allClosed()
  }

  async syncFolder(folder: string): Promise<void> {
    try {
      await this.#below.syncFolder(this.#real(folder))
    } catch (error) {
      throw this.#shownError(error)
    }
    if (this.#isRemoved()) throw missing('fsync', folder)
  }

  claim(folder: string): Promise<() => void> {
    return this.#below.claimAs(this.#real(folder), folder)
  }

  watch(folder: string, changed: () => void): () => void {
    return this.#below.watch(this.#real(folder), changed)
  }

  bootId(): string {
    return this.#below.bootId()
  }

  isShared(folder: string): boolean {
    return this.#below.isShared(this.#real(folder))
  }

  self(): ReturnType<Disk['self']> {
    return this.#below.self()
  }

  leave(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd)
    this.#fd = undefined
  }

  #isIn(name: string): boolean {
    return name.startsWith(`${this.#shown}/`)
  }

  /** How the system finds what is named so. */
  #real(name: string): string {
    if (name !== this.#shown && !this.#isIn(name)) return name
    if (this.#root !== this.#shown) return this.#root + name.slice(this.#shown.length)
    if (identityNow(this.#shown) === this.#identity) return name
    throw Object.assign(
      new Error(
        `ESTALE: ${this.#shown} was moved, removed or replaced while it was open: close it, and open it where it is`,
      ),
      { code: 'ESTALE' },
    )
  }

  #told<R>(name: string, act: (real: string) => R): R {
    try {
      return act(this.#real(name))
    } catch (error) {
      throw this.#shownError(error)
    }
  }

  /** As people know the folder; and where somebody else's file stands in the way, how to get it back. */
  #shownError(error: unknown): unknown {
    if (!(error instanceof Error) || !('path' in error) || typeof error.path !== 'string') return error
    const { message, path: real } = error
    const shown = real.startsWith(this.#root) ? this.#shown + real.slice(this.#root.length) : real
    error.message = message.replaceAll(this.#root, this.#shown) + this.#advice(codeOf(error), real, shown)
    error.path = shown
    return error
  }

  #advice(code: string, real: string, shown: string): string {
    if (code !== 'EACCES' && code !== 'EPERM') return ''
    const [file, folder] = [fs.statSync(real, { throwIfNoEntry: false }), this.#stat()]
    if (!file || !folder || file.uid === folder.uid) return ''
    return `. It belongs to user ${file.uid}, and the queue to ${folder.uid}: chown ${folder.uid}:${folder.gid} '${shown}'`
  }

  #stat(): fs.Stats | undefined {
    try {
      return this.#fd === undefined ? fs.statSync(this.#shown) : fs.fstatSync(this.#fd)
    } catch {
      return
    }
  }

  #giveAway(fd: number, most: number): void {
    const folder = this.#stat()
    if (!folder) return
    allowed(() => fs.fchmodSync(fd, folder.mode & most))
    if (isOthers(folder)) allowed(() => fs.fchownSync(fd, folder.uid, folder.gid))
  }

  #giveFolderAway(real: string): void {
    let fd: number | undefined
    try {
      fd = fs.openSync(real, fs.constants.O_RDONLY)
      this.#giveAway(fd, PERMISSION_BITS)
    } catch {
      // Windows opens no folders.
    } finally {
      if (fd !== undefined) fs.closeSync(fd)
    }
  }
}

/** Whether what this process makes belongs to another than the folder's user or group. */
function isOthers({ uid, gid }: fs.Stats): boolean {
  return process.geteuid?.() !== uid || process.getegid?.() !== gid
}

/** Only root may give files to others; a file system may know no modes. */
function allowed(change: () => void): void {
  try {
    change()
  } catch {}
}

function missing(syscall: string, name: string): Error {
  const message = `ENOENT: no such file or directory, ${syscall} '${name}': it was removed`
  return Object.assign(new Error(message), { code: 'ENOENT', path: path.normalize(name) })
}

function identityNow(folder: string): string {
  try {
    return identityOf(folder)
  } catch {
    return 'gone'
  }
}
