// places.ts: over which stores the ancestors' traps are shown to be gone. Another store is one more line.

import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { AsyncQueue, type QueueOptions } from '../../lib/index.ts'

/** A queue's place, with nothing in it yet. What it opens is closed when its spec is over. */
export interface Place {
  readonly location: string
  open<T = unknown>(options?: QueueOptions<T>): Promise<AsyncQueue<T>>
  /** `new`: not open yet. */
  start<T = unknown>(options?: QueueOptions<T>): AsyncQueue<T>
}

/** One whose files are there to be looked at. */
export interface FilePlace extends Place {
  readonly folder: string
  /** The place as a kill -9 of everybody who uses it would leave it now: a copy of its files. */
  killed(): Promise<FilePlace>
}

interface Made {
  readonly place: FilePlace
  clean(): Promise<void>
}

interface Store {
  readonly name: string
  /** The location, where the queue's own folder is `folder`. */
  readonly locationIn: (folder: string) => string
  /** Knows orders, unique items, update and leases by id. */
  readonly indexed?: boolean
}

const log: Store = { name: 'log', locationIn: (folder) => folder }
const memory: Store = { name: 'memory', locationIn: () => `memory:${randomUUID()}`, indexed: true }
const sqlite: Store = { name: 'sqlite', locationIn: (folder) => `sqlite:${folder}/queue.db`, indexed: true }

// Specs that don't look at files share one, and the thread that serves it, until the process ends.
const shared = await mkdtemp(join(tmpdir(), 'spoolq-ancestors-'))
const sharing: Store = { ...sqlite, locationIn: () => `sqlite:${shared}/queues.db?queue=${randomUUID()}` }
let kept: Promise<AsyncQueue> | undefined
process.once('exit', () => rmSync(shared, { recursive: true, force: true }))

function keepThread(): Promise<AsyncQueue> {
  kept ??= AsyncQueue.open(sharing.locationIn(''))
  return kept
}

const stores: readonly Store[] = [log, memory, sharing]

export type Spec = (place: FilePlace) => Promise<void>

/** That a trap of a system is gone, over every store. */
export function everywhere(system: string, trap: string, spec: (place: Place) => Promise<void>): void {
  over(stores, `${system}: ${trap}`, spec)
}

/** Over every store that outlives its process. */
export function onDisk(system: string, trap: string, spec: Spec): void {
  over([log, sqlite], `${system}: ${trap}`, spec)
}

/** Over every store that has an index. */
export function indexed(system: string, trap: string, spec: (place: Place) => Promise<void>): void {
  const those = stores.filter((store) => store.indexed === true)
  over(those, `${system}: ${trap}`, spec)
}

/** Over the log alone, whose files the spec knows. */
export function inLog(system: string, trap: string, spec: Spec): void {
  over([log], `${system}: ${trap}`, spec)
}

/** Over an SQLite file alone: <folder>/queue.db. */
export function inSqlite(system: string, trap: string, spec: Spec): void {
  over([sqlite], `${system}: ${trap}`, spec)
}

function over(those: readonly Store[], title: string, spec: Spec): void {
  describe(title, { timeout: 240_000 }, () => {
    for (const store of those) {
      it(`is gone over ${store.name}`, async () => {
        if (store === sharing) await keepThread()
        const { place, clean } = await make(store)
        try {
          await spec(place)
        } finally {
          await clean()
        }
      })
    }
  })
}

async function make(store: Store): Promise<Made> {
  const root = await mkdtemp(join(tmpdir(), 'spoolq-ancestors-'))
  const queues: { close(options: { grace: number }): Promise<void> }[] = []
  const keep = <T>(queue: AsyncQueue<T>): AsyncQueue<T> => {
    queues.push(queue)
    return queue
  }
  const placeIn = (folder: string): FilePlace => {
    const location = store.locationIn(folder)
    return {
      location,
      folder,
      open: async <T>(options?: QueueOptions<T>) => keep(await AsyncQueue.open<T>(location, options)),
      start: <T>(options?: QueueOptions<T>) => keep(new AsyncQueue<T>(location, options)),
      killed: async () => {
        const copy = join(root, `${basename(folder)}-killed`)
        // Without fs-ext a folder names the process that has it, and here that one lives on.
        await cp(folder, copy, { recursive: true, filter: (path) => !/only\.\d+$/.test(path) })
        return placeIn(copy)
      },
    }
  }
  const clean = async (): Promise<void> => {
    await Promise.all(queues.map((queue) => queue.close({ grace: 0 }).catch(() => {})))
    await rm(root, { recursive: true, force: true })
  }
  return { place: placeIn(join(root, 'queue')), clean }
}
