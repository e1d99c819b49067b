// options.ts: the options of a queue: types, defaults with their reasons, and what is checked. Those of its calls are in
// call-options.ts. What a store cannot do is refused in opening.ts.

import * as check from './check.ts'
import { assertCodec, type Codec, type CodecName, type GeneralCodec } from './codec/index.ts'
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
  /**
   * Bytes that the queue may hold, in the encoded form of its items: ready, delayed or in flight. Default: no bound.
   * Items that were put together are encoded together, and share those bytes evenly.
   */
  readonly maxBytes?: number | undefined
  /**
   * What a put does that finds no room: 'wait' (default) for it, 'reject' with QueueFullError, or 'drop-oldest': ready
   * items go from the front, counted in `stats().dropped`; where there are too few of them it waits.
   */
  readonly whenFull?: 'wait' | 'reject' | 'drop-oldest' | undefined
  /** Dead bytes that trigger `flush()` by themselves. Default: 1 MiB. `Infinity`: only by hand. */
  readonly flushLimit?: number | undefined
  /** Bytes at which the log goes on in a new segment file. Default: 16 MiB. */
  readonly segmentSize?: number | undefined
  /**
   * Which item is first: the oldest ('fifo'), the newest ('lifo'), or the one of the lowest number, and of those the
   * oldest ('priority'). Default: what the queue records, 'fifo' in a new one. Over a log 'fifo' only.
   */
  readonly order?: Order | undefined
  /**
   * A put whose equal is ready, delayed or in flight is ignored, and resolves to undefined. `true`: items are equal that
   * come out alike, whatever the order of their keys; a function: items for which it returns the same string. It is
   * asked at each put through this handle. Default: false. Not over a log.
   */
  readonly unique?: Unique<T> | undefined
  /**
   * Deliveries that an item gets before it is set aside as failed: when it is given back, or, where its consumer died,
   * by whoever would take it next. Default: `Infinity`.
   */
  readonly maxAttempts?: number | undefined
  /** Milliseconds after which an item still in flight is ready again, however alive its consumer is. Default: none. */
  readonly leaseTimeout?: number | undefined
  /** Damaged bytes that are met: 'skip' (default) them, told and counted, or 'fail' with CorruptionError. */
  readonly onDamage?: 'skip' | 'fail' | undefined
  /** Acknowledged items to keep for the record: `list({ status: 'acked' })`. Default: 0. */
  readonly keepAcked?: number | undefined
  /** Items in flight in a consumer that died become ready again by themselves (default), or by `reclaim()`. */
  readonly autoResume?: boolean | undefined
  /** Stream buffering, in items. Default: 16. */
  readonly highWaterMark?: number | undefined
  /** Aborts opening. */
  readonly signal?: AbortSignal | undefined
}

/** Options for items of that type, or of any: what is called with an item takes whatever it is. */
export type FittingOptions<T> = QueueOptions<T> | GeneralOptions

interface GeneralOptions extends Omit<QueueOptions, 'codec' | 'unique'> {
  readonly codec?: CodecName | GeneralCodec | undefined
  readonly unique?: boolean | ((item: unknown) => string) | undefined
}

/** What two equal items have in common. A method's type, so that a queue of readings is a queue of unknown items too. */
export type Unique<T> = boolean | { of(item: T): string }['of']

/** Where it is named, a put may be ignored: it resolves to undefined then. */
export interface Uniqueness<T> {
  readonly unique: Exclude<Unique<T>, false>
}

export const defaults = Object.freeze({
  durability: 'disk', // a put that resolved has to survive a power cut; who wants less says so
  whenFull: 'wait', // back-pressure: nothing is lost and nothing fails
  flushLimit: 2 ** 20, // small enough that nobody minds, large enough that compaction is rare
  segmentSize: 16 * 2 ** 20, // rolls and unlinks cost nothing at this size, and a rewrite takes some ten ms
  unique: false, // equal items are nothing unusual
  onDamage: 'skip', // one bad batch must not stop those behind it
  autoResume: true,
  highWaterMark: 16, // Node's own for objects
  listLimit: 100, // a page for a reader
  maxAttempts: Infinity, // what fails for a while, a disk or a network, must not set items aside
  leaseTimeout: Infinity, // a slow consumer is none that died; those are noticed without it
  keepAcked: 0,
  grace: 8000, // less than the ten seconds that most who stop a process give it
} as const)

/** The options of a queue with their defaults, as far as more than the store looks at them. */
export interface Settings<T> {
  readonly codec: CodecName | Codec<T> | GeneralCodec | undefined
  readonly durability: Durability
  readonly maxSize: number
  readonly maxBytes: number
  readonly whenFull: 'wait' | 'reject' | 'drop-oldest'
  readonly flushLimit: number
  readonly segmentSize: number
  readonly order: Order | undefined
  readonly unique: Unique<T>
  readonly onDamage: 'skip' | 'fail'
  readonly maxAttempts: number
  readonly leaseTimeout: number
  readonly keepAcked: number
  readonly autoResume: boolean
  readonly highWaterMark: number
  readonly signal: AbortSignal | undefined
}

/** Checks the options of a queue and fills in the defaults. */
export function settingsOf<T>(options: FittingOptions<T> = {}): Settings<T> {
  check.checkOptions(options, queueChecks)
  return {
    codec: options.codec,
    durability: options.durability ?? defaults.durability,
    maxSize: options.maxSize ?? Infinity,
    maxBytes: options.maxBytes ?? Infinity,
    whenFull: options.whenFull ?? defaults.whenFull,
    flushLimit: options.flushLimit ?? defaults.flushLimit,
    segmentSize: options.segmentSize ?? defaults.segmentSize,
    order: options.order,
    unique: options.unique ?? defaults.unique,
    onDamage: options.onDamage ?? defaults.onDamage,
    maxAttempts: options.maxAttempts ?? defaults.maxAttempts,
    leaseTimeout: options.leaseTimeout ?? defaults.leaseTimeout,
    keepAcked: options.keepAcked ?? defaults.keepAcked,
    autoResume: options.autoResume ?? defaults.autoResume,
    highWaterMark: options.highWaterMark ?? defaults.highWaterMark,
    signal: options.signal,
  }
}

export const checkDurability: check.Check = (name, value) => {
  if (typeof value !== 'object') return check.oneOf('disk', 'os')(name, value)
  if (value === null || !('interval' in value)) throw check.wrongType(name, "'disk', 'os' or { interval }", value)
  check.checkOptions(value, { interval: check.milliseconds })
}

const unique: check.Check = (name, value) => {
  if (typeof value !== 'function') check.flag(name, value)
}

/** What there is to check of each option that there is. */
export const queueChecks = {
  codec: (_: string, value: unknown) => assertCodec(value),
  durability: checkDurability,
  maxSize: check.positiveLimit,
  maxBytes: check.positiveLimit,
  whenFull: check.oneOf('wait', 'reject', 'drop-oldest'),
  flushLimit: check.limit,
  segmentSize: check.positiveLimit,
  order: check.oneOf('fifo', 'lifo', 'priority'),
  unique,
  maxAttempts: check.positiveLimit,
  leaseTimeout: check.positiveMilliseconds,
  onDamage: check.oneOf('skip', 'fail'),
  keepAcked: check.count,
  autoResume: check.flag,
  highWaterMark: check.count,
  signal: check.signal,
}
