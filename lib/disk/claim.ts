// claim.ts: one thread has a queue to itself, where locks that reach other processes can't be had.
//
//    only.7             the claim: one file with the holder's line (holder.ts), or 'released'. The highest number rules.
//    only.<uuid>.tmp    a claim on its way
//
// A claim is whole when its name appears: it is written under another name and linked, which fails where the name is
// there already. Of several that found the same claim dead, one gets the next number. The highest is never removed, not
// even when released, so that numbers never come again: whoever linked a number that he had worked out long ago sees a
// higher one now, and takes his own back. Numbers below, and what was left on its way, go with the next claim.
//
// Processes that do have fs-ext hold a shared flock on the folder while they have the queue open, and look at the claim
// after that; a claim looks for their lock (in /proc/locks) after it was made. Of the two, one at least sees the other.
// Without /proc/locks, and on btrfs, whose devices have other numbers there, a claim doesn't see them.

import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import { type Flock, LOCK_NB, LOCK_SH } from './addon.ts'
import { codeOf } from './disk.ts'
import { format, type Holder, isAlive, parse, self } from './holder.ts'

const RELEASED = 'released\n'
/** Only where there are no hard links can a claim be seen half written; one so old is nobody's. */
const UNFINISHED_MS = 2000

interface Claim {
  readonly fd: number
  handles: number
}

/** What this thread has claimed, by folder. */
const claims = new Map<string, Claim>()

/** Makes this thread the only one, or one more handle of the thread that is. */
export function claimAlone(folder: string): () => void {
  const key = identityOf(folder)
  const claim = claims.get(key) ?? take(folder)
  claims.set(key, claim)
  claim.handles++
  return once(() => {
    claim.handles--
    if (claim.handles === 0 && release(claim)) claims.delete(key)
  })
}

/** Shares the folder with all that have fs-ext; throws where somebody claimed it alone. */
export function claimShared(folder: string, flock: Flock): () => void {
  const fd = lockFolder(folder, flock)
  try {
    refuseIfClaimed(folder, ruling(folder))
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd)
    throw error
  }
  return once(() => {
    if (fd !== undefined) fs.closeSync(fd)
  })
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    act()
  }
}

function identityOf(file: string): string {
  const { dev, ino } = fs.statSync(file, { bigint: true })
  return `${dev}:${ino}`
}

function take(folder: string): Claim {
  for (;;) {
    const before = ruling(folder)
    refuseIfClaimed(folder, before)
    const number = before.number + 1
    const fd = make(folder, number)
    if (fd === undefined) continue
    const claim = { fd, handles: 0 }
    try {
      if (ruling(folder).number === number) {
        refuseIfShared(folder)
        sweep(folder, number)
        return claim
      }
    } catch (error) {
      release(claim)
      throw error
    }
    release(claim)
    remove(path.join(folder, `only.${number}`))
  }
}

/** The highest claim and what it says; what is gone by now had a successor, and says nothing. */
function ruling(folder: string): { readonly number: number; readonly file: string; readonly text: string } {
  const number = fs.readdirSync(folder).reduce((highest, name) => Math.max(highest, numberOf(name)), 0)
  const file = path.join(folder, `only.${number}`)
  return { number, file, text: number === 0 ? RELEASED : read(file) }
}

function numberOf(name: string): number {
  return /^only\.\d+$/.test(name) ? Number(name.slice('only.'.length)) : 0
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return RELEASED
    throw error
  }
}

function refuseIfClaimed(folder: string, { file, text }: { readonly file: string; readonly text: string }): void {
  if (text.startsWith(RELEASED)) return
  if (!text.endsWith('\n')) {
    if (Date.now() - fs.statSync(file).mtimeMs < UNFINISHED_MS) throw refusal(folder, 'another process')
    return
  }
  const holder = parse(text)
  if (holder !== undefined && isAlive(holder)) throw refusal(folder, nameOf(holder))
}

function nameOf({ pid, thread }: Holder): string {
  if (pid !== process.pid) return `process ${pid}${thread === 0 ? '' : ` (its thread ${thread})`}`
  return thread === threadId ? 'another copy of spoolq in this thread' : `thread ${thread} of this process (${pid})`
}

function refusal(folder: string, who: string): Error {
  const message =
    `${folder} is open in ${who}, and fs-ext, through which threads and processes share a queue, is missing there or ` +
    `here: close it there first, or get sharing back with 'npm rebuild fs-ext'`
  return Object.assign(new Error(message), { code: 'ECLAIMED' })
}

/** `undefined` where somebody else was first. */
function make(folder: string, number: number): number | undefined {
  const name = path.join(folder, `only.${number}`)
  const draft = path.join(folder, `only.${randomUUID()}.tmp`)
  const fd = write(draft)
  try {
    fs.linkSync(draft, name)
    return fd
  } catch (error) {
    fs.closeSync(fd)
    // The draft is gone where somebody else has claimed the folder by now, and swept it.
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return undefined
    return makeUnlinked(name)
  } finally {
    remove(draft)
  }
}

/** On a file system without hard links: the name first, then the line. */
function makeUnlinked(name: string): number | undefined {
  try {
    return write(name)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined
    throw error
  }
}

function write(file: string): number {
  const fd = fs.openSync(file, 'wx', 0o600)
  try {
    fs.writeSync(fd, format(self()), 0, 'latin1')
    return fd
  } catch (error) {
    fs.closeSync(fd)
    remove(file)
    throw error
  }
}

/** Through the descriptor, because the folder may have been renamed; in place, because the disk may be full. */
function release({ fd }: Claim): boolean {
  try {
    fs.writeSync(fd, RELEASED, 0, 'latin1')
    fs.closeSync(fd)
    return true
  } catch {
    return false // It stays this thread's until the thread ends, and its next handle takes it up again.
  }
}

function sweep(folder: string, number: number): void {
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith('only.') && name !== `only.${number}`) remove(path.join(folder, name))
  }
}

function remove(file: string): void {
  try {
    fs.unlinkSync(file)
  } catch {
    // Whoever claims the folder next tries again.
  }
}

/** `undefined` where folders can't be opened or locked (Windows, some network file systems). */
function lockFolder(folder: string, flock: Flock): number | undefined {
  let fd: number | undefined
  try {
    fd = fs.openSync(folder, 'r')
    flock(fd, LOCK_SH | LOCK_NB)
    return fd
  } catch {
    if (fd !== undefined) fs.closeSync(fd)
    return undefined
  }
}

/** Lines of /proc/locks:  `1: FLOCK  ADVISORY  READ  4711 fe:00:1835021 0 EOF`, the device in hexadecimal. */
function refuseIfShared(folder: string): void {
  const { dev, ino } = fs.statSync(folder, { bigint: true })
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
  const place = ` ${hex(major)}:${hex(minor)}:${ino} `
  const line = readLocks().find((each) => each.includes('FLOCK') && each.includes(place))
  if (line !== undefined) throw refusal(folder, `process ${line.split(/\s+/)[4]}`)
}

function hex(value: bigint): string {
  return value.toString(16).padStart(2, '0')
}

function readLocks(): string[] {
  try {
    return fs.readFileSync('/proc/locks', 'latin1').split('\n')
  } catch {
    return []
  }
}
