// call-options.ts: the options of the queue's calls: types, and what is checked.

import * as check from './check.ts'

export interface PutOptions {
  /** Wait for room? Default: what `whenFull` says. */
  readonly wait?: boolean | undefined
  /** Milliseconds to wait for room at most. Default: for ever. */
  readonly timeout?: number | undefined
  /** Ends the wait for room, or for a lock of the log; what has begun to be written is put. */
  readonly signal?: AbortSignal | undefined
  /** The lowest number is first; any finite one. Needs a queue of order 'priority'. Default there: 0. */
  readonly priority?: number | undefined
  /** Milliseconds before which nobody gets it, also across a restart. Default: 0. */
  readonly delay?: number | undefined
}

export interface GetOptions {
  /** Milliseconds to wait at most. Default: for ever. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface GetManyOptions extends GetOptions {
  /** Items to wait for. Default: 1. */
  readonly min?: number | undefined
}

export interface ItemsOptions {
  /** Wait for items when there are none (default), or end. */
  readonly wait?: boolean | undefined
  /** Items taken ahead of the body. Default: 'auto', as many as suit its speed. */
  readonly prefetch?: 'auto' | number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface DeliveriesOptions extends Omit<ItemsOptions, 'prefetch'> {
  /** Items taken ahead of the body. Default: 1, none but the next. */
  readonly prefetch?: 'auto' | number | undefined
}

export interface BatchesOptions {
  /** Milliseconds to wait for a batch to fill, from its first item on. Default: 0. */
  readonly maxWait?: number | undefined
  /** Wait for items when there are none (default), or end. */
  readonly wait?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ReadStreamOptions {
  /** Wait for items when there are none (default), or end. */
  readonly wait?: boolean | undefined
  /** Destroys the stream. */
  readonly signal?: AbortSignal | undefined
}

export interface ListOptions {
  /** Default: 'ready'. */
  readonly status?: 'ready' | 'delayed' | 'inFlight' | 'failed' | 'acked' | undefined
  /** Lists ids above this one. Default: 0, from the start. */
  readonly after?: number | undefined
  /** Items at most. Default: 100. */
  readonly limit?: number | undefined
}

/** Which one item to lease. */
export interface LeaseOptions {
  /** The item with that id. */
  readonly id?: number | undefined
  /** The next by age behind that id: the next higher one, in a 'lifo' queue the next lower; after the last the first. */
  readonly after?: number | undefined
}

export interface NackOptions {
  /** Milliseconds before which nobody gets it again. Default: 0. */
  readonly delay?: number | undefined
  /** 'back': behind all that waits now, under a new id. Default: its old place. */
  readonly to?: 'back' | undefined
}

export interface JoinOptions {
  readonly signal?: AbortSignal | undefined
}

export interface CloseOptions {
  /** Milliseconds that what is in hand gets to be settled. Default: 8000. */
  readonly grace?: number | undefined
}

export interface RetryOptions {
  /** Deliveries that a batch gets, the first included. Default: the queue's `maxAttempts`, which holds anyway. */
  readonly attempts?: number | undefined
  /** Milliseconds before the second try. Default: 100. */
  readonly minDelay?: number | undefined
  /** Milliseconds before any try at most. Default: 30,000. */
  readonly maxDelay?: number | undefined
  /** How much longer each wait is than the one before. Default: 2. */
  readonly factor?: number | undefined
}

export interface ConsumeOptions {
  /** Items a handler gets at most. Default: 1. */
  readonly batch?: number | undefined
  /** Handlers at work at once; a batch that waits for its retry counts as one. Default: 1. */
  readonly concurrency?: number | undefined
  /** Milliseconds to wait for a batch to fill, from its first item on. Default: 0. */
  readonly maxWait?: number | undefined
  readonly retry?: RetryOptions | undefined
  /** Milliseconds after which a handler counts as failed, and its `ctx.signal` aborts. Default: never. */
  readonly timeout?: number | undefined
  /** Wait for items when there are none (default), or end once nothing is ready and no handler is at work. */
  readonly wait?: boolean | undefined
  /** Stops: handlers at work finish and are acknowledged, nothing new is handed out. */
  readonly signal?: AbortSignal | undefined
}

export function checkPut(options: PutOptions | undefined): void {
  check.checkOptions(options, putChecks)
}

export function checkGet(options: GetOptions | undefined): void {
  check.checkOptions(options, getChecks)
}

export function checkGetMany(n: unknown, options: GetManyOptions | undefined): void {
  checkCount(n)
  check.checkOptions(options, { ...getChecks, min: check.count })
  if (typeof n === 'number' && (options?.min ?? 0) > n) throw check.outOfRange('min', `at most n (${n})`, options?.min)
}

export function checkItems(options: ItemsOptions | undefined): void {
  check.checkOptions(options, { ...loopChecks, prefetch: prefetch })
}

export function checkNack(options: NackOptions | undefined): void {
  check.checkOptions(options, nackChecks)
}

export function checkClose(options: CloseOptions | undefined): void {
  check.checkOptions(options, { grace: check.milliseconds })
}

export function checkJoin(options: JoinOptions | undefined): void {
  check.checkOptions(options, { signal: check.signal })
}

export function checkConsume(handler: unknown, options: ConsumeOptions | undefined): void {
  if (typeof handler !== 'function') throw check.wrongType('handler', 'a function', handler)
  check.checkOptions(options, consumeChecks)
}

export function checkCopy(options: object | undefined): void {
  const onProgress = options !== undefined && 'onProgress' in options ? options.onProgress : undefined
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw check.wrongType('onProgress', 'a function', onProgress)
  }
}

/** One of both. */
export function checkLease(options: LeaseOptions): void {
  check.checkOptions(options, { id: check.count, after: check.count })
  if ((options.id === undefined) === (options.after === undefined)) {
    throw new TypeError('lease: expected a number of items, { id } or { after }')
  }
}

export function checkId(id: unknown): void {
  check.count('id', id)
}

/** Ids of failed items. */
export function checkIds(ids: unknown): void {
  if (ids === undefined) return
  if (!Array.isArray(ids)) throw check.wrongType('ids', 'an array of ids', ids)
  for (const id of ids) check.count('id', id)
}

export function checkBatches(size: unknown, options: BatchesOptions | undefined): void {
  check.positiveCount('size', size)
  check.checkOptions(options, { ...loopChecks, maxWait: check.milliseconds })
}

export function checkReadStream(options: ReadStreamOptions | undefined): void {
  check.checkOptions(options, loopChecks)
}

export function checkList(options: ListOptions | undefined): void {
  check.checkOptions(options, {
    status: check.oneOf('ready', 'delayed', 'inFlight', 'failed', 'acked'),
    after: check.count,
    limit: check.limit,
  })
}

/** `n` of peek, pop, get, delete: a whole number ≥ 0, or a RangeError, whatever it is instead. */
export function checkCount(n: unknown): void {
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 0) throw check.outOfRange('n', 'a whole number ≥ 0', n)
}

const prefetch: check.Check = (name, value) => {
  if (value !== 'auto') check.positiveLimit(name, value)
}

const getChecks = { timeout: check.milliseconds, signal: check.signal }
const loopChecks = { wait: check.flag, signal: check.signal }
export const putChecks = {
  wait: check.flag,
  timeout: check.milliseconds,
  signal: check.signal,
  priority: check.finiteNumber,
  delay: check.finiteMilliseconds,
}
export const nackChecks = { delay: check.finiteMilliseconds, to: check.oneOf('back') }
const retryChecks = {
  attempts: check.positiveLimit,
  minDelay: check.finiteMilliseconds,
  maxDelay: check.milliseconds,
  factor: check.factor,
}
export const consumeChecks = {
  ...loopChecks,
  batch: check.positiveCount,
  concurrency: check.positiveLimit,
  maxWait: check.milliseconds,
  timeout: check.positiveMilliseconds,
  retry: (name: string, value: unknown): void => {
    if (typeof value !== 'object' || value === null) throw check.wrongType(name, 'an object', value)
    check.checkOptions(value, retryChecks)
  },
}
