// database.ts: a database file as the rest of the library asks for it: `call` an op, get its answer. One worker thread
// for each file and thread that opens it (thread.ts), shared by all who have it open there, until the last has closed.

import path from 'node:path'
import { bootId } from '../disk/boot.ts'
import { QueueClosedError } from '../errors.ts'
import type { Corruption } from '../store.ts'
import { MEMORY } from './connection.ts'
import type { DriverName } from './driver.ts'
import { makeFolderOf } from './new-file.ts'
import type { ArgsOf, OpName, ValueOf } from './ops.ts'
import { assertPermitted } from './permitted.ts'
import { realFileOf } from './real-file.ts'
import { type Answered, type CallOptions, type DatabaseEvents, type Member, Thread } from './thread.ts'
import type { WalDamage } from './wal-ops.ts'

export interface DatabaseOptions {
  readonly events?: DatabaseEvents | undefined
  /** Bytes that may be free in the file before pages are given back by themselves. Default: `Infinity`. */
  readonly freeBytes?: number | undefined
  /** Which drivers to try. Default: node:sqlite, then better-sqlite3. */
  readonly drivers?: readonly DriverName[] | undefined
  /** Damage that a killed process left is a CorruptionError; by default it is told (`Database.damage`). */
  readonly isStrict?: boolean | undefined
}

/**
 * Opens a database file, made if it is missing (0600, its folders 0700), or with ':memory:' one in memory of one's own;
 * 'memory:name' is one that lives as long as the process. Rejects with FormatError, CorruptionError, StorageError, or
 * UnsupportedError where no SQLite can be loaded.
 */
export async function openDatabase(file: string, options: DatabaseOptions = {}): Promise<Database> {
  const isMemory = file === MEMORY || file.startsWith('memory:')
  const named = isMemory ? file : path.resolve(file)
  assertPermitted(isMemory ? undefined : named)
  const key = isMemory ? file : placeOf(named)
  const known = file === MEMORY ? undefined : threads.get(key)
  const thread = known ?? new Thread({ file: isMemory ? MEMORY : key, drivers: options.drivers })
  if (file !== MEMORY) threads.set(key, thread)
  const database = new Database(key, thread, options)
  try {
    if (known !== undefined) await database.call('page.driver', null)
    else await database.look(options.isStrict ?? false)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/** The path of the file itself, by whatever name it is opened, in a folder that is there. */
function placeOf(named: string): string {
  makeFolderOf(named)
  const real = realFileOf(named)
  if (real === named) return named
  assertPermitted(real)
  return real
}

/** By the path of the file, or the name of a memory. */
const threads = new Map<string, Thread>()

export class Database implements Member {
  readonly #key: string
  readonly #thread: Thread
  readonly events: DatabaseEvents | undefined
  readonly freeBytes: number
  #damage: WalDamage | undefined
  #state: 'open' | 'closed' = 'open'

  constructor(key: string, thread: Thread, { events, freeBytes = Infinity }: DatabaseOptions) {
    this.#key = key
    this.#thread = thread
    this.events = events
    this.freeBytes = freeBytes
    thread.enter(this)
  }

  /** The path of the file itself; undefined in memory. */
  get file(): string | undefined {
    return this.#key === MEMORY || this.#key.startsWith('memory:') ? undefined : this.#key
  }

  /** Carries out an op; resolves when it is committed, and synced if `within` is 0. Rejects as the op refuses. */
  call<N extends OpName>(op: N, args: ArgsOf<N>, options: CallOptions = {}): Promise<Answered<ValueOf<N>>> {
    if (this.#state === 'closed') return Promise.reject(new QueueClosedError())
    return this.#thread.call(op, args, options)
  }

  /** Looks whether a killed process left damage. */
  async look(isStrict: boolean): Promise<void> {
    const { value } = await this.call('wal.look', { isStrict, boot: bootId() })
    this.#damage = value ?? undefined
  }

  /** What a killed process left damaged, if nobody was told yet: whoever opened the file tells it. */
  get damage(): Corruption | undefined {
    if (this.#damage === undefined) return undefined
    const { offset, bytes, lost } = this.#damage
    return { file: `${this.#key}-wal`, offset, bytes, lost }
  }

  /** Calls `changed` when somebody who has the file open in this thread says so; returns how to stop. */
  watch(changed: () => void): () => void {
    const watcher = (): void => changed()
    this.#thread.watchers.add(watcher)
    return () => this.#thread.watchers.delete(watcher)
  }

  /** Tells those who watch. */
  changed(): void {
    for (const watcher of [...this.#thread.watchers]) watcher()
  }

  /** Resolves when the thread has ended, where nobody else has the file open, and else at once. Twice is once. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    // A memory that has a name stays for those who open it later.
    if (!this.#thread.leave(this) || this.#key.startsWith('memory:')) return
    if (threads.get(this.#key) === this.#thread) threads.delete(this.#key)
    await this.#thread.end()
  }
}
