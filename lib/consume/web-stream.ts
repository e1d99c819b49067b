// web-stream.ts: what createWebStream() returns: a ReadableStream over the queue, which it leaves open. It buffers nothing: a
// pull leases one item, which is acknowledged when the next one is asked for.
//
//      fresh ──pull──▶ open ──nothing more to come──▶ over (closed: the last item is acknowledged)
//                       ├──cancel(), its signal──────▶ over (the item in hand goes back)
//                       └──a failure─────────────────▶ over (errored)

import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web'
import { onAbort } from '../wait/aborts.ts'
import type { Consumer, Core } from './core.ts'
import type { Held } from './held.ts'
import { Session, type SessionOptions } from './session.ts'

export interface WebStreamOptions {
  readonly wait?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** `open` also keeps the queue from being collected while the stream is in use. */
export function webStream<T>(open: () => Promise<Core<T>>, options: WebStreamOptions = {}): ReadableStream<T> {
  const source = new WebSource(open, options)
  return new ReadableStream<T>(
    {
      start: (controller) => source.start(controller),
      pull: (controller) => source.pull(controller),
      cancel: () => source.cancel(),
    },
    { highWaterMark: 0 },
  )
}

class WebSource<T> implements Consumer {
  readonly #open: () => Promise<Core<T>>
  readonly #options: WebStreamOptions
  #session: Session<T> | undefined
  #controller: ReadableStreamDefaultController<T> | undefined
  #inHand: Held<T> | undefined
  #unlisten: (() => void) | undefined
  #state: 'fresh' | 'open' | 'over' = 'fresh'

  constructor(open: () => Promise<Core<T>>, options: WebStreamOptions) {
    this.#open = open
    this.#options = options
  }

  /** Its session tells. */
  get inHand(): boolean {
    return false
  }

  start(controller: ReadableStreamDefaultController<T>): void {
    const { signal } = this.#options
    this.#controller = controller
    if (signal?.aborted) this.#fail(signal.reason)
    else if (signal !== undefined) this.#unlisten = onAbort(signal, () => this.#fail(signal.reason))
  }

  async pull(controller: ReadableStreamDefaultController<T>): Promise<void> {
    try {
      const session = this.#session ?? (await this.#enter())
      if (this.#inHand !== undefined) session.ack(this.#inHand)
      this.#inHand = undefined
      const held = session.nextNow() ?? (await session.next())
      if (this.#state === 'over') return
      if (held === undefined) return await this.#end(controller, session)
      session.hold([held])
      this.#inHand = held
      controller.enqueue(held.item)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** What no pull followed goes back. */
  async cancel(): Promise<void> {
    this.#over()
    await this.#session?.leave()
  }

  /** The queue is closing: the next pull finds nothing. */
  async stop(): Promise<void> {
    if (this.#inHand === undefined) this.#close()
  }

  /** The queue has closed: what was in hand others will get. */
  async leave(): Promise<void> {
    const { core } = this.#session ?? {}
    if (core === undefined || (this.#inHand === undefined && !core.hasFailed)) this.#close()
    else this.#fail(core.closedError())
  }

  async #enter(): Promise<Session<T>> {
    const core = await this.#open()
    this.#session = new Session(core, { wait: this.#options.wait, ahead: 1 } satisfies SessionOptions)
    if (this.#state === 'over') await this.#session.leave()
    else {
      this.#state = 'open'
      core.consumers.add(this)
    }
    return this.#session
  }

  /** Closed once the last acknowledgement is written: whoever has read to the end knows that. */
  async #end(controller: ReadableStreamDefaultController<T>, session: Session<T>): Promise<void> {
    await session.leave()
    if (this.#over()) controller.close()
  }

  #close(): void {
    if (this.#over()) this.#controller?.close()
  }

  #fail(error: unknown): void {
    if (!this.#over()) return
    this.#controller?.error(error)
    this.#session?.leave().catch((failure) => this.#session?.core.failLater(failure))
  }

  /** True for the first call. */
  #over(): boolean {
    if (this.#state === 'over') return false
    this.#state = 'over'
    this.#unlisten?.()
    this.#session?.core.consumers.delete(this)
    return true
  }
}
