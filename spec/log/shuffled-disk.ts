// shuffled-disk.ts: a process's disk on which what takes long ends in another order than it began, and locks are taken now
// and then by somebody else. So callers of one thread, whose steps are never interrupted, meet in every order.
//
//      sync, syncFolder, writeAside ─▶ done at once ─▶ told some turns of the event loop later, in any order
//      tryLock of append.lock, cursor.lock ─▶ fails one time in `contention`

import type { Disk, DiskFile } from '../../lib/disk/disk.ts'

const CONTENTION = 8

export class Shuffle {
  readonly #random: (limit: number) => number
  #waiting: (() => void)[] = []
  #isOver = false

  constructor(random: (limit: number) => number) {
    this.#random = random
    this.#turn()
  }

  /** Resolves some turns later, before or behind others that came earlier. */
  later(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  isTaken(): boolean {
    return this.#random(CONTENTION) === 0
  }

  end(): void {
    this.#isOver = true
  }

  #turn(): void {
    if (this.#isOver && this.#waiting.length === 0) return
    const all = this.#waiting
    this.#waiting = []
    for (const resolve of all) {
      if (this.#random(3) > 0) this.#waiting.push(resolve)
      else resolve()
    }
    setImmediate(() => this.#turn())
  }
}

export function shuffled(disk: Disk, shuffle: Shuffle): Disk {
  const [open, syncFolder] = [disk.open.bind(disk), disk.syncFolder.bind(disk)]
  disk.open = (path, mode) => shuffledFile(open(path, mode), shuffle)
  disk.syncFolder = (folder) => syncFolder(folder).then(() => shuffle.later())
  return disk
}

function shuffledFile(file: DiskFile, shuffle: Shuffle): DiskFile {
  const { sync, writeAside, tryLock } = file
  file.sync = () => sync.call(file).then(() => shuffle.later())
  file.writeAside = (bytes, position) => writeAside.call(file, bytes, position).then(() => shuffle.later())
  // Those of owners are never contended: who asks for one asks whether its owner lives.
  if (file.path.endsWith('.lock')) file.tryLock = () => !shuffle.isTaken() && tryLock.call(file)
  return file
}
