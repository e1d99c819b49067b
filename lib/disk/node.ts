// node.ts: the real disk: node:fs by descriptor. read, write, tryLock and unlock run at least once for each step of a
// queue, at about 1 µs each: positional arguments, no options, no closures.
//
// A descriptor is closed only when no call in the thread pool uses it any more: its number would soon be somebody
// else's, and the call would write there. A closed file keeps the number -1, which Node refuses.

import fs from 'node:fs'
import { hostname } from 'node:os'
import { threadId } from 'node:worker_threads'
import { bootId } from './boot.ts'
import { codeOf, type Disk, type DiskFile, type FileIdentity, type OpenMode } from './disk.ts'
import { type Below, enterFolder, type Opened } from './folder.ts'
import { claim, type Lock, lockOf } from './lock.ts'
import { makeFolder, openFile, syncFolder } from './names.ts'
import type { Anchor } from './ours.ts'
import { listedHolder } from './shared-locks.ts'
import { isShared } from './shared-mount.ts'

const below: Below = {
  open: (file, mode) => new NodeFile(file, openFile(file, mode)),
  openAs,
  list,
  makeFolder,
  rename: (from, to) => fs.renameSync(from, to),
  unlink: (file) => fs.unlinkSync(file),
  syncFolder,
  claim,
  claimAs: claim,
  watch,
  bootId,
  isShared,
  self: () => ({ pid: process.pid, thread: threadId, host: hostname() }),
  enter: (folder, isReal) => enterFolder(below, folder, isReal),
  allClosed,
}

export const nodeDisk: Disk = below

const CLOSED = -1
/** Whatever a file system's own are. */
const BLOCK_BYTES = 512
/** Node takes lengths of up to 2^31 - 1. */
const MAX_CALL_BYTES = 2 ** 30

/** Removed files whose blocks are being freed. */
const closing = new Set<Promise<void>>()

type Done = (error: Error | null, count?: number) => void

class NodeFile implements DiskFile {
  readonly path: string
  #fd: number
  #lock: Lock | undefined
  #callsAside = 0

  constructor(file: string, fd: number) {
    this.path = file
    this.#fd = fd
  }

