// database.ts: a database file as the rest of the library asks for it: `call` an op, get its answer. One worker thread
// for each file and thread that opens it, shared by all who have it open; calls of one turn of the event loop travel
// in one message.
//
//      idle ──call──▶ busy (keeps the process alive) ──last answer──▶ idle        last close ──▶ the thread ends
//
// A thread that ends by itself (out of memory, say) rejects what it was asked for; the next call starts another.

import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { QueueClosedError, StorageError } from '../errors.ts'
import { MEMORY } from './connection.ts'
import type { DriverName } from './driver.ts'
import { errorOf } from './failure.ts'
import {
  type CallMessage,
  type Packed,
  pack,
  packAll,
  type Reply,
  type Request,
  transferOf,
  Unpacking,
  unpack,
} from './messages.ts'
import { makeFolderOf } from './new-file.ts'
import type { ArgsOf, OpName, ValueOf } from './ops.ts'
import type { WorkerData } from './worker.ts'

export interface CallOptions {
  /** A function is asked when the message is sent, behind the turn of the call. */
  readonly blobs?: readonly Uint8Array[] | (() => Packed) | undefined
  /**
   * Milliseconds after which, at the latest, what it changed is synced: 0 (default): before it resolves; Infinity:
   * never, it is only handed to the kernel.
   */
  readonly within?: number | undefined
}

export interface Answered<V> {
  readonly value: V
  readonly blobs: readonly Uint8Array[]
}

/** What nobody asked for. */
export interface DatabaseEvents {
  /** Free pages were given back. */
  vacuumed(reclaimed: number): void
  /** A failure that no call waited for. */
  failed(error: Error): void
}

export interface DatabaseOptions {
  readonly events?: DatabaseEvents | undefined
  /** Bytes that may be free in the file before pages are given back by themselves. Default: `Infinity`. */
  readonly freeBytes?: number | undefined
  /** Which drivers to try. Default: node:sqlite, then better-sqlite3. */
  readonly drivers?: readonly DriverName[] | undefined
}

/**
 * Opens a database file, made if it is missing (0600, its folders 0700), or with ':memory:' one in memory of one's own;
 * 'memory:name' is one that lives as long as the process. Rejects with FormatError, CorruptionError, StorageError, or
 * UnsupportedError where no SQLite can be loaded.
 */
