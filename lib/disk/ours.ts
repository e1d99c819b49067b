// ours.ts: what may stand under a name of a queue: nothing else is read, written, made longer or given away.
//
//    a file      a regular one, with one name. Two names: what is written here is read, or lost, somewhere else
//    a folder    a real one: a link would lead all that is made and removed in it to another place
//    both        of the queue's folder's user, of root, or of the user who asks. In a folder that its group may write to,
//                and nobody else, of that group as well: its members are meant to share it
//
// It is looked at through the descriptor that is used afterwards, so that nobody can put something else there in between. A
// file that was removed since has no name, and is no less its own: who opened it finds out.

import fs from 'node:fs'

/** Whose a queue is: its folder, or its database. */
export type Anchor = Pick<fs.Stats, 'uid' | 'gid' | 'mode'>

export const NOT_OURS = 'ENOTOURS'

const GROUP_WRITES = 0o020
const OTHERS_WRITE = 0o002

/** Throws where it is not a file of a queue. `shown`: how it is named to people. */
export function assertFile(stat: fs.Stats, shown: string, anchor?: () => Anchor | undefined): void {
  if (!stat.isFile()) throw notOurs(shown, `${kindOf(stat)}, and no file`)
  if (stat.nlink > 1)
    throw notOurs(shown, `one of ${stat.nlink} names of a file: what is written here changes the others`)
  assertOwner(stat, shown, anchor)
}

/** Throws where it is not a folder of a queue. */
export function assertFolder(stat: fs.Stats, shown: string, anchor?: () => Anchor | undefined): void {
  if (!stat.isDirectory()) throw notOurs(shown, `${kindOf(stat)}, and no folder`)
  assertOwner(stat, shown, anchor)
}

export function notOurs(shown: string, what: string): Error {
  const message = `${shown} is ${what}: it is no part of a queue; see who may write there, and remove it`
  return Object.assign(new Error(message), { code: NOT_OURS, path: shown })
}

export function kindOf(stat: fs.Stats): string {
  if (stat.isSymbolicLink()) return 'a symbolic link'
  if (stat.isDirectory()) return 'a folder'
  if (stat.isFIFO()) return 'a pipe'
  if (stat.isSocket()) return 'a socket'
  return stat.isFile() ? 'a file' : 'a device'
}

/** Throws where it belongs to a user who has no part in the queue. */
export function assertOwner(stat: fs.Stats, shown: string, anchor?: () => Anchor | undefined): void {
  const self = process.geteuid?.()
  if (self === undefined || stat.uid === self || stat.uid === 0) return
  const whose = anchor?.()
  if (whose === undefined || stat.uid === whose.uid || isShared(stat, whose)) return
  const help = `chown ${whose.uid}:${whose.gid} '${shown}', if it is yours`
  throw Object.assign(new Error(`${shown} belongs to user ${stat.uid}, and the queue to ${whose.uid}: ${help}`), {
    code: NOT_OURS,
    path: shown,
  })
}

/** Only members of the group could make it. */
function isShared({ gid }: fs.Stats, whose: Anchor): boolean {
  return gid === whose.gid && (whose.mode & GROUP_WRITES) !== 0 && (whose.mode & OTHERS_WRITE) === 0
}

/** Windows has none of these. */
const O_NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0
const O_DIRECTORY = fs.constants.O_DIRECTORY ?? 0
/** A pipe is opened at once, and doesn't wait for its other end. */
const O_NONBLOCK = fs.constants.O_NONBLOCK ?? 0

export const O_PLAIN = O_NOFOLLOW | O_NONBLOCK

/** A descriptor of the file, and of nothing else. `flags`: for reading or writing; none that makes it. */
export function openPlain(file: string, flags: number, shown = file, anchor?: () => Anchor | undefined): number {
  const fd = opened(file, flags | O_PLAIN, shown)
  try {
    assertFile(fs.fstatSync(fd), shown, anchor)
    return fd
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/** A descriptor of the folder itself, not of where a link under its name leads. */
export function openRealFolder(folder: string, shown = folder, anchor?: () => Anchor | undefined): number {
  const fd = opened(folder, fs.constants.O_RDONLY | O_DIRECTORY | O_NOFOLLOW, shown)
  try {
    assertFolder(fs.fstatSync(fd), shown, anchor)
    return fd
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/** Does something with it; Windows opens no folders, and there nothing is done. */
export function withRealFolder(
  folder: string,
  shown: string,
  anchor: (() => Anchor | undefined) | undefined,
  use: (fd: number) => void,
): void {
  if (process.platform === 'win32') return assertFolder(fs.lstatSync(folder), shown, anchor)
  const fd = openRealFolder(folder, shown, anchor)
  try {
    use(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** What `use` returns of the folder itself, not of where a link under its name leads: on Linux by a descriptor. */
export function withinReal<R>(folder: string, use: (real: string) => R): R {
  assertFolder(fs.lstatSync(folder), folder)
  if (process.platform !== 'linux') return use(folder)
  const fd = openRealFolder(folder)
  try {
    return use(leadsTo(`/proc/self/fd/${fd}`, fd) ? `/proc/self/fd/${fd}` : folder)
  } finally {
    fs.closeSync(fd)
  }
}

/** Not without /proc, nor under Node's permission model, which knows paths alone. */
export function leadsTo(by: string, fd: number): boolean {
  try {
    const [one, other] = [fs.statSync(by, { bigint: true }), fs.fstatSync(fd, { bigint: true })]
    return process.permission === undefined && one.dev === other.dev && one.ino === other.ino
  } catch {
    return false
  }
}

/** What the system refuses to open it says in its own words (ELOOP, ENXIO, ENOTDIR): here it is said what stands there. */
function opened(name: string, flags: number, shown: string): number {
  try {
    return fs.openSync(name, flags)
  } catch (error) {
    const stat = fs.lstatSync(name, { throwIfNoEntry: false })
    const isWanted = flags & O_DIRECTORY ? stat?.isDirectory() : stat?.isFile()
    if (stat === undefined || isWanted) throw error
    throw notOurs(shown, `${kindOf(stat)}, and no ${flags & O_DIRECTORY ? 'folder' : 'file'}`)
  }
}
