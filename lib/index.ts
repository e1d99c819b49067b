// index.ts: what the package exports, and nothing else.

export type { Codec, CodecName } from './codec/index.ts'
export type { Entry, Stats } from './consume/looking.ts'
export * from './errors.ts'
export type {
  BatchesOptions,
  GetManyOptions,
  GetOptions,
  ItemsOptions,
  ListOptions,
  PutOptions,
  QueueOptions,
} from './options.ts'
export { AsyncQueue } from './queue.ts'
export type { Corruption, Counts, Durability, Order, Recovered, Status } from './store.ts'
