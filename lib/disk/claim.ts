// claim.ts: one thread has a queue to itself, where locks that reach other processes can't be had.
//
//    only.7             the claim: the holder's token (token.ts), or 'released'. The highest number rules.
//    only.<uuid>.tmp    a claim on its way
//
// A token is held by the kernel: it shows its holder alive from any container and while he is stopped, and dead as soon as
// he is. A claim is whole when its name appears: it is made under another name and linked, which fails where the name is
// there already. Of several that found the same claim dead, one gets the next number. The highest is never removed, not
// even when released, so that numbers never come again: whoever linked a number that he had worked out long ago sees a
// higher one now, and takes his own back. Numbers below, and what was left on its way, go with the next claim.
//
// Processes that do have fs-ext hold a shared flock on the folder while they have the queue open, and look at the claim
// after that; a claim looks for their lock (shared-locks.ts) after it was made. Of the two, one at least sees the other.

import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import { type Flock, LOCK_NB, LOCK_SH } from './addon.ts'
import { codeOf } from './disk.ts'
import { notOurs } from './ours.ts'
import { holderOfSharedLock } from './shared-locks.ts'
import { makeToken, type Taken, type Token, takenBy } from './token.ts'

/** No claim's number was ever as high, but one's that somebody made up. */
const HIGHEST = 10 ** 15

interface Claim {
  readonly token: Token
  /** By a descriptor, where it can be: it may be renamed. */
  readonly place: Place
  readonly number: number
  handles: number
}

interface Made {
  readonly token: Token
  readonly isLinked: boolean
}

interface Place {
  readonly path: string
  close(): void
}

/** What this thread has claimed, or is about to, by folder. */
const claims = new Map<string, Promise<Claim>>()

/** Makes this thread the only one, or one more handle of the thread that is. `shown`: how the folder is named to people. */
export async function claimAlone(folder: string, shown = folder): Promise<() => void> {
  const key = identityOf(folder)
  for (;;) {
    const claiming = claims.get(key) ?? take(folder, shown)
    claims.set(key, claiming)
    const claim = await claiming.catch((error: unknown) => {
      if (claims.get(key) === claiming) claims.delete(key)
      throw error
    })
    if (claims.get(key) === claiming) return counted(key, claim)
  }
}

function counted(key: string, claim: Claim): () => void {
  claim.handles++
  return once(() => {
    claim.handles--
    if (claim.handles > 0) return
    claims.delete(key)
    claim.token.release(path.join(claim.place.path, `only.${claim.number}`))
    claim.place.close()
  })
}

