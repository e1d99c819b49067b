// thread.ts: the worker thread of one database file, as this side of it sees it. Calls of one turn of the event loop travel
// in one message.
//
//      idle ──call──▶ busy (keeps the process alive) ──last answer──▶ idle        last leave ──▶ the thread ends
//
// A thread that ends by itself (out of memory, say) rejects what it was asked for; the next call starts another. So does one
// that can't be started, and a message that can't be sent.

import { Worker } from 'node:worker_threads'
import { StorageError } from '../errors.ts'
import { onAbort } from '../wait/aborts.ts'
import { queueMicrotask } from '../wait/timers.ts'
import { errorOf } from './failure.ts'
import {
  type CallMessage,
  type Packed,
  pack,
  packAll,
  type Reply,
  type Request,
  sent,
  transferOf,
  Unpacking,
} from './messages.ts'
import { newWithdrawal, type Withdrawal, withdraw } from './withdrawal.ts'
import type { WorkerData } from './worker.ts'

export interface CallOptions {
  /** A function is asked when the message is sent, behind the turn of the call. */
  readonly blobs?: readonly Uint8Array[] | (() => Packed) | undefined
  /**
   * Milliseconds after which, at the latest, what it changed is synced: 0 (default): before it resolves; Infinity:
   * never, it is only handed to the kernel.
   */
  readonly within?: number | undefined
  /** Ends the wait for the file: then nothing was done. */
  readonly signal?: AbortSignal | undefined
}

export interface Answered<V> {
  readonly value: V
  readonly packed: Packed
}

/** What nobody asked for. */
export interface DatabaseEvents {
  /** Free pages were given back. */
  vacuumed(reclaimed: number): void
  /** A failure that no call waited for: of a 'sync', or of work that is tried again. */
  failed(error: Error, work?: 'sync'): void
}

/** Who has the file open through the thread. */
export interface Member {
  readonly events: DatabaseEvents | undefined
  /** Bytes that may be free in the file before pages are given back by themselves. */
  readonly freeBytes: number
}

interface Waiting {
  resolve(answer: Answered<never>): void
  reject(error: Error): void
}

interface Withdrawing {
  readonly withdrawal: Withdrawal
  readonly signal: AbortSignal
}

interface Outgoing extends Omit<CallMessage<unknown>, 'blobs'> {
  readonly blobs: readonly Uint8Array[] | (() => Packed)
}

export class Thread {
  readonly watchers = new Set<() => void>()
  readonly #data: WorkerData
  readonly #members = new Set<Member>()
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #outgoing: Outgoing[] = []
  #lastId = 0
  #freeBytes = Infinity
  /** Its end is waited for. */
  #isLeaving = false

  constructor(data: WorkerData) {
    this.#data = data
  }

  enter(member: Member): void {
    this.#members.add(member)
    this.#limit()
  }

  call<V>(op: string, args: unknown, { blobs = [], within = 0, signal }: CallOptions): Promise<Answered<V>> {
    return new Promise((resolve, reject) => {
      this.#lastId += 1
      const waiting = { resolve, reject }
      const withdrawal = signal === undefined || signal.aborted ? undefined : newWithdrawal()
      const id = this.#lastId
      this.#waiting.set(id, withdrawal && signal ? this.#withdrawable(id, waiting, { withdrawal, signal }) : waiting)
      if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush())
      this.#outgoing.push({ id, op, args, within, blobs, withdrawal })
    })
  }

  #withdrawable(id: number, { resolve, reject }: Waiting, { withdrawal, signal }: Withdrawing): Waiting {
    const unlisten = onAbort(signal, () => {
      if (!withdraw(withdrawal)) return
      this.#done(id)?.reject(signal.reason)
      this.#rest()
    })
    return {
      resolve: (answer) => {
        unlisten()
        resolve(answer)
      },
      reject: (error) => {
        unlisten()
        reject(error)
      },
    }
  }

  /** True where nobody is left. */
  leave(member: Member): boolean {
    this.#members.delete(member)
    return this.#members.size === 0
  }

  /** Resolves when what was asked for is done, and the thread has ended. */
  async end(): Promise<void> {
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
    const calls = outgoing.flatMap(({ blobs, ...call }) => {
      try {
        const own = typeof blobs === 'function' ? blobs() : pack(blobs)
        all.push(own)
        return [{ ...call, blobs: own.lengths.length }]
      } catch (cause) {
        this.#unsent([call], cause)
        return []
      }
    })
    try {
      const packed = packAll(all)
      this.#running().ref()
      this.#send({ kind: 'calls', calls, packed: sent(packed) }, packed)
    } catch (cause) {
      this.#unsent(calls, cause)
    }
  }

  #unsent(calls: readonly { readonly id: number }[], cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause)
    const error = new StorageError(`${this.#data.file}: its thread can't be asked: ${why}: nothing was done`, { cause })
    for (const { id } of calls) this.#done(id)?.reject(error)
    this.#rest()
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
    if (reply.kind === 'vacuumed') for (const { events } of this.#members) events?.vacuumed(reply.reclaimed)
    else if (reply.kind === 'failed') {
      for (const { events } of this.#members) events?.failed(errorOf(reply.failure), reply.work)
    } else this.#answered(reply)
  }

  #answered({ answers, refusals, packed }: Extract<Reply, { kind: 'answers' }>): void {
    const all = new Unpacking(packed)
    for (const { id, value, blobs: count } of answers) this.#done(id)?.resolve({ value, packed: all.take(count) })
    for (const { id, failure } of refusals) this.#done(id)?.reject(errorOf(failure))
    this.#rest()
  }

  #rest(): void {
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
    const least = Math.min(...[...this.#members].map(({ freeBytes }) => freeBytes))
    if (least === this.#freeBytes) return
    this.#freeBytes = least
    this.#worker?.postMessage({ kind: 'limit', freeBytes: least })
  }
}
