// attempt.ts: one call of a consumer's handler, in time or not.
//
//      called ──resolved──▶ done
//        ├──threw, rejected──▶ failed
//        ├──its time is over──▶ failed       its signal aborts; what becomes of it then is nobody's business
//        └──cut off──▶ given up              likewise; its signal aborts before, when the queue closes

import { QueueClosedError } from '../errors.ts'
import { onAbort } from '../wait/aborts.ts'
import { clearTimeout, setTimeout } from '../wait/timers.ts'

/** What a handler is told of its batch. */
export interface ConsumeContext {
  /** The same ones when the batch comes again. */
  readonly ids: number[]
  /** Deliveries of the batch, this one included. */
  readonly attempt: number
  /** Aborts when nobody waits for the handler any more: its time is over, or the queue closes. */
  readonly signal: AbortSignal
}

export type Handler<T> = (items: T[], context: ConsumeContext) => unknown

export type Outcome = 'done' | 'given up' | { readonly error: unknown }

export interface Call<T> {
  readonly handler: Handler<T>
  readonly items: T[]
  readonly ids: number[]
  readonly attempt: number
  /** Milliseconds. */
  readonly timeout: number
  /** Aborts when the handler is to come to an end: the queue closes. */
  readonly overdue: AbortSignal
  /** Aborts when the outcome is of no more use. */
  readonly cutOff: AbortSignal
}

const TIMER_MAX_MS = 2 ** 31 - 1

/** Never rejects. While a timeout runs the process stays alive. */
export function callHandler<T>({ handler, items, ids, attempt, timeout, overdue, cutOff }: Call<T>): Promise<Outcome> {
  const controller = new AbortController()
  const context = { ids, attempt, signal: controller.signal }
  return new Promise((resolve) => {
    const end = (outcome: Outcome): void => {
      clearTimeout(timer)
      for (const unlisten of unlistens) unlisten()
      resolve(outcome)
    }
    const expire = (): void => {
      const error = new DOMException(`the handler took longer than ${timeout} ms`, 'TimeoutError')
      controller.abort(error)
      end({ error })
    }
    const abort = (): void => controller.abort(new QueueClosedError())
    const giveUp = (): void => {
      abort()
      end('given up')
    }
    const timer = timeout === Infinity ? undefined : setTimeout(expire, Math.min(timeout, TIMER_MAX_MS))
    const unlistens = [onAbort(overdue, abort), onAbort(cutOff, giveUp)]
    called(handler, items, context).then(
      () => end('done'),
      (error) => end({ error }),
    )
  })
}

/** What it throws rejects. */
async function called<T>(handler: Handler<T>, items: T[], context: ConsumeContext): Promise<void> {
  await handler(items, context)
}
