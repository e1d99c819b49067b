// queue.ts: the face. Each method checks what it was given, waits for the opening, and delegates: to putting, taking,
// looking or a loop over a session (lib/consume). What a handle's life is, stands in handle.ts.

import type { Readable, Writable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import * as options from './call-options.ts'
import type { Handler } from './consume/attempt.ts'
import { Batches } from './consume/batches.ts'
import { type Consumed, Consuming } from './consume/consuming.ts'
import { Copying, type CopyOptions } from './consume/copying.ts'
import { Deliveries } from './consume/deliveries.ts'
import type { Delivery } from './consume/delivery.ts'
import { Items } from './consume/items.ts'
import { join } from './consume/join.ts'
import type { Entry, Stats } from './consume/looking.ts'
import { ReadStream } from './consume/read-stream.ts'
import { webStream } from './consume/web-stream.ts'
import { WriteStream } from './consume/write-stream.ts'
import type { WritingPorts } from './consume/writing.ts'
import { CodecMismatchError } from './errors.ts'
import { Handle } from './handle.ts'
import type { FittingOptions, QueueOptions, Uniqueness } from './options.ts'
import type { Counts } from './store.ts'
import { systemClock } from './wait/clock.ts'

/**
 * A queue that survives its process.
 *
 * Calls made while it opens wait for it. After a failed opening every call rejects with the opening's error, after
 * `close()` with QueueClosedError. A StorageError says that the disk or the server refused.
 *
 * @example
 * const queue = await AsyncQueue.open<Reading>('./readings')
 * await queue.put({ sensor: 7, celsius: 21.5 })
 * for await (const reading of queue) await store(reading)
 */
export class AsyncQueue<T = unknown, Id extends number | undefined = number>
  extends Handle<T>
  implements AsyncIterable<T>, AsyncDisposable
{
  /**
   * Opens the queue at `location`, or makes a new one there: a directory or `file:` URL, `sqlite:./file.db?queue=name`,
   * `mysql://user:password@host/database?queue=name`, or `memory:name`. Rejects with a TypeError or RangeError for wrong
   * options, with UnsupportedError for what the store there can't do, CodecMismatchError, FormatError (not a queue, a
   * newer version's, or another order), StorageError, or the signal's reason.
   */
  static open<T = unknown>(
    location: string | URL,
    options: QueueOptions<T> & Uniqueness<T>,
  ): Promise<AsyncQueue<T, number | undefined>>
  /** As above. */
  static open<T = unknown>(location: string | URL, options?: QueueOptions<T>): Promise<AsyncQueue<T>>
  /** With options that fit items of any type: `const options: QueueOptions = { maxSize: 100 }`. */
  static open<T = unknown>(location: string | URL, options?: FittingOptions<T>): Promise<AsyncQueue<T>>
  static async open<T = unknown>(location: string | URL, options?: FittingOptions<T>): Promise<AsyncQueue<T>> {
    return new AsyncQueue<T>(location, options).opened
  }

  /**
   * Puts one item; resolves to its id when it has the queue's durability, or to undefined where the queue is `unique`
   * and an equal one is in it. The item is encoded at the call: changing it afterwards changes nothing. Rejects, and
   * nothing was put, with CodecError (it cannot be encoded), QueueFullError (no room, and no wait or `timeout` ms of it),
   * UnsupportedError (a priority, and the order is another one), the signal's reason, or StorageError.
   */
  put(item: T, putOptions?: options.PutOptions): Promise<Id>
  put(item: T, putOptions?: options.PutOptions): Promise<number | undefined> {
    if (!this.takesPuts) return this.putOtherwise([item], putOptions).then(([id]) => id)
    return this.run(({ putting }) => putting.one(item, putOptions), putOptions && (() => options.checkPut(putOptions)))
  }

  /**
   * Puts items as one batch, all of them or nothing; resolves to an id for each item, or undefined where the queue is
   * `unique` and the item was ignored. Rejects as `put` does. It stops asking for items as soon as the batch can't fit
   * into the queue any more: with `maxBytes`, that is looked at once for up to 256 items.
   */
  putMany(items: Iterable<T>, putOptions?: options.PutOptions): Promise<Id[]>
  putMany(items: Iterable<T>, putOptions?: options.PutOptions): Promise<(number | undefined)[]> {
    if (!this.takesPuts) return this.putOtherwise(items, putOptions)
    return this.run(
      ({ putting }) => putting.many(items, putOptions),
      () => options.checkPut(putOptions),
    )
  }

  /** The first item, or undefined if nothing is ready. Changes nothing. */
  peek(): Promise<T | undefined>
  /** Up to `n` items from the front. Changes nothing. */
  peek(n: number): Promise<T[]>
  peek(n?: number): Promise<T[] | T | undefined> {
    if (n === undefined) return this.run(({ taking }) => taking.peek(1).then(([item]) => item))
    return this.run(
      ({ taking }) => taking.peek(n),
      () => options.checkCount(n),
    )
  }

  /** Removes the first item and resolves to it, or to undefined if nothing is ready: it never waits for one. */
  pop(): Promise<T | undefined>
  /** Removes up to `n` items from the front and resolves to them: as many as there are, without waiting. */
  pop(n: number): Promise<T[]>
  pop(n?: number): Promise<T[] | T | undefined> {
    if (n === undefined) return this.runTaking(({ taking }) => taking.popOne())
    return this.runTaking(
      ({ taking }) => taking.pop(n),
      () => options.checkCount(n),
    )
  }

  /**
   * Waits for an item, removes it and resolves to it. Waiting gets are served in the order of their calls. Rejects
   * with QueueEmptyError after `timeout` ms, with the signal's reason, or with QueueClosedError when the queue
   * closes, or its writing side has ended and nothing is left; then it has taken nothing.
   */
  get(getOptions?: options.GetOptions): Promise<T>
  /** Waits for `min` items (default 1), removes up to `n` and resolves to them. Rejects as above. */
  get(n: number, getOptions?: options.GetManyOptions): Promise<T[]>
  get(n?: number | options.GetOptions, getOptions?: options.GetManyOptions): Promise<T[] | T> {
    if (n !== undefined && typeof n !== 'object') {
      return this.runTaking(
        ({ taking }) => taking.get(n, getOptions),
        () => options.checkGetMany(n, getOptions),
      )
    }
    return this.runTaking(
      ({ taking }) => taking.getOne(n),
      () => options.checkGet(n),
    )
  }

  /** Drops up to `n` items from the front without decoding them; resolves to how many there were. */
  delete(n = 1): Promise<number> {
    return this.runTaking(
      ({ taking }) => taking.delete(n),
      () => options.checkCount(n),
    )
  }

  /** Drops what is ready or delayed; what is in flight or failed stays. Resolves to how many items that were. */
  clear(): Promise<number> {
    return this.runTaking(({ taking }) => taking.clear())
  }

  /** Items that are ready. */
  size(): Promise<number> {
    return this.run(({ looking }) => looking.size())
  }

  /** Items by status. */
  counts(): Promise<Counts> {
    return this.run(({ looking }) => looking.counts())
  }

  /** Items by status, bytes, and what this handle did. */
  stats(): Promise<Stats> {
    return this.run(({ looking }) => looking.stats())
  }

  /** Up to `limit` (100) items of one `status` ('ready') with ids above `after`, by id. Changes nothing. */
  list(listOptions?: options.ListOptions): Promise<Entry<T>[]> {
    return this.run(
      ({ looking }) => looking.list(listOptions),
      () => options.checkList(listOptions),
    )
  }

  /** Compacts, as far as nothing dead shares a document with a live item; resolves to the bytes reclaimed. */
  flush(): Promise<{ reclaimed: number }> {
    return this.run(({ core }) => core.store.flush())
  }

  /**
   * Copies the ready items, in their order and with their attempts, to the queue at `location`, and resolves to that
   * one, open. This queue stays as it is: what is put or taken here meanwhile may be copied or not. The target is empty,
   * or holds a copy that was begun from here (interrupted or whole): then it goes on behind what it has got. Without a
   * codec in the options the target gets this queue's, and its order (another one, named, is that of the ids). Rejects with UnsupportedError (another target), QueueFullError
   * (the target's bounds), the signal's reason, or as opening and putting do; beginning again then finishes the copy.
   *
   * @example
   * const moved = await queue.copyTo('sqlite:./queue.db', { onProgress: ({ copied, total }) => log(copied / total) })
   */
  copyTo(location: string | URL, copyOptions?: QueueOptions<T> & CopyOptions): Promise<AsyncQueue<T>>
  /** With options that fit items of any type. */
  copyTo(location: string | URL, copyOptions?: FittingOptions<T> & CopyOptions): Promise<AsyncQueue<T>>
  copyTo(location: string | URL, copyOptions: FittingOptions<T> & CopyOptions = {}): Promise<AsyncQueue<T>> {
    return this.run(
      async ({ core }) => {
        const { codecOption: codec, store } = core
        const target = await this.#target(location, { codec, order: store.order }, copyOptions)
        try {
          await new Copying(core, await target.whenOpen(), copyOptions).run()
          return target
        } catch (error) {
          await target.close().catch(() => {})
          throw error
        }
      },
      () => options.checkCopy(copyOptions),
    )
  }

  /** Open, in this queue's order, and with its codec where none is recorded there, as far as nothing else is named. */
  async #target(
    location: string | URL,
    { codec, order }: QueueOptions<T>,
    { onProgress, ...rest }: FittingOptions<T> & CopyOptions,
  ): Promise<AsyncQueue<T>> {
    const targetOptions = { ...rest, order: rest.order ?? order }
    if (rest.codec !== undefined) return AsyncQueue.open<T>(location, targetOptions)
    try {
      return await AsyncQueue.open<T>(location, { ...targetOptions, codec })
    } catch (error) {
      if (error instanceof CodecMismatchError) return AsyncQueue.open<T>(location, targetOptions)
      throw error
    }
  }

  /**
   * A loop over the items, each of them in flight while the body has it and acknowledged when the next is asked for.
   * Leaving the loop gives the current one back. Ends when the queue closes, or with `wait: false` when nothing is
   * ready; rejects with the signal's reason.
   */
  items(itemsOptions: options.ItemsOptions = {}): AsyncGenerator<T, undefined, undefined> {
    options.checkItems(itemsOptions)
    const { prefetch, ...rest } = itemsOptions
    return new Items<T>(() => this.session({ ...rest, ahead: prefetch }))
  }

  /** As `items`, in arrays of up to `size`: waits `maxWait` ms (0) at most for one to fill, from its first item on. */
  batches(size: number, batchesOptions: options.BatchesOptions = {}): AsyncGenerator<T[], undefined, undefined> {
    options.checkBatches(size, batchesOptions)
    const { maxWait = 0, ...rest } = batchesOptions
    const shape = { size, maxWaitMs: maxWait, clock: systemClock }
    return new Batches<T>(() => this.session({ ...rest, ahead: size }), shape)
  }

  /**
   * A loop over deliveries, each to be settled by the body, in any order. Leaving it gives back what is unsettled;
   * when it ends because nothing more is to come, what is still at work stays in flight. Rejects as `items` does.
   */
  deliveries(deliveriesOptions: options.DeliveriesOptions = {}): AsyncGenerator<Delivery<T>, undefined, undefined> {
    options.checkItems(deliveriesOptions)
    const { prefetch = 1, ...rest } = deliveriesOptions
    return new Deliveries<T>(() => this.session({ ...rest, ahead: prefetch }))
  }

  /** The first item, in flight until its delivery is settled, or undefined if nothing is ready: it never waits. */
  lease(): Promise<Delivery<T> | undefined>
  /** Up to `n` items, each of them a delivery of its own: as many as are ready. */
  lease(n: number): Promise<Delivery<T>[]>
  /** One item by its id, or the next one behind an id; undefined if it is not ready. UnsupportedError over a log. */
  lease(which: options.LeaseOptions): Promise<Delivery<T> | undefined>
  lease(n?: number | options.LeaseOptions): Promise<Delivery<T>[] | Delivery<T> | undefined> {
    if (typeof n === 'object') {
      return this.runTaking(
        ({ leasing }) => leasing.pick(n, this),
        () => options.checkLease(n),
      )
    }
    const check = n === undefined ? undefined : (): void => options.checkCount(n)
    const leased = this.runTaking(({ leasing }) => leasing.lease(n ?? 1, this), check)
    return n === undefined ? leased.then(([delivery]) => delivery) : leased
  }

  /**
   * Hands batches to `handler` until the signal stops it, the queue closes, or (`wait: false`) nothing is left. A batch
   * is acknowledged when its handler resolves, tried again after a back-off when it throws, rejects or takes longer
   * than `timeout`, and set aside when its attempts are spent; always as a whole. Each try that another one follows
   * emits 'retry' (Retried). Resolves to what was done; rejects, after the handlers at work have finished, with a
   * StorageError.
   *
   * @example
   * await queue.consume((readings, { ids, signal }) => upload(ids, readings, signal), { batch: 100, maxWait: 1000 })
   */
  consume(handler: Handler<T>, consumeOptions: options.ConsumeOptions = {}): Promise<Consumed> {
    return this.runTaking(
      ({ core }) => new Consuming(core, { handler, options: consumeOptions, holder: this }).run(),
      () => options.checkConsume(handler, consumeOptions),
    )
  }

  /** Resolves when nothing is ready, delayed or in flight any more. Rejects with the signal's reason, or as it closes. */
  join(joinOptions?: options.JoinOptions): Promise<void> {
    return this.runTaking(
      ({ core }) => join(core, joinOptions),
      () => options.checkJoin(joinOptions),
    )
  }

  /** Makes ready what dead consumers held, where `autoResume` is false; resolves to how many items that were. */
  reclaim(): Promise<number> {
    return this.run(({ mending }) => mending.reclaim())
  }

  /**
   * Failed items, all or those, become ready under new ids, their attempts at 0; resolves to how many. One that was put
   * as unique stays failed while its equal waits.
   */
  retry(ids?: readonly number[]): Promise<number> {
    return this.run(
      ({ mending }) => mending.retry(ids),
      () => options.checkIds(ids),
    )
  }

  /** Failed items, all or those, go for good; resolves to how many. */
  discard(ids?: readonly number[]): Promise<number> {
    return this.run(
      ({ mending }) => mending.discard(ids),
      () => options.checkIds(ids),
    )
  }

  /**
   * Puts `item` in the place of the one with that id, ready, delayed, in flight or failed: its id, place, attempts and
   * times stay; whoever has it in hand keeps what it got. Resolves to whether there was one; in a unique queue false too
   * where an equal one is waiting. Rejects with CodecError, or, over a log, with UnsupportedError.
   */
  update(id: number, item: T): Promise<boolean> {
    try {
      options.checkId(id)
      const encode = this.encode([item])
      return this.run((open) => open.mending.update(id, encode(open)))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  override [Symbol.asyncIterator](): AsyncGenerator<T, undefined, undefined> {
    return this.items()
  }

  /**
   * A Readable of its own over the queue, which it leaves open: for many sinks. An item is acknowledged when the
   * stream it is piped into has called back for it, or, read otherwise, when the next one is asked for. With
   * `wait: false` it ends when nothing is ready. Destroying it gives back what is not acknowledged.
   */
  createReadStream(streamOptions: options.ReadStreamOptions = {}): Readable {
    options.checkReadStream(streamOptions)
    const { readableHighWaterMark: highWaterMark } = this
    return new ReadStream<T>(() => this.whenTaking(), { ...streamOptions, highWaterMark })
  }

  /**
   * A web stream over the queue, which it leaves open. It buffers nothing: each pull takes one item, which is acknowledged by
   * the next pull or the end. Cancelling it gives back the item that no pull followed. With `wait: false` it closes when
   * nothing is ready; when the signal aborts it errors with its reason.
   */
  createWebStream(streamOptions: options.ReadStreamOptions = {}): ReadableStream<T> {
    options.checkReadStream(streamOptions)
    return webStream<T>(() => this.whenTaking(), streamOptions)
  }

  /** A Writable of its own into the queue, which it leaves open: for many sources. 'finish': every item is durable. */
  createWriteStream(): Writable {
    const ports: WritingPorts<T> = {
      put: (items, putOptions) => this.putMany(items, putOptions),
      intake: (last) => (this.takesPuts ? this.intake(last) : undefined),
    }
    return new WriteStream<T>(ports, this.writableHighWaterMark)
  }
}
