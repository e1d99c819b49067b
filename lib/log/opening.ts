// opening.ts: from a folder's name to a log that can be used.
//
//    look ─▶ folder ─▶ locks ─▶ queue.json ─▶ cursor files ─▶ recover (one step, both locks) ─▶ sweep ─▶ durable
//
// Nothing is written to a folder that is no queue. Each step leaves what the next opener can go on from.

import { dirname } from 'node:path'
import { codeOf, type Disk, type DiskFile, openOrCreate } from '../disk/disk.ts'
import { CodecMismatchError } from '../errors.ts'
import { END_OF_IDS } from '../ids.ts'
import type { StoreOptions } from '../store.ts'
import { type Clock, dueTime } from '../wait/clock.ts'
import { HostTime } from '../wait/host-time.ts'
import { elapsed } from '../wait/timers.ts'
import { turn } from '../wait/turn.ts'
import { scanAhead } from './ahead-scan.ts'
import { checksumOf } from './bytes.ts'
import { FAR } from './claims.ts'
import { Cursor, type Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import { FailedItems } from './failed-items.ts'
import { isBefore } from './frame.ts'
import { Journal } from './journal.ts'
import { APPEND_LOCK, CURSOR_LOCK, FAILED, segmentsOf } from './layout.ts'
import type { Limits } from './limits.ts'
import { holderOf } from './lock-holder.ts'
import { openLine } from './lock-share.ts'
import { Log } from './log.ts'
import { checkFolder, lookAtNames, readOrCreate, sweepManifests } from './manifest.ts'
import { Owners } from './owners.ts'
import type { Place } from './place.ts'
import { type Ahead, type Recovery, recover, startOf, sweeping } from './recovery.ts'
import { StepLock } from './step-lock.ts'
import { openingFailure } from './telling.ts'
import { recordReplaced } from './unrecorded.ts'
import { Upgrade } from './upgrade.ts'

/** How long others wait at most for what opening does under a lock, but for its one step of recovering. */
const STEP_MS = 2

export interface World {
  readonly disk: Disk
  readonly clock: Clock
  /** Whole numbers below 2^32. */
  readonly random: () => number
  readonly limits: Limits
}

export interface Opened {
  readonly log: Log
  readonly cursor: Cursor
  readonly owners: Owners
  readonly lock: StepLock
  readonly time: HostTime
  readonly failed: FailedItems
  readonly recovery: Recovery
  readonly codec: string
  /** Tells the queue from any other. */
  readonly id: string
  /** On which names in the folder lead into the folder that was opened. */
  readonly disk: Disk
  readonly release: () => void
}

export async function openLog(folder: string, options: StoreOptions, world: World): Promise<Opened> {
  const closing: (() => void)[] = []
  try {
    return await new Opening(folder, options, world, closing).run()
  } catch (error) {
    for (const close of closing.toReversed()) close()
    const { signal } = options
    throw signal?.aborted && error === signal.reason ? error : openingFailure(error, folder)
  }
}

class Opening {
  readonly #folder: string
  readonly #options: StoreOptions
  #world: World
  readonly #closing: (() => void)[]

  constructor(folder: string, options: StoreOptions, world: World, closing: (() => void)[]) {
    this.#folder = folder
    this.#options = options
    this.#world = world
    this.#closing = closing
  }

  async run(): Promise<Opened> {
    const { signal } = this.#options
    await this.#makeFolder()
    signal?.throwIfAborted()
    const release = await this.#enter()
    const { disk, random } = this.#world
    const lock = this.#stepLock(APPEND_LOCK)
    const cursorLock = this.#stepLock(CURSOR_LOCK)
    const tag = () => random().toString(16).padStart(8, '0')
    const making = { lock, tag: tag() }
    const { codec = 'msgpack', segmentSize } = this.#options
    const wanted = { codec, segmentSize, id: `${tag()}${tag()}${tag()}` }
    const manifest = await readOrCreate(disk, this.#folder, wanted, making)
    this.#checkCodec(manifest.codec)
    signal?.throwIfAborted()
    const upgrade = await Upgrade.prepare(disk, this.#folder, manifest, tag())
    this.#closing.push(() => upgrade.abandon())
    const opened = await this.#recover(lock, cursorLock, { codec: manifest.codec, upgrade })
    for (const each of [lock, cursorLock]) each.signal = undefined
    return { ...opened, lock, codec: manifest.codec, id: manifest.id, disk, release }
  }

  /** From here on the folder is what was opened, not its path. */
  async #enter(): Promise<() => void> {
    const entered = this.#world.disk.enter?.(this.#folder)
    if (entered) this.#world = { ...this.#world, disk: entered.disk }
    this.#closing.push(() => entered?.leave())
    lookAtNames(this.#world.disk, this.#folder)
    const unclaim = await this.#world.disk.claim(this.#folder)
    this.#closing.push(unclaim)
    return () => {
      unclaim()
      entered?.leave()
    }
  }

  async #recover(
    lock: StepLock,
    cursorLock: StepLock,
    { codec, upgrade }: { readonly codec: string; readonly upgrade: Upgrade },
  ): Promise<Omit<Opened, 'lock' | 'codec' | 'id' | 'disk' | 'release'>> {
    const { disk, clock, limits, random } = this.#world
    const journal = new Journal(this.#folder, this.#world, cursorLock)
    this.#closing.push(() => journal.close())
    const time = new HostTime(clock)
    const log = new Log(
      this.#folder,
      { disk, limits, random, now: () => clock.wall(), dueTime: () => dueTime(time) },
      this.#options.segmentSize,
      lock,
    )
    this.#closing.push(() => log.close())
    log.codec = codec
    log.descriptors.mayForget = this.#options.durability === 'os'
    if (this.#options.durability === 'disk') log.aheadBytes = limits.aheadBytes
    const failed = new FailedItems(
      new Log(`${this.#folder}/${FAILED}`, log.world, this.#options.segmentSize, lock),
      lock,
      this.#options.cut,
    )
    this.#closing.push(() => failed.close())
    const owners = new Owners(disk, this.#folder, () => clock.wall())
    this.#closing.push(() => owners.leave())
    const cursor = new Cursor(journal, cursorLock, (error) => this.#options.events.failed(error))
    log.isSettled = ({ base, nextId }) =>
      cursor.step((state) => ({ records: [], result: state.runs.live(base, nextId - 1) === 0 }))
    const { onDamage, autoResume } = this.#options
    const place = { boot: checksumOf(Buffer.from(disk.bootId())), ...lock.identity() }
    log.boot = place.boot
    if (this.#options.durability === 'os') log.ends.share(lock.share)
    // The names of the locks and of the cursor's files are durable before anything relies on them.
    await disk.syncFolder(this.#folder)
    await cursorLock.run(() => this.#load(journal))
    log.descriptors.mostBase = mostBaseAfter(journal.state)
    const ahead = await this.#readAhead({ log, journal, owners, place, cursorLock })
    const parts = { log, journal, owners, failed, place, time, onDamage, autoResume, ahead }
    const recovering: Decide<Recovery> = (state) => {
      lock.takeOver()
      upgrade.run(journal, owners)
      return recover(parts, state)
    }
    const recovery = await cursor.step(recovering, { outer: lock })
    time.adopt(cursor.state.time)
    await this.#sweep({ log, owners, cursor, recovery, lock, cursorLock })
    await log.folderGate.pass()
    if (recovery.isCut) await this.#syncAll(log, cursor, recovery).catch(ignore)
    if (log.unrecorded.length > 0) await recordReplaced(log, cursor).catch(ignore)
    // On a full disk there may be no room for it: then the next opening tells of it once more.
    if (journal.damaged.length > 0) await cursor.renew().catch(ignore)
    await cursor.durable()
    return { log, cursor, owners, time, failed, recovery }
  }

  /** The cursor's files are durable before there is any segment. */
  #load(journal: Journal): void {
    const [first] = segmentsOf(this.#world.disk.list(this.#folder)).current
    journal.load(first?.base ?? 1, { isNew: first === undefined })
  }

  /** All that is looked at before the locks are taken: it holds nobody up. */
  async #readAhead({ log, journal, owners, place, cursorLock }: Looking): Promise<Ahead> {
    log.again([])
    const from = await scanAhead(log, startOf(log, journal, place))
    const dead = new Set<number>()
    const asked = [...journal.state.owners.keys()][Symbol.iterator]()
    // A probe takes the lock that it asks for: only one looks at a time.
    await inSteps(
      asked,
      (step) => cursorLock.run(step, true),
      (owner) => !owners.isAliveOrForeign(owner) && dead.add(owner),
    )
    return { from, met: log.unrecorded, dead }
  }

  async #sweep({ log, owners, cursor, recovery, lock, cursorLock }: Sweeping): Promise<void> {
    const both = (step: () => boolean) =>
      lock.runBoth(cursorLock, () => {
        cursor.journal.refresh()
        return step()
      })
    await inSteps(
      sweeping(log, owners, () => cursor.state, recovery),
      both,
      ignore,
    )
    await lock.run(() => sweepManifests(this.#world.disk, this.#folder))
  }

  /** What was read after another boot came from the medium: now it is known to be there. */
  async #syncAll(log: Log, cursor: Cursor, { isCopy }: Recovery): Promise<void> {
    if (isCopy) for (const segment of log.segments) if (log.openIfThere(segment)) await segment.gate.pass()
    for (const segment of log.unsynced()) await log.makeDurable(segment)
    const { position, nextId } = log.ownSynced
    await cursor.step(({ synced }) => {
      const record = { kind: 'synced', ...position, nextId } as const
      return { records: isBefore(synced.position, position) ? [record] : [], result: undefined }
    })
  }

  /** A new folder's name is made durable in the folder above, all the way up to one that was there. */
  async #makeFolder(): Promise<void> {
    const { disk } = this.#world
    const found = checkFolder(disk, this.#folder)
    if (found === 'empty') return this.#syncAbove()
    if (found === 'queue') return
    const made = missingParents(disk, this.#folder)
    disk.makeFolder(this.#folder)
    for (const folder of made) await disk.syncFolder(dirname(folder))
  }

  /** An opening that made the folder may have failed to sync its name, or those above it; not each may be opened. */
  async #syncAbove(): Promise<void> {
    const { disk } = this.#world
    let above = dirname(this.#folder)
    await disk.syncFolder(above)
    for (; above !== dirname(above); above = dirname(above)) {
      await disk.syncFolder(dirname(above)).catch(ignore)
    }
  }

  #stepLock(name: string): StepLock {
    const { disk, random } = this.#world
    const lock = new StepLock(this.#lockFile(name), random, { line: openLine(disk, this.#folder, name) })
    lock.signal = this.#options.signal
    lock.onLong = (file, waited) => {
      const holder = () => holderOf(file, disk, this.#folder)
      this.#options.events.waiting?.(() => ({ file: file.path, waited: Math.round(waited), holder: holder() }))
    }
    this.#closing.push(() => lock.share.close())
    return lock
  }

  #lockFile(name: string): DiskFile {
    const file = openOrCreate(this.#world.disk, `${this.#folder}/${name}`)
    this.#closing.push(() => file.close())
    return file
  }

  #checkCodec(recorded: string): void {
    const { codec } = this.#options
    if (codec === undefined || codec === recorded) return
    throw new CodecMismatchError(
      `${this.#folder} was written with codec '${recorded}', not '${codec}': open it with that codec, or with none named`,
    )
  }
}

interface Looking {
  readonly log: Log
  readonly journal: Journal
  readonly owners: Owners
  readonly place: Place
  readonly cursorLock: StepLock
}

interface Sweeping {
  readonly log: Log
  readonly owners: Owners
  readonly cursor: Cursor
  readonly recovery: Recovery
  readonly lock: StepLock
  readonly cursorLock: StepLock
}

/** Where the next segment begins, or one that was missed: not much further than the cursor knows. */
function mostBaseAfter({ runs, synced }: CursorState): number {
  return Math.min(Math.max(runs.highest + 1, synced.nextId) + FAR, END_OF_IDS)
}

function ignore(): void {}

/** Goes through all of it under a lock that is let go after 2 ms each. */
async function inSteps<V>(
  all: Iterator<V>,
  run: (step: () => boolean) => boolean | Promise<boolean>,
  act: (each: V) => void,
): Promise<void> {
  const step = () => {
    const until = elapsed() + STEP_MS
    do {
      const next = all.next()
      if (next.done) return true
      act(next.value)
    } while (elapsed() < until)
    return false
  }
  while (!(await run(step))) await turn()
}

/** The folders of the path that are not there, the last one first. */
function missingParents(disk: Disk, folder: string): string[] {
  const missing: string[] = []
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    try {
      disk.list(at)
      return missing
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      missing.push(at)
    }
  }
  return missing
}
