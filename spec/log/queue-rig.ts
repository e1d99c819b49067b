// queue-rig.ts: log stores on one recording disk, each opening in a process of its own.

import assert from 'node:assert/strict'
import type { Disk } from '../../lib/disk/disk.ts'
import { defaultLimits, type Limits } from '../../lib/log/limits.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import type { Corruption, IdRange, Recovered, Settlement, StoreOptions } from '../../lib/store.ts'
import { randomOf } from '../crash/digest.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { SpecClock } from '../crash/spec-clock.ts'
import { documentsOf, itemsOf } from './small-queue.ts'

export const FOLDER = '/q'

export interface Opening extends Partial<StoreOptions> {
  readonly disk?: Disk
  readonly limits?: Partial<Limits>
}

export class QueueRig {
  readonly disk: RecordingDisk
  readonly clock = new SpecClock()
  readonly recovered: Recovered[] = []
  readonly corruptions: Corruption[] = []
  readonly flushed: number[] = []
  readonly failures: Error[] = []
  readonly #random: (limit: number) => number

  constructor(disk = new RecordingDisk(), seed = 11) {
    this.disk = disk
    this.#random = randomOf(seed)
  }

  /** Nothing is flushed by itself but where it is asked for. */
  open({ disk = this.disk.process(), limits, ...options }: Opening = {}): Promise<LogStore> {
    const all: StoreOptions = {
      durability: 'disk',
      codec: 'json',
      order: 'fifo',
      flushLimit: Number.POSITIVE_INFINITY,
      segmentSize: 1 << 20,
      onDamage: 'skip',
      autoResume: true,
      events: {
        recovered: (report) => this.recovered.push(report),
        corruption: (report) => this.corruptions.push(report),
        flushed: ({ reclaimed }) => this.flushed.push(reclaimed),
        failed: (error) => this.failures.push(error),
      },
      ...options,
    }
    const random = () => this.#random(2 ** 32)
    return LogStore.open(FOLDER, all, { disk, clock: this.clock, random, limits: { ...defaultLimits, ...limits } })
  }

  /** How much of a segment is not zeros that stand behind its frames, which end in no zero here. */
  usedBytes(segment: string): number {
    return this.disk.bytesOf(`${FOLDER}/${segment}`).findLastIndex((byte) => byte !== 0) + 1
  }

  /** Names in the queue's folder, in order. */
  names(pattern = /./): string[] {
    return this.disk
      .list(FOLDER)
      .filter((name) => pattern.test(name))
      .sort()
  }

  get segments(): string[] {
    return this.names(/\.log$/)
  }

  bytes(): number {
    return this.segments.reduce((sum, name) => sum + this.disk.bytesOf(`${FOLDER}/${name}`).length, 0)
  }
}

/** Puts items as one batch, in documents of so many. */
export function put(store: LogStore, items: readonly string[], perDocument = 1): Promise<number | undefined> {
  return store.append(documentsOf(items, perDocument))
}

/** `count` items, each with its number, of at least so many bytes. */
export function numbered(count: number, first = 1, size = 0): string[] {
  return Array.from({ length: count }, (_, index) => `${first + index}`.padEnd(size, '.'))
}

/** Everything that is ready: id and item. */
export async function ready(store: LogStore): Promise<(readonly [number, string])[]> {
  return itemsOf(await store.peek(1_000_000))
}

export async function popped(store: LogStore, n: number): Promise<(readonly [number, string])[]> {
  return itemsOf(await store.pop(n))
}

export async function leased(store: LogStore, n: number): Promise<number[]> {
  return itemsOf(await store.lease(n)).map(([id]) => id)
}

export function ack(...ids: readonly number[]): Settlement {
  return { outcome: 'ack', ids: rangesOf(ids) }
}

function rangesOf(ids: readonly number[]): IdRange[] {
  return ids.map((id) => ({ from: id, to: id }))
}

export const SMALL = { segmentSize: 1000 }
export const segment = (base: number, rewrite = 0) => `${String(base).padStart(20, '0')}.${rewrite}.log`

/** Three full segments of ten items each, and a tail with five. */
export async function filled(rig: QueueRig, perDocument = 1) {
  const store = await rig.open(SMALL)
  for (let first = 1; first <= 31; first += 10) await put(store, numbered(first > 30 ? 5 : 10, first, 100), perDocument)
  assert.deepEqual(
    rig.segments,
    [1, 11, 21, 31].map((base) => segment(base)),
  )
  return store
}
