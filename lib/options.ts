// options.ts: the options of a queue and of its calls: types, defaults with their reasons, and what is checked.
// What a later version builds is refused by name; its default is accepted, because that is what happens anyway.

import * as check from './check.ts'
import { assertCodec, type Codec, type CodecName } from './codec/index.ts'
import { UnsupportedError } from './errors.ts'
import type { Durability, Order } from './store.ts'

export interface QueueOptions<T = unknown> {
  /** How items become bytes. Default: what the queue records, 'msgpack' in a new one. */
  readonly codec?: CodecName | Codec<T> | undefined
  /**
   * What a resolved put or pop has survived: 'disk' (default) power loss, 'os' the process, `{ interval: ms }` as
   * 'os', and synced at most that much later.
   */
  readonly durability?: Durability | undefined
  /** Items that the queue may hold: ready, delayed or in flight. Default: no bound. */
  readonly maxSize?: number | undefined
  /** Not built yet. */
  readonly maxBytes?: number | undefined
  /**
   * What a put does that finds no room: 'wait' (default) for it, or 'reject' with QueueFullError. 'drop-oldest' is not
   * built yet.
   */
  readonly whenFull?: 'wait' | 'reject' | 'drop-oldest' | undefined
  /** Dead bytes that trigger `flush()` by themselves. Default: 1 MiB. `Infinity`: only by hand. */
  readonly flushLimit?: number | undefined
  /** Bytes at which the log goes on in a new segment file. Default: 16 MiB. */
  readonly segmentSize?: number | undefined
  /** Which item is first. Default: 'fifo'; others are not built yet. */
  readonly order?: Order | undefined
  /** Not built yet. */
  readonly unique?: boolean | ((item: T) => string) | undefined
  /** Not built yet. */
  readonly maxAttempts?: number | undefined
  /** Not built yet. */
  readonly leaseTimeout?: number | undefined
  /** Damaged bytes that are met: 'skip' (default) them, told and counted, or 'fail' with CorruptionError. */
  readonly onDamage?: 'skip' | 'fail' | undefined
  /** Not built yet. */
  readonly keepAcked?: number | undefined
  /** Items in flight in a consumer that died become ready again by themselves. Default: true; false is not built yet. */
  readonly autoResume?: boolean | undefined
  /** Stream buffering, in items. Default: 16. */
  readonly highWaterMark?: number | undefined
  /** Aborts opening. */
  readonly signal?: AbortSignal | undefined
}

export interface PutOptions {
  /** Wait for room? Default: what `whenFull` says. */
  readonly wait?: boolean | undefined
  /** Milliseconds to wait for room at most. Default: for ever. */
  readonly timeout?: number | undefined
  /** Ends the wait for room. */
  readonly signal?: AbortSignal | undefined
  /** Needs `order: 'priority'`, which is not built yet. */
  readonly priority?: number | undefined
  /** Not built yet. */
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

export const defaults = Object.freeze({
  durability: 'disk', // a put that resolved has to survive a power cut; who wants less says so
  whenFull: 'wait', // back-pressure: nothing is lost and nothing fails
  flushLimit: 2 ** 20, // small enough that nobody minds, large enough that compaction is rare
  segmentSize: 16 * 2 ** 20, // rolls and unlinks cost nothing at this size, and a rewrite takes some ten ms
  order: 'fifo',
  onDamage: 'skip', // one bad batch must not stop those behind it
  autoResume: true,
  highWaterMark: 16, // Node's own for objects
  listLimit: 100, // a page for a reader
} as const)

/** The options of a queue with their defaults, as far as more than the store looks at them. */
export interface Settings<T> {
  readonly codec: CodecName | Codec<T> | undefined
  readonly durability: Durability
  readonly maxSize: number
  readonly whenFull: 'wait' | 'reject'
  readonly flushLimit: number
  readonly segmentSize: number
  readonly onDamage: 'skip' | 'fail'
  readonly highWaterMark: number
  readonly signal: AbortSignal | undefined
}

/** Checks the options of a queue and fills in the defaults. */
export function settingsOf<T>(options: QueueOptions<T> = {}): Settings<T> {
  check.checkOptions(options, queueChecks)
  return {
    codec: options.codec,
    durability: options.durability ?? defaults.durability,
    maxSize: options.maxSize ?? Infinity,
    whenFull: options.whenFull === 'reject' ? 'reject' : defaults.whenFull,
    flushLimit: options.flushLimit ?? defaults.flushLimit,
    segmentSize: options.segmentSize ?? defaults.segmentSize,
    onDamage: options.onDamage ?? defaults.onDamage,
    highWaterMark: options.highWaterMark ?? defaults.highWaterMark,
    signal: options.signal,
  }
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

export function checkBatches(size: unknown, options: BatchesOptions | undefined): void {
  check.count('size', size)
  if (size === 0) throw check.outOfRange('size', 'at least 1', size)
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

const durability: check.Check = (name, value) => {
  if (typeof value !== 'object') return check.oneOf('disk', 'os')(name, value)
  if (value === null || !('interval' in value)) throw check.wrongType(name, "'disk', 'os' or { interval }", value)
  check.checkOptions(value, { interval: check.milliseconds })
}

/** Checked like any other, and then refused unless it is what happens anyway. */
function later(checked: check.Check, accepted: readonly unknown[], stores: string): check.Check {
  return (name, value) => {
    checked(name, value)
    if (accepted.includes(value)) return
    throw new UnsupportedError(`${name} is not built yet: no store of this version has it; ${stores} will`)
  }
}

const unique: check.Check = (name, value) => {
  if (typeof value !== 'function') check.flag(name, value)
}

const EVERY = 'every store'
const INDEXED = 'sqlite, mysql and memory'

const queueChecks = {
  codec: (_: string, value: unknown) => assertCodec(value),
  durability,
  maxSize: check.limit,
  maxBytes: later(check.limit, [Infinity], EVERY),
  whenFull: later(check.oneOf('wait', 'reject', 'drop-oldest'), ['wait', 'reject'], EVERY),
  flushLimit: check.limit,
  segmentSize: check.positiveLimit,
  order: later(check.oneOf('fifo', 'lifo', 'priority'), ['fifo'], INDEXED),
  unique: later(unique, [false], INDEXED),
  maxAttempts: later(check.positiveLimit, [Infinity], EVERY),
  leaseTimeout: later(check.milliseconds, [Infinity], EVERY),
  onDamage: check.oneOf('skip', 'fail'),
  keepAcked: later(check.count, [0], EVERY),
  autoResume: later(check.flag, [true], EVERY),
  highWaterMark: check.count,
  signal: check.signal,
}

const needsPriority: check.Check = (name, value) => {
  check.anyNumber(name, value)
  throw new UnsupportedError(
    `priority needs a queue of order 'priority', which is not built yet; ${INDEXED} will have it`,
  )
}

const getChecks = { timeout: check.milliseconds, signal: check.signal }
const loopChecks = { wait: check.flag, signal: check.signal }
const putChecks = {
  wait: check.flag,
  timeout: check.milliseconds,
  signal: check.signal,
  priority: needsPriority,
  delay: later(check.milliseconds, [0], EVERY),
}
