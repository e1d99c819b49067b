// worker.ts: the thread of one database file. It takes every message that has come, runs what they ask for as one
// transaction, and answers with one message; what comes meanwhile is next. In between, when nothing is asked for:
//
//    a sync is due     of what was committed without one (an interval's, a loop's acknowledgements)
//    pages are free    more than may be: some are given back, and the rest after what has come meanwhile

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { clearTimeout, elapsed, setImmediate, setTimeout } from '../wait/timers.ts'
import { type DriverName, loadDriver } from './driver.ts'
import { type Call, Engine, type Outcome } from './engine.ts'
import { failureOf } from './failure.ts'
import {
  type AnswerMessage,
  NOTHING,
  type Packed,
  packAll,
  type RefusalMessage,
  type Reply,
  type Request,
  sent,
  transferOf,
  Unpacking,
} from './messages.ts'

export interface WorkerData {
  readonly file: string
  readonly drivers: readonly DriverName[] | undefined
}

const { file, drivers }: WorkerData = workerData

class Thread {
  readonly #port: NonNullable<typeof parentPort>
  readonly #engine = new Engine(file, () => loadDriver(drivers))
  #calls: Call[] = []
  #keptBytes = Infinity
  #syncAt = Infinity
  #syncTimer: NodeJS.Timeout | undefined
  #isTidying = false
  #isClosing = false

  constructor(port: NonNullable<typeof parentPort>) {
    this.#port = port
    port.on('message', (request: Request) => this.#heard(request))
  }

  #heard(request: Request): void {
    this.#take(request)
    for (;;) {
      const more: { message: Request } | undefined = receiveMessageOnPort(this.#port)
      if (more === undefined) break
      this.#take(more.message)
    }
    this.#run()
    if (this.#isClosing) this.#close()
  }

  #take(request: Request): void {
    if (request.kind === 'close') this.#isClosing = true
    else if (request.kind === 'limit') this.#keptBytes = request.freeBytes
    else {
      const packed = new Unpacking(request.packed)
      for (const { blobs, ...call } of request.calls) this.#calls.push({ ...call, packed: packed.take(blobs) })
    }
  }

  #run(): void {
    const calls = this.#calls
    if (calls.length === 0) return
    this.#calls = []
    this.#answer(calls, this.#engine.run(calls))
    const within = calls.reduce((least, call) => (call.within > 0 ? Math.min(least, call.within) : least), Infinity)
    this.#syncWithin(within)
    this.#tidySoon()
  }

  #answer(calls: readonly Call[], outcomes: readonly Outcome[]): void {
    const answers: AnswerMessage<unknown>[] = []
    const refusals: RefusalMessage[] = []
    const all: Packed[] = []
    outcomes.forEach((outcome, i) => {
      const id = calls[i]?.id ?? 0
      if ('failure' in outcome) refusals.push({ id, failure: outcome.failure })
      else {
        const { value, packed = NOTHING } = outcome
        answers.push({ id, value, blobs: packed.lengths.length })
        all.push(packed)
      }
    })
    const packed = packAll(all)
    this.#tell({ kind: 'answers', answers, refusals, packed: sent(packed) }, transferOf(packed))
  }

  #tell(reply: Reply<unknown>, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(reply, transfer)
  }

  #syncWithin(ms: number): void {
    const at = elapsed() + ms
    if (at >= this.#syncAt) return
    clearTimeout(this.#syncTimer)
    this.#syncAt = at
    this.#syncTimer = setTimeout(() => this.#sync(), ms)
  }

  #sync(): void {
    clearTimeout(this.#syncTimer)
    this.#syncAt = Infinity
    try {
      this.#engine.sync()
    } catch (error) {
      this.#tell({ kind: 'failed', failure: failureOf(error, file), work: 'sync' })
    }
  }

  #tidySoon(): void {
    if (this.#keptBytes === Infinity || this.#isTidying) return
    this.#isTidying = true
    setImmediate(() => {
      this.#isTidying = false
      if (!this.#isClosing) this.#tidy()
    })
  }

  #tidy(): void {
    try {
      const { reclaimed, isMore } = this.#engine.tidy(this.#keptBytes)
      if (reclaimed > 0) this.#tell({ kind: 'vacuumed', reclaimed })
      if (isMore) this.#tidySoon()
    } catch (error) {
      this.#tell({ kind: 'failed', failure: failureOf(error, file) })
    }
  }

  #close(): void {
    if (this.#syncAt < Infinity) this.#sync()
    try {
      this.#engine.close()
    } finally {
      this.#port.close()
    }
  }
}

if (parentPort !== null) new Thread(parentPort)
