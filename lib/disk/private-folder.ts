// private-folder.ts: a folder for one use, into which nobody but this user can put anything: what is loaded from it as a
// program is what was written.
//
//    a place of root's or one's own, where nobody else may write, or none but his own (sticky, as /tmp)
//      └─▶ mkdtemp (0700) ─▶ opened, no link: this user's, 0700 ─▶ used through that descriptor ─▶ removed
//
// Elsewhere than on Linux it is used by its path.

import fs from 'node:fs'
import path from 'node:path'
import { leadsTo, openRealFolder } from './ours.ts'

const OTHERS_WRITE = 0o022
const STICKY = 0o1000
const OTHERS = 0o077

/** What `use` returns; throws where no such folder can be had. What is in it is `use`'s to remove. */
export function inPrivateFolder<R>(place: string, use: (folder: string) => R): R {
  assertPlace(place)
  const folder = fs.mkdtempSync(path.join(place, 'spoolq-'))
  let fd: number | undefined
  try {
    if (process.platform === 'win32') return use(folder)
    fd = openRealFolder(folder)
    assertPrivate(fs.fstatSync(fd), folder)
    const by = `/proc/self/fd/${fd}`
    return use(leadsTo(by, fd) ? by : folder)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
    remove(folder)
  }
}

/** In another one, somebody could take the folder away and put his own there. */
function assertPlace(place: string): void {
  const self = process.geteuid?.()
  if (self === undefined) return
  const { uid, mode } = fs.statSync(place)
  const isTrusted = uid === self || uid === 0
  if (isTrusted && ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0)) return
  throw new Error(`${place}: other users may rename what is there`)
}

function assertPrivate({ uid, mode }: fs.Stats, folder: string): void {
  if (uid === process.geteuid?.() && (mode & OTHERS) === 0) return
  throw new Error(`${folder}: other users may write there`)
}

function remove(folder: string): void {
  try {
    fs.rmdirSync(folder)
  } catch {
    // Windows keeps what is loaded from it.
  }
}
