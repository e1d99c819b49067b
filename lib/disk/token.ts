// token.ts: what shows that the holder of a claim lives, asked by anybody, from any container.
//
//    a unix socket       its holder listens: who can connect finds it taken, also while the holder is stopped, and the
//                        holder says who he is if he can. Refused: he is dead. The kernel judges, whatever pids say.
//    a line of text      on Windows, which has one set of pids: the holder (holder.ts), or 'released'
//
// Where no socket can be made, nothing can be claimed: nobody could know whether its holder lives.

import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { wall } from '../wait/timers.ts'
import { codeOf } from './disk.ts'
import { format, type Holder, isAlive, parse, self } from './holder.ts'
import { assertFile, assertOwner, openPlain } from './ours.ts'
import { isListening, listen } from './socket.ts'

export const RELEASED = 'released\n'
/** Only where there are no hard links can a line be seen half written; one so old is nobody's. */
const UNFINISHED_MS = 2000
const MOST_LINE_BYTES = 1024

export interface Token {
  /** Given back, under its name: the number stays, and is nobody's. */
  release(name: string): void
  /** It never ruled, or nobody may have it: its name is the caller's to remove. */
  abandon(): void
}

/** Somebody has it; without a holder where he does not answer. */
export interface Taken {
  readonly holder: Holder | undefined
  readonly host: string
  /** Its pid is one of another container's. */
  readonly isElsewhere: boolean
}

export function makeToken(name: string): Promise<Token> | Token {
  return process.platform === 'win32' ? lineToken(name) : socketToken(name)
}

/**
 * Who has what stands there; undefined: nobody. Throws where it is neither a socket nor a file of the folder's user
 * (ours.ts). `shown`: how it is named to people.
 */
export async function takenBy(name: string, shown: string): Promise<Taken | undefined> {
  const stat = fs.lstatSync(name, { throwIfNoEntry: false })
  // What is gone by now had a successor.
  if (!stat) return
  const anchor = () => fs.statSync(path.dirname(name), { throwIfNoEntry: false })
  if (!stat.isSocket()) {
    // A line of Windows has two names while it gets its own.
    if (process.platform !== 'win32') assertFile(stat, shown, anchor)
    return lineTakenBy(name)
  }
  assertOwner(stat, shown, anchor)
  const said = await isListening(name)
  if (said === undefined) return
  const [line = '', host = '', pids = ''] = said.split('\n').map(printable)
  return { holder: parse(`${line}\n`), host: host === hostname() ? '' : host, isElsewhere: pids !== pidNamespace() }
}

/** It is told to people. */
function printable(said: string): string {
  return said.replace(/[^\x20-\x7e]/g, '?')
}

/** Pids come again in each container. */
function pidNamespace(): string {
  try {
    return fs.readlinkSync('/proc/self/ns/pid')
  } catch {
    return '-'
  }
}

async function socketToken(name: string): Promise<Token> {
  const close = await listen(name, `${format(self())}${hostname()}\n${pidNamespace()}\n`)
  return { abandon: close, release: (ruling) => releaseSocket(ruling, close) }
}

/**
 * A file takes the socket's name before nobody listens any more, under a name that nobody can have put a link at. On a full
 * disk the socket stays, and says as much.
 */
function releaseSocket(ruling: string, close: () => void): void {
  const draft = path.join(path.dirname(ruling), `only.${randomUUID()}.tmp`)
  try {
    fs.writeFileSync(draft, RELEASED, { mode: 0o600, flag: 'wx' })
    fs.renameSync(draft, ruling)
  } catch {
    fs.rmSync(draft, { force: true })
  }
  close()
}

function lineToken(name: string): Token {
  const fd = writeLine(name)
  const abandon = () => fs.closeSync(fd)
  // In place, because the disk may be full.
  const release = () => {
    fs.writeSync(fd, RELEASED, 0, 'latin1')
    fs.closeSync(fd)
  }
  return { abandon, release }
}

function writeLine(name: string): number {
  const fd = fs.openSync(name, 'wx', 0o600)
  try {
    fs.writeSync(fd, format(self()), 0, 'latin1')
    return fd
  } catch (error) {
    fs.closeSync(fd)
    fs.rmSync(name, { force: true })
    throw error
  }
}

const HERE = { host: '', isElsewhere: false }

function lineTakenBy(name: string): Taken | undefined {
  const text = readLine(name)
  if (text.startsWith(RELEASED)) return
  if (!text.endsWith('\n')) {
    const isNew = wall() - (fs.statSync(name, { throwIfNoEntry: false })?.mtimeMs ?? 0) < UNFINISHED_MS
    return isNew ? { ...HERE, holder: undefined } : undefined
  }
  const holder = parse(text)
  return holder !== undefined && isAlive(holder) ? { ...HERE, holder } : undefined
}

function readLine(name: string): string {
  try {
    const fd = openPlain(name, fs.constants.O_RDONLY)
    try {
      const bytes = Buffer.alloc(MOST_LINE_BYTES)
      return bytes.toString('latin1', 0, fs.readSync(fd, bytes, 0, bytes.length, 0))
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return RELEASED
    throw error
  }
}
