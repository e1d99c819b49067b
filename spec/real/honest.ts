// honest.ts: a word of the crash battery on any disk, step by step: each begins when the syncs of the one before have
// ended, those that nobody waits for too. So what is done does not depend on how fast a disk is.

import type { Disk, DiskFile } from '../../lib/disk/disk.ts'
import { logSubject } from '../crash/log-subject.ts'
import { Program } from '../crash/program.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { newTold } from '../crash/trial.ts'

/** Opens, does the steps, and closes by opening again. */
export async function runQuietly(word: string, disk: Disk): Promise<void> {
  const quiet = new QuietDisk(disk)
  // What a program asks and is told is marked on a disk of its own.
  const program = new Program(new RecordingDisk(), (chance) => logSubject('disk').open(quiet, newTold(), chance))
  await program.open()
  await quiet.rest()
  for (const letter of word) {
    await program.step(letter)
    await quiet.rest()
  }
  await program.store.close()
}

/** Passes everything on, and knows which calls wait for the medium. */
class QuietDisk implements Disk {
  readonly #disk: Disk
  readonly #underWay = new Set<Promise<void>>()
  readonly open: Disk['open']
  readonly list: Disk['list']
  readonly makeFolder: Disk['makeFolder']
  readonly rename: Disk['rename']
  readonly unlink: Disk['unlink']
  readonly claim: Disk['claim']
  readonly watch: Disk['watch']
  readonly bootId: Disk['bootId']
  readonly isShared: Disk['isShared']
  readonly self: Disk['self']
  readonly allClosed: Disk['allClosed']

  constructor(disk: Disk) {
    this.#disk = disk
    this.open = (path, mode) => this.#watched(disk.open(path, mode))
    this.list = (folder) => disk.list(folder)
    this.makeFolder = (folder) => disk.makeFolder(folder)
    this.rename = (from, to) => disk.rename(from, to)
    this.unlink = (path) => disk.unlink(path)
    this.claim = (folder) => disk.claim(folder)
    this.watch = () => () => undefined
    this.bootId = () => disk.bootId()
    this.isShared = (folder) => disk.isShared(folder)
    this.self = () => disk.self()
    this.allClosed = () => disk.allClosed()
  }

  syncFolder(folder: string): Promise<void> {
    return this.#wait(this.#disk.syncFolder(folder))
  }

  /** Resolves when nothing has been under way for some turns. */
  async rest(): Promise<void> {
    for (let turns = 0; turns < 5; turns++) {
      if (this.#underWay.size > 0) turns = 0
      await Promise.allSettled(this.#underWay)
      await new Promise(setImmediate)
    }
  }

  #watched(file: DiskFile): DiskFile {
    const { sync, writeAside } = { sync: file.sync.bind(file), writeAside: file.writeAside.bind(file) }
    file.sync = () => this.#wait(sync())
    file.writeAside = (bytes, position) => this.#wait(writeAside(bytes, position))
    return file
  }

  #wait(call: Promise<void>): Promise<void> {
    const waited = call.finally(() => this.#underWay.delete(waited))
    this.#underWay.add(waited)
    waited.catch(() => undefined)
    return waited
  }
}

/** The disk below a folder, as if that were all. */
export function rooted(disk: Disk, root: string): Disk {
  return {
    open: (path, mode) => disk.open(root + path, mode),
    list: (folder) => disk.list(root + folder),
    makeFolder: (folder) => disk.makeFolder(root + folder),
    rename: (from, to) => disk.rename(root + from, root + to),
    unlink: (path) => disk.unlink(root + path),
    syncFolder: (folder) => disk.syncFolder(root + folder),
    claim: (folder) => disk.claim(root + folder),
    watch: (folder, changed) => disk.watch(root + folder, changed),
    bootId: () => disk.bootId(),
    isShared: (folder) => disk.isShared(root + folder),
    self: () => disk.self(),
    allClosed: () => disk.allClosed(),
  }
}