  size(): number {
    return fs.fstatSync(this.#fd).size
  }

  allocated(): number {
    const { blocks, size } = fs.fstatSync(this.#fd)
    // Windows says nothing of blocks.
    return blocks === undefined ? size : blocks * BLOCK_BYTES
  }

  read(target: Uint8Array, at: number, length: number, position: number): number {
    let got = 0
    while (got < length) {
      const count = readSome(this.#fd, target, at + got, Math.min(length - got, MAX_CALL_BYTES), position + got)
      if (count === 0) break
      got += count
    }
    return got
  }

  write(bytes: Uint8Array, position: number): void {
    let done = 0
    while (done < bytes.length) {
      done += writeSome(this.#fd, bytes, done, Math.min(bytes.length - done, MAX_CALL_BYTES), position + done)
    }
  }

  async writeAside(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      done += await this.#writeSomeAside(bytes, done, position + done)
    }
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#fd, size)
  }

  async sync(): Promise<void> {
    await this.#aside((fd, done) => fs.fdatasync(fd, done))
  }

  tryLock(): boolean {
    this.#lock ??= lockOf(this.#fd)
    return this.#lock.tryLock()
  }

  unlock(): void {
    this.#lock?.unlock()
  }

  lockHolder(): number | undefined {
    return listedHolder(fs.fstatSync(this.#fd, { bigint: true }))
  }

  identity(): FileIdentity {
    const { dev, ino } = fs.fstatSync(this.#fd, { bigint: true })
    return { device: folded(dev), inode: folded(ino) }
  }

  isLinked(): boolean {
    return fs.fstatSync(this.#fd).nlink > 0
  }

  close(): void {
    if (this.#fd === CLOSED) return
    this.unlock() // A child process that is just being started shares the descriptor, and the lock with it.
    this.#lock = undefined
    const fd = this.#fd
    this.#fd = CLOSED
    if (this.#callsAside === 0) closeFile(fd)
  }

  async #writeSomeAside(bytes: Uint8Array, from: number, position: number): Promise<number> {
    const length = Math.min(bytes.length - from, MAX_CALL_BYTES)
    try {
      return progressOf(await this.#aside((fd, done) => fs.write(fd, bytes, from, length, position, done)))
    } catch (error) {
      if (isInterrupted(error)) return 0
      throw error
    }
  }

  /** One call in the thread pool. The last to end closes the file if that was asked for meanwhile. */
  #aside(start: (fd: number, done: Done) => void): Promise<number> {
    const fd = this.#fd
    return new Promise((resolve, reject) => {
      start(fd, (error, count = 0) => {
        this.#callsAside--
        if (this.#fd === CLOSED && this.#callsAside === 0) closeFile(fd)
        if (error === null) resolve(count)
        else reject(error)
      })
      this.#callsAside++
    })
  }
}

const FOLDED_BITS = 48

/** Of the 64 bits of a number those that a varint holds, none of them passed over. */
function folded(number: bigint): number {
  return Number(BigInt.asUintN(FOLDED_BITS, number ^ (number >> BigInt(FOLDED_BITS))))
}

function list(folder: string, most?: number): string[] {
  if (most === undefined) return fs.readdirSync(folder)
  const names: string[] = []
  const entries = fs.opendirSync(folder, { bufferSize: 1024 })
  try {
    for (let entry = entries.readSync(); entry && names.length < most; entry = entries.readSync())
      names.push(entry.name)
    return names
  } finally {
    entries.closeSync()
  }
}

function openAs(file: string, mode: OpenMode, shown: string, anchor: () => Anchor | undefined): Opened {
  const fd = openFile(file, mode, shown, anchor)
  return { file: new NodeFile(shown, fd), fd }
}

/** A removed file's blocks are freed when it is closed, which takes milliseconds if it is large: not on the event loop. */
function closeFile(fd: number): void {
  if (!isRemoved(fd)) return fs.closeSync(fd)
  const closed = new Promise<void>((resolve) => fs.close(fd, () => resolve())).finally(() => closing.delete(closed))
  closing.add(closed)
}

async function allClosed(): Promise<void> {
  await Promise.all(closing)
}

function isRemoved(fd: number): boolean {
  try {
    return fs.fstatSync(fd).nlink === 0
  } catch {
    return false // A file system that tells nothing about it any more.
  }
}

function readSome(fd: number, target: Uint8Array, at: number, length: number, position: number): number {
  for (;;) {
    try {
      return fs.readSync(fd, target, at, length, position)
    } catch (error) {
      if (!isInterrupted(error)) throw error
    }
  }
}

function writeSome(fd: number, bytes: Uint8Array, from: number, length: number, position: number): number {
  for (;;) {
    try {
      return progressOf(fs.writeSync(fd, bytes, from, length, position))
    } catch (error) {
      if (!isInterrupted(error)) throw error
    }
  }
}

/** Never seen of a file, but a loop that waits for bytes to be taken must not wait for ever. */
function progressOf(count: number): number {
  if (count === 0) throw Object.assign(new Error('EIO: a write took no bytes'), { code: 'EIO' })
  return count
}

/** Regular files don't say so, those of a network or a FUSE file system may. */
function isInterrupted(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'EINTR' || code === 'EAGAIN'
}

function watch(folder: string, changed: () => void): ReturnType<Disk['watch']> {
  try {
    const watcher = fs.watch(folder, { persistent: false }, () => changed())
    watcher.on('error', () => watcher.close())
    return Object.assign(() => watcher.close(), { isSure: true })
  } catch {
    return () => {} // The folder is gone, or inotify is used up: whoever waits polls as well.
  }
}
