// index.ts: what the package exports, and nothing else.

export type {
  BatchesOptions,
  CloseOptions,
  ConsumeOptions,
  DeliveriesOptions,
  GetManyOptions,
  GetOptions,
  ItemsOptions,
  JoinOptions,
  ListOptions,
  NackOptions,
  PutOptions,
  RetryOptions,
} from './call-options.ts'
export type { Codec, CodecName } from './codec/index.ts'
export type { ConsumeContext } from './consume/attempt.ts'
export type { Consumed } from './consume/consuming.ts'
export type { CopyOptions, CopyProgress } from './consume/copying.ts'
export type { Delivery } from './consume/delivery.ts'
export type { Entry, Stats } from './consume/looking.ts'
export type { Retried } from './consume/retries.ts'
export * from './errors.ts'
export type { MapOptions } from './map/opening.ts'
export { PersistentMap } from './map.ts'
export type { QueueOptions } from './options.ts'
export { AsyncQueue } from './queue.ts'
export type { Corruption, Counts, Durability, Order, Recovered, Status } from './store.ts'