export async function openDatabase(file: string, options: DatabaseOptions = {}): Promise<Database> {
  const isMemory = file === MEMORY || file.startsWith('memory:')
  const key = isMemory ? file : path.resolve(file)
  if (!isMemory) makeFolderOf(key)
  const known = file === MEMORY ? undefined : threads.get(key)
  const thread = known ?? new Thread(key, { file: isMemory ? MEMORY : key, drivers: options.drivers })
  if (file !== MEMORY) threads.set(key, thread)
  const database = new Database(thread, options)
  try {
    await database.call('page.driver', null)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

export class Database {
  readonly #thread: Thread
  readonly events: DatabaseEvents | undefined
  readonly freeBytes: number
  #state: 'open' | 'closed' = 'open'

  constructor(thread: Thread, { events, freeBytes = Infinity }: DatabaseOptions) {
    this.#thread = thread
    this.events = events
    this.freeBytes = freeBytes
    thread.enter(this)
  }

  /** Carries out an op; resolves when it is committed, and synced if `within` is 0. Rejects as the op refuses. */
  call<N extends OpName>(op: N, args: ArgsOf<N>, options: CallOptions = {}): Promise<Answered<ValueOf<N>>> {
    if (this.#state === 'closed') return Promise.reject(new QueueClosedError())
    return this.#thread.call(op, args, options)
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
    await this.#thread.leave(this)
  }
}

interface Waiting {
  resolve(answer: Answered<never>): void
  reject(error: Error): void
}

interface Outgoing extends Omit<CallMessage<unknown>, 'blobs'> {
  readonly blobs: readonly Uint8Array[] | (() => Packed)
}

/** By the path of the file, or the name of a memory. */
const threads = new Map<string, Thread>()

class Thread {
  readonly watchers = new Set<() => void>()
  readonly #key: string
  readonly #data: WorkerData
  readonly #databases = new Set<Database>()
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #outgoing: Outgoing[] = []
  #lastId = 0
  #freeBytes = Infinity
  /** Its end is waited for. */
  #isLeaving = false

  constructor(key: string, data: WorkerData) {
    this.#key = key
    this.#data = data
  }

  enter(database: Database): void {
    this.#databases.add(database)
    this.#limit()
  }

  call<V>(op: string, args: unknown, { blobs = [], within = 0 }: CallOptions): Promise<Answered<V>> {
    return new Promise((resolve, reject) => {
      this.#lastId += 1
      this.#waiting.set(this.#lastId, { resolve, reject })
      if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush())
      this.#outgoing.push({ id: this.#lastId, op, args, within, blobs })
    })
  }

  async leave(database: Database): Promise<void> {
    this.#databases.delete(database)
    // A memory that has a name stays for those who open it later.
    if (this.#databases.size > 0 || this.#key.startsWith('memory:')) return
    if (threads.get(this.#key) === this) threads.delete(this.#key)
    const worker = this.#worker
    if (worker === undefined) return
    this.#isLeaving = true
    worker.ref()
    this.#flush()
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    this.#send({ kind: 'close' })
    await ended
  }

  #flush(): void {
    const outgoing = this.#outgoing
    if (outgoing.length === 0) return
    this.#outgoing = []
    const all: Packed[] = []
    const calls = outgoing.map(({ blobs, ...call }) => {
      const own = typeof blobs === 'function' ? blobs() : pack(blobs)
      all.push(own)
      return { ...call, blobs: own.lengths.length }
    })
    const packed = packAll(all)
    this.#running().ref()
    this.#send({ kind: 'calls', calls, packed }, packed)
  }

  #send(request: Request<unknown>, packed?: Packed): void {
    this.#running().postMessage(request, packed === undefined ? [] : transferOf(packed))
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: this.#data,
      execArgv: [],
      name: 'spoolq sqlite',
    })
    worker.unref()
    worker.on('message', (reply: Reply) => this.#heard(reply))
    worker.on('error', (error) => this.#ended(worker, error))
    worker.on('exit', () => this.#ended(worker, undefined))
    this.#worker = worker
    if (this.#freeBytes < Infinity) worker.postMessage({ kind: 'limit', freeBytes: this.#freeBytes })
    return worker
  }

  #heard(reply: Reply): void {
    if (reply.kind === 'vacuumed') for (const { events } of this.#databases) events?.vacuumed(reply.reclaimed)
    else if (reply.kind === 'failed') for (const { events } of this.#databases) events?.failed(errorOf(reply.failure))
    else this.#answered(reply)
  }

  #answered({ answers, refusals, packed }: Extract<Reply, { kind: 'answers' }>): void {
    const all = new Unpacking(packed)
    for (const { id, value, blobs: count } of answers)
      this.#done(id)?.resolve({ value, blobs: unpack(all.take(count)) })
    for (const { id, failure } of refusals) this.#done(id)?.reject(errorOf(failure))
    if (this.#waiting.size === 0 && !this.#isLeaving) this.#worker?.unref()
  }

  #done(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #ended(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const file = this.#data.file
    for (const id of [...this.#waiting.keys()]) {
      this.#done(id)?.reject(
        new StorageError(`${file}: its thread ended: whether this was done is not known`, { cause }),
      )
    }
  }

  /** The least that any of them allows. */
  #limit(): void {
    const least = Math.min(...[...this.#databases].map(({ freeBytes }) => freeBytes))
    if (least === this.#freeBytes) return
    this.#freeBytes = least
    this.#worker?.postMessage({ kind: 'limit', freeBytes: least })
  }
}
