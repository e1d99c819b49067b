// root.ts: how the system finds a name in a folder that was opened, whatever its path leads to later.
//
//    /q/00…1.0.log ──▶ /proc/self/fd/23/00…1.0.log     on Linux: the folder that descriptor 23 has open, renamed or not
//    /q/owners/7   ──▶ /proc/self/fd/31/7              31 is open as long as the call: the folder owners/ in 23, no link
//    /q/00…1.0.log ──▶ /q/00…1.0.log                   elsewhere, where /q is still the folder that it was; else ESTALE

import fs from 'node:fs'
import { assertFolder, openRealFolder } from './ours.ts'

/** Where a name is, until `end`. */
export interface Place {
  readonly real: string
  /** What people know it by begins with `shown` where this begins with `root`. */
  readonly root: string
  readonly shown: string
  end(): void
}

export class Root {
  readonly shown: string
  readonly #root: string
  readonly #identity: string
  #fd: number | undefined

  /** `isReal`: it may not be reached by a link. */
  constructor(shown: string, isReal = false) {
    this.shown = shown
    this.#fd = openFolder(shown, isReal)
    this.#root = this.#fd === undefined ? shown : `/proc/self/fd/${this.#fd}`
    this.#identity = identityOf(shown)
  }

  isIn(name: string): boolean {
    return name.startsWith(`${this.shown}/`)
  }

  /** A name in the folder, or in a folder in it. */
  place(name: string): Place {
    const cut = name.indexOf('/', this.shown.length + 1)
    return this.isIn(name) && cut > 0 ? this.#within(name.slice(0, cut), name.slice(cut)) : this.#at(name)
  }

  /** The folder, or one in it, to be gone into. */
  folder(name: string): Place {
    return this.isIn(name) ? this.#within(name, '') : this.#at(name)
  }

  #within(shown: string, rest: string): Place {
    const { real } = this.#at(shown)
    if (this.#fd === undefined) {
      assertFolder(fs.lstatSync(real), shown, () => this.stat())
      return { real: real + rest, root: real, shown, end: nothing }
    }
    const fd = this.#enter(real, shown)
    const root = `/proc/self/fd/${fd}`
    return { real: root + rest, root, shown, end: () => fs.closeSync(fd) }
  }

  #enter(real: string, shown: string): number {
    try {
      return openRealFolder(real, shown, () => this.stat())
    } catch (error) {
      throw renamed(error, this.#root, this.shown)
    }
  }

  #at(name: string): Place {
    const { shown } = this
    const whole = { root: this.#root, shown, end: nothing }
    if (name !== shown && !this.isIn(name)) return { ...whole, real: name }
    if (this.#root !== shown) return { ...whole, real: this.#root + name.slice(shown.length) }
    if (identityNow(shown) === this.#identity) return { ...whole, real: name }
    throw Object.assign(
      new Error(`ESTALE: ${shown} was moved, removed or replaced while it was open: close it, and open it where it is`),
      { code: 'ESTALE' },
    )
  }

  /** A folder that was removed lists as empty. */
  get isRemoved(): boolean {
    return this.#fd !== undefined && fs.fstatSync(this.#fd).nlink === 0
  }

  stat(): fs.Stats | undefined {
    try {
      return this.#fd === undefined ? fs.statSync(this.shown) : fs.fstatSync(this.#fd)
    } catch {
      return
    }
  }

  close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd)
    this.#fd = undefined
  }
}

/** A system's error as people know the place. */
export function renamed(error: unknown, root: string, shown: string): unknown {
  if (!(error instanceof Error) || !('path' in error) || typeof error.path !== 'string') return error
  error.message = error.message.replaceAll(root, shown)
  if (error.path.startsWith(root)) error.path = shown + error.path.slice(root.length)
  return error
}

/** A descriptor through which names are reached; undefined where that doesn't work. */
function openFolder(folder: string, isReal: boolean): number | undefined {
  if (isReal) assertFolder(fs.lstatSync(folder), folder)
  if (process.platform !== 'linux') return
  const { O_RDONLY, O_DIRECTORY } = fs.constants
  const fd = isReal ? openRealFolder(folder) : fs.openSync(folder, O_RDONLY | O_DIRECTORY)
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

function identityNow(folder: string): string {
  try {
    return identityOf(folder)
  } catch {
    return 'gone'
  }
}

function nothing(): void {}