/** Shares the folder with all that have fs-ext; rejects where somebody claimed it alone. */
export async function claimShared(folder: string, flock: Flock, shown = folder): Promise<() => void> {
  const fd = lockFolder(folder, flock)
  try {
    await refuseIfClaimed(folder, numbersIn(folder).slice(-1), shown)
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

async function take(folder: string, shown: string): Promise<Claim> {
  const place = openPlace(folder)
  try {
    for (;;) {
      const claim = await takeNext(place, shown)
      if (claim) return claim
    }
  } catch (error) {
    place.close()
    throw error
  }
}

/** Undefined where somebody else was faster. */
async function takeNext(place: Place, shown: string): Promise<Claim | undefined> {
  const before = numbersIn(place.path)
  await refuseIfClaimed(place.path, before.slice(-1), shown)
  const number = (before.at(-1) ?? 0) + 1
  if (number > HIGHEST) throw notOurs(`${shown}/only.${before.at(-1)}`, 'a claim that was made up')
  const made = await make(place.path, number)
  if (!made) return
  const { token } = made
  const name = path.join(place.path, `only.${number}`)
  try {
    if (await isMine(place.path, number, made)) {
      const who = await holderOfSharedLock(place.path)
      if (who !== undefined) throw refusal(shown, who)
      sweep(place.path, number)
      return { token, place, number, handles: 0 }
    }
  } catch (error) {
    token.release(name)
    throw error
  }
  token.abandon()
  remove(name)
  return
}

/** No higher number is there. */
async function isMine(folder: string, number: number, { isLinked }: Made): Promise<boolean> {
  const numbers = numbersIn(folder)
  if (numbers.at(-1) !== number) return false
  // Without links one below may have been looked at after its name came, and before its holder listened.
  const below = isLinked ? [] : numbers.slice(0, -1)
  for (const each of below) if (await takenBy(path.join(folder, `only.${each}`), `only.${each}`)) return false
  return true
}

/** In order. */
function numbersIn(folder: string): number[] {
  const names = fs.readdirSync(folder).filter((name) => /^only\.[1-9]\d{0,15}$/.test(name))
  return names.map((name) => Number(name.slice('only.'.length))).sort((one, other) => one - other)
}

async function refuseIfClaimed(folder: string, numbers: readonly number[], shown: string): Promise<void> {
  for (const number of numbers) {
    const taken = await takenBy(path.join(folder, `only.${number}`), `${shown}/only.${number}`)
    if (taken) throw refusal(shown, nameOf(taken))
  }
}

function nameOf({ holder, host, isElsewhere }: Taken): string {
  if (!holder) return 'another process, which does not answer (it may be stopped)'
  const { pid, thread } = holder
  const whole = `process ${pid}${thread === 0 ? '' : ` (its thread ${thread})`}`
  if (isElsewhere) return `${whole} of another container${host === '' ? '' : `, ${host}`}`
  if (pid !== process.pid) return whole
  return thread === threadId ? 'another copy of spoolq in this thread' : `thread ${thread} of this process (${pid})`
}

function refusal(shown: string, who: string): Error {
  const message =
    `${shown} is open in ${who}, and fs-ext, through which threads and processes share a queue, is missing there or ` +
    `here: close it there first, or get sharing back with 'npm rebuild fs-ext'`
  return Object.assign(new Error(message), { code: 'ECLAIMED' })
}

/** `undefined` where somebody else was first. */
async function make(folder: string, number: number): Promise<Made | undefined> {
  const name = path.join(folder, `only.${number}`)
  const draft = path.join(folder, `only.${randomUUID()}.tmp`)
  const token = await tokenAt(draft)
  if (!token) return
  let isLinked: boolean | undefined
  try {
    isLinked = named(draft, name)
    return isLinked === undefined ? undefined : { token, isLinked }
  } finally {
    remove(draft)
    if (isLinked === undefined) token.abandon()
  }
}

/** Undefined where it is gone before it was whole: somebody else has claimed the folder by now, and swept it. */
async function tokenAt(draft: string): Promise<Token | undefined> {
  try {
    return await makeToken(draft)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
}

/** Gives the draft its name: false on a file system without hard links, undefined where another has it. */
function named(draft: string, name: string): boolean | undefined {
  try {
    fs.linkSync(draft, name)
    return true
  } catch (error) {
    // The draft is gone where somebody else has claimed the folder by now, and swept it.
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return
  }
  try {
    // First the name, which counts as somebody's while it is new; then what shows who.
    fs.closeSync(fs.openSync(name, 'wx', 0o600))
    fs.renameSync(draft, name)
    return false
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return
    throw error
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
  } catch {} // Whoever claims the folder next tries again.
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

/** The folder itself, wherever it is moved to; its path where /proc doesn't lead there. */
function openPlace(folder: string): Place {
  let fd: number | undefined
  try {
    fd = fs.openSync(folder, 'r')
    const [open, by] = [fd, `/proc/self/fd/${fd}`]
    if (identityOf(by) === identityOf(folder)) return { path: by, close: once(() => fs.closeSync(open)) }
  } catch {
    // Without /proc.
  }
  if (fd !== undefined) fs.closeSync(fd)
  return { path: folder, close: () => {} }
}
