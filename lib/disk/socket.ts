// socket.ts: unix sockets that stand in a folder: listening under a name, and asking whether somebody does.
//
// The path of a socket has at most 107 bytes, on some systems 103: a longer one is reached through a descriptor of the
// folder, or, without /proc, through a link to it.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { clearTimeout, setTimeout } from '../wait/timers.ts'
import { codeOf } from './disk.ts'
import { hasNoInode, NO_INODE } from './inodes.ts'

const MOST_PATH_BYTES = 100
/** How long somebody who listens has to say who he is: he may be stopped. */
const ANSWER_MS = 100
/** All that is read of it. */
const MOST_ANSWER_LENGTH = 1024
const FILE_MODE = 0o600
/** Linux's own; Node has no name for it. */
const O_PATH = 0o10000000

/** Listens, and says `text` to whoever connects; returns how to stop. Keeps no process alive. */
export async function listen(name: string, text: string): Promise<() => void> {
  const { createServer } = await import('node:net')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.unref()
    socket.end(text)
  })
  const short = shortened(name)
  try {
    // `exclusive`: the workers of node:cluster must not share it.
    const listening = once(server, 'listening')
    server.listen({ path: short.path, exclusive: true })
    await listening
    restrict(short.path)
  } catch (error) {
    server.close()
    throw explained(error, name)
  } finally {
    short.end()
  }
  server.unref()
  server.on('error', () => {})
  return () => void server.close()
}

/**
 * Its mode, but not that of what somebody put in its place meanwhile. On Linux by a descriptor that opens nothing: it stands for
 * the name's inode, link or not.
 */
function restrict(name: string): void {
  const fd = process.platform === 'linux' ? tried(() => fs.openSync(name, O_PATH | fs.constants.O_NOFOLLOW)) : undefined
  const by = fd === undefined ? name : `/proc/self/fd/${fd}`
  try {
    const stat = fd === undefined ? fs.lstatSync(name) : fs.fstatSync(fd)
    if (stat.isSocket()) fs.chmodSync(by, FILE_MODE)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

function tried<R>(call: () => R): R | undefined {
  try {
    return call()
  } catch {
    return
  }
}

function explained(error: unknown, name: string): unknown {
  if (codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'ENOENT') return error
  const told = error instanceof Error ? error.message : String(error)
  const reason = hasNoInode(path.dirname(name)) ? `${told}, ${NO_INODE}` : told
  const message =
    `without fs-ext, ${path.dirname(name)} needs a unix socket, by which everybody can see whether it is open, and none ` +
    `can be made there (${reason}): get fs-ext with 'npm install fs-ext' or 'npm rebuild fs-ext'`
  return Object.assign(new Error(message, { cause: error }), { code: codeOf(error) || 'ENOTSUP' })
}

/** What whoever listens there says, '' if he does not answer; undefined where nobody listens. */
export async function isListening(name: string): Promise<string | undefined> {
  const { connect } = await import('node:net')
  const short = shortened(name)
  try {
    return await new Promise((resolve) => {
      let text: string | undefined
      let timer: NodeJS.Timeout | undefined
      const socket = connect({ path: short.path })
      socket.on('connect', () => {
        text = ''
        timer = setTimeout(() => socket.destroy(), ANSWER_MS)
      })
      socket.on('data', (chunk) => {
        text = `${text ?? ''}${chunk}`.slice(0, MOST_ANSWER_LENGTH)
        if (text.length === MOST_ANSWER_LENGTH) socket.destroy()
      })
      // Only where the kernel says that nobody listens is nobody there: it may just not be allowed to ask, or too many do.
      socket.on('error', (error) => {
        const isDead = text === undefined && ['ECONNREFUSED', 'ENOENT'].includes(codeOf(error))
        if (!isDead) text ??= ''
      })
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(text)
      })
    })
  } finally {
    short.end()
  }
}

interface Short {
  readonly path: string
  end(): void
}

function shortened(name: string): Short {
  if (Buffer.byteLength(name) <= MOST_PATH_BYTES) return { path: name, end: () => {} }
  const [folder, base] = [path.dirname(name), path.basename(name)]
  if (fs.existsSync('/proc/self/fd')) {
    const fd = fs.openSync(folder, 'r')
    return { path: `/proc/self/fd/${fd}/${base}`, end: () => fs.closeSync(fd) }
  }
  const link = `/tmp/spoolq-${randomUUID()}`
  fs.symlinkSync(path.resolve(folder), link)
  return { path: `${link}/${base}`, end: () => fs.rmSync(link, { force: true }) }
}
