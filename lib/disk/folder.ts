// folder.ts: the disk as a queue sees it that stands in a folder that was opened (root.ts).
//
// A folder that was renamed is followed, and what takes its place is never touched; in a folder that was removed nothing
// can be made or listed (ENOENT). What is made in it belongs to whom the folder belongs to, as far as the maker may give
// it away, with its mode: what root makes in a service's queue the service can open. What is opened in it is a queue's
// own (ours.ts): a link, a pipe or another user's file is refused.

import fs from 'node:fs'
import path from 'node:path'
import { codeOf, type Disk, type DiskFile, type Entered, type OpenMode } from './disk.ts'
import { madeFolder } from './names.ts'
import { type Anchor, assertFile, assertFolder, withRealFolder } from './ours.ts'
import { type Place, Root, renamed } from './root.ts'

export interface Opened {
  readonly file: DiskFile
  readonly fd: number
}

/** What a folder needs of the disk below. */
export interface Below extends Disk {
  /** `shown`: how the file is named to people. `anchor`: whose it has to be. */
  openAs(file: string, mode: OpenMode, shown: string, anchor: () => Anchor | undefined): Opened
  claimAs(folder: string, shown: string): Promise<() => void>
}

export function enterFolder(below: Below, folder: string, isReal?: boolean): Entered {
  const root = new Root(folder, isReal)
  return { disk: new FolderDisk(below, root), leave: () => root.close() }
}

const PERMISSION_BITS = 0o777
const NOT_EXECUTABLE = 0o666

class FolderDisk implements Disk {
  readonly #below: Below
  readonly #root: Root
  readonly #anchor = (): Anchor | undefined => this.#root.stat()

  constructor(below: Below, root: Root) {
    this.#below = below
    this.#root = root
  }

  open(name: string, mode: OpenMode): DiskFile {
    return this.#told(this.#root.place(name), (real) => {
      const { file, fd } = this.#below.openAs(real, mode, name, this.#anchor)
      if (mode === 'create' && this.#root.isIn(name)) this.#giveAway(fd, NOT_EXECUTABLE)
      return file
    })
  }

  look(name: string, kind: 'file' | 'folder'): void {
    this.#told(this.#root.place(name), (real) => {
      const stat = fs.lstatSync(real, { throwIfNoEntry: false })
      if (stat === undefined) return
      if (kind === 'file') assertFile(stat, name, this.#anchor)
      else assertFolder(stat, name, this.#anchor)
    })
  }

  list(folder: string, most?: number): string[] {
    return this.#told(this.#root.folder(folder), (real) => {
      const names = this.#below.list(real, most)
      if (names.length === 0 && this.#root.isRemoved) throw missing('scandir', folder)
      return names
    })
  }

  makeFolder(folder: string): boolean {
    if (!this.#root.isIn(folder)) return this.#below.makeFolder(folder)
    return this.#told(this.#root.place(folder), (real) => {
      const isNew = isMade(real)
      withRealFolder(real, folder, this.#anchor, (fd) => {
        if (isNew) this.#giveAway(fd, PERMISSION_BITS)
      })
      return isNew
    })
  }

  rename(from: string, to: string): void {
    const target = this.#root.place(to)
    try {
      this.#told(this.#root.place(from), (real) => this.#below.rename(real, target.real))
    } finally {
      target.end()
    }
  }

  unlink(name: string): void {
    this.#told(this.#root.place(name), (real) => this.#below.unlink(real))
  }

  allClosed(): Promise<void> {
    return this.#below.allClosed()
  }

  async syncFolder(folder: string): Promise<void> {
    const place = this.#root.folder(folder)
    try {
      await this.#below.syncFolder(place.real)
    } catch (error) {
      throw this.#shownError(error, place)
    } finally {
      place.end()
    }
    if (this.#root.isRemoved) throw missing('fsync', folder)
  }

  async claim(folder: string): Promise<() => void> {
    const { real } = this.#root.folder(folder)
    try {
      return await this.#below.claimAs(real, folder)
    } catch (error) {
      if (error instanceof Error) error.message = error.message.replaceAll(real, folder)
      throw error
    }
  }

  watch(folder: string, changed: () => void): ReturnType<Disk['watch']> {
    return this.#below.watch(this.#root.folder(folder).real, changed)
  }

  bootId(): string {
    return this.#below.bootId()
  }

  isShared(folder: string): boolean {
    return this.#told(this.#root.folder(folder), (real) => this.#below.isShared(real))
  }

  self(): ReturnType<Disk['self']> {
    return this.#below.self()
  }

  #told<R>(place: Place, act: (real: string) => R): R {
    try {
      return act(place.real)
    } catch (error) {
      throw this.#shownError(error, place)
    } finally {
      place.end()
    }
  }

  /** As people know the folder; and where somebody else's file stands in the way, how to get it back. */
  #shownError(error: unknown, { root, shown }: Place): unknown {
    const real = error instanceof Error && 'path' in error ? String(error.path) : ''
    const advice = this.#advice(codeOf(error), real)
    const told = renamed(error, root, shown)
    if (advice !== '' && told instanceof Error && 'path' in told) told.message += `${advice} '${told.path}'`
    return told
  }

  #advice(code: string, real: string): string {
    if (code !== 'EACCES' && code !== 'EPERM') return ''
    const [file, folder] = [fs.statSync(real, { throwIfNoEntry: false }), this.#anchor()]
    if (!file || !folder || file.uid === folder.uid) return ''
    return `. It belongs to user ${file.uid}, and the queue to ${folder.uid}: chown ${folder.uid}:${folder.gid}`
  }

  /** A member of its group who may not give it to the folder's user shares it with the group. */
  #giveAway(fd: number, most: number): void {
    const folder = this.#anchor()
    if (!folder) return
    allowed(() => fs.fchmodSync(fd, folder.mode & most))
    if (!isOthers(folder)) return
    if (!allowed(() => fs.fchownSync(fd, folder.uid, folder.gid))) allowed(() => fs.fchownSync(fd, -1, folder.gid))
  }
}

/** False where something has the name; whether it is a folder is seen when it is gone into. */
function isMade(folder: string): boolean {
  try {
    return madeFolder(folder)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Whether what this process makes belongs to another than the folder's user or group. */
function isOthers({ uid, gid }: Anchor): boolean {
  return process.geteuid?.() !== uid || process.getegid?.() !== gid
}

/** Only root may give files to others; a file system may know no modes. False where it was not allowed. */
function allowed(change: () => void): boolean {
  try {
    change()
    return true
  } catch {
    return false
  }
}

function missing(syscall: string, name: string): Error {
  const message = `ENOENT: no such file or directory, ${syscall} '${name}': it was removed`
  return Object.assign(new Error(message), { code: 'ENOENT', path: path.normalize(name) })
}
