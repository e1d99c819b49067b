// program.ts: a program that uses the queue, and marks what it asks and what it is told, so that at any point of the
// disk's log it is known what has been promised. Its steps are the letters of workloads.ts and of wide-steps.ts.

import type { AppendOptions, Store } from '../../lib/store.ts'
import type { Mark } from './promises.ts'
import type { RecordingDisk } from './recording-disk.ts'
import { Killed, SystemError } from './system-error.ts'
import { documentOf, itemsOf } from './trial.ts'
import { type WideHands, wideStep } from './wide-steps.ts'

const BIG_BYTES = 700
const ASIDE_BYTES = 1500

export class Program {
  readonly #disk: RecordingDisk
  readonly #open: (chance: number) => Promise<Store>
  #store: Store | undefined
  readonly #isShared: boolean
  #held: number[] = []
  /** All that this handle leased. */
  #leased: number[] = []
  #calls: number
  #openings: number

  /** `firstCall`: of one of several programs on one disk, a number of its own. */
  constructor(disk: RecordingDisk, open: (chance: number) => Promise<Store>, firstCall?: number) {
    this.#disk = disk
    this.#open = open
    this.#isShared = firstCall !== undefined
    this.#openings = firstCall ?? 1
    this.#calls = this.#openings - 1
  }

  async open(): Promise<void> {
    this.#store = await this.#open(this.#openings++)
  }

  get isOpen(): boolean {
    return this.#store !== undefined
  }

  get store(): Store {
    if (!this.#store) throw new Error('open it first')
    return this.#store
  }

  async step(letter: string): Promise<unknown> {
    switch (letter) {
      case '1':
        return this.put([1])
      case '3':
        return this.put([2, 1])
      case 'B':
        return this.put([1], BIG_BYTES)
      case 'A':
        return this.put([1], ASIDE_BYTES)
      case 'p':
        return this.pop(1)
      case 'n':
        return this.pop(3)
      case 'L':
        return this.lease()
      case 'r':
        return this.#ack(await this.#lease(3), true)
      case 'f':
        await this.store.flush()
        return
      case 'o':
        return this.reopen()
      case 'x':
        await Promise.all([this.put([1]), this.put([2, 1]), this.pop(1)])
        return
      default:
        return wideStep(letter, this.#hands())
    }
  }

  #hands(): WideHands {
    return {
      store: this.store,
      mark: (mark) => this.#disk.mark(mark),
      nextCall: () => ++this.#calls,
      put: (counts, options) => this.put(counts, 0, options),
    }
  }

  /** One batch of documents with so many items each. Undefined: there was no room for it. */
  async put(counts: readonly number[], size = 0, options?: AppendOptions): Promise<number | undefined> {
    const call = ++this.#calls
    const groups = counts.map((count, i) =>
      Array.from({ length: count }, (_, j) => `${call}.${i}.${j}`.padEnd(size, '.')),
    )
    this.#disk.mark({ what: 'put', call, items: groups.flat() })
    const putting = this.store.append(groups.map(documentOf), options)
    const firstId = await this.#marked(putting, (error) => ({ what: 'put failed', call, known: !ofSync(error) }))
    if (firstId === undefined) this.#disk.mark({ what: 'put failed', call, known: true })
    else this.#disk.mark({ what: 'put done', call, firstId })
    return firstId
  }

  async pop(n: number): Promise<void> {
    const call = ++this.#calls
    this.#disk.mark({ what: 'take', call, n })
    const pieces = await this.#marked(this.store.pop(n), () => ({ what: 'take failed', call }))
    this.#disk.mark({ what: 'take done', call, ids: itemsOf(pieces).map(({ id }) => id) })
  }

  async lease(): Promise<void> {
    const [first, second, third] = await this.#lease(3)
    if (second !== undefined) await this.#ack([second])
    if (third !== undefined) await this.#back(third)
    if (first !== undefined) this.#held.push(first)
  }

  async reopen(): Promise<void> {
    await this.close()
    await this.open()
  }

  /** What it held somebody else may take: it is closing, or dead. */
  orphan(): void {
    this.#disk.mark({ what: 'orphan', ids: this.#leased })
    this.#leased = []
  }

  /** However it ends, the handle is gone, and what it held is ready again. */
  async close(): Promise<void> {
    const { store } = this
    this.#store = undefined
    if (this.#isShared) this.orphan()
    const held = this.#held
    this.#held = []
    await this.#marked(store.close(), () => ({ what: 'back', ids: held }))
    this.#disk.mark({ what: 'back', ids: held })
    this.#disk.mark({ what: 'durable' })
  }

  /** Leases, and acknowledges with it what an earlier one held. */
  async #lease(n: number): Promise<number[]> {
    const acked = this.#held
    this.#held = []
    const call = ++this.#calls
    this.#disk.mark({ what: 'settle', call, ids: acked, leasing: n })
    const ranges = acked.map((id) => ({ from: id, to: id }))
    const leasing = this.store.lease(n, ranges.length > 0 ? [{ outcome: 'ack', ids: ranges }] : [])
    const pieces = await this.#marked(leasing, () => ({ what: 'settle failed', call }))
    this.#disk.mark({ what: 'settle done', call, relaxed: true })
    const ids = itemsOf(pieces).map(({ id }) => id)
    this.#disk.mark({ what: 'hold', call, ids })
    this.#leased.push(...ids)
    return ids
  }

  async #ack(ids: readonly number[], relaxed = false): Promise<void> {
    const call = ++this.#calls
    this.#disk.mark({ what: 'settle', call, ids })
    const settling = this.store.settle([{ outcome: 'ack', ids: ids.map((id) => ({ from: id, to: id })) }], relaxed)
    await this.#marked(settling, () => ({ what: 'settle failed', call }))
    this.#disk.mark({ what: 'settle done', call, relaxed })
  }

  async #back(id: number): Promise<void> {
    if (this.#isShared) this.#disk.mark({ what: 'orphan', ids: [id] })
    const settling = this.store.settle([{ outcome: 'back', ids: [{ from: id, to: id }], counted: true }])
    await this.#marked(settling, () => ({ what: 'orphan', ids: [id] }))
    this.#disk.mark({ what: 'back', ids: [id] })
  }
  /** What a failure means is marked before anybody learns of it; a process that was killed tells nothing. */
  async #marked<R>(call: Promise<R>, failed: (error: unknown) => Mark): Promise<R> {
    try {
      return await call
    } catch (error) {
      if (!causes(error).some((cause) => cause instanceof Killed)) this.#disk.mark(failed(error))
      throw error
    }
  }
}

/** True where a sync failed: then nobody knows what is on the medium. */
function ofSync(error: unknown): boolean {
  return causes(error).some((cause) => cause instanceof SystemError && /sync/i.test(cause.syscall))
}

/** The error, its cause, and so on. */
function causes(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : []
}
