// racers.ts: handles for races (race.ts): of a bare store, and of the queue as its users have it.

import type { Codec } from '../../lib/codec/index.ts'
import { Core } from '../../lib/consume/core.ts'
import { Items } from '../../lib/consume/items.ts'
import { Session } from '../../lib/consume/session.ts'
import { QueueClosedError } from '../../lib/errors.ts'
import type { AsyncQueue } from '../../lib/index.ts'
import type { Piece, Settlement, Store } from '../../lib/store.ts'
import type { Clock } from '../../lib/wait/clock.ts'
import { cut } from '../queue/place.ts'
import { words } from '../store/words.ts'

export interface InHand {
  readonly text: string
  ack(): Promise<void>
  back(): Promise<void>
}

/** A handle of the queue, whatever it is made of. */
export interface Racer {
  /** Resolves to the first id. */
  put(texts: readonly string[]): Promise<number>
  pop(n: number): Promise<readonly string[]>
  peek(n: number): Promise<readonly string[]>
  lease(n: number): Promise<readonly InHand[]>
  /** What it has handed out is done with when the next is asked for; what is in hand when it is left goes back. */
  loop(): AsyncGenerator<string, undefined, undefined>
  /** Ready and in flight. */
  count(): Promise<number>
  flush(): Promise<unknown>
  close(): Promise<void>
}

const texts: Codec<string> = {
  name: 'texts',
  encode: (item) => Buffer.from(item),
  decode: (bytes) => Buffer.from(bytes).toString(),
  encodeBatch: (items) => Buffer.from(items.join()),
  decodeBatch: (bytes) => Buffer.from(bytes).toString().split(','),
}

/** Ids and texts. */
function itemsOf(pieces: readonly Piece[]): { readonly id: number; readonly text: string }[] {
  return pieces.flatMap(({ firstId, count, document, skip }) => {
    const all = texts.decodeBatch?.(document.bytes) ?? []
    return all.slice(skip, skip + count).map((text, i) => ({ id: firstId + i, text }))
  })
}

function textsOf(pieces: readonly Piece[]): string[] {
  return itemsOf(pieces).map(({ text }) => text)
}

export function storeRacer(store: Store, clock: Clock): Racer {
  const bounds = { maxSize: Infinity, maxBytes: Infinity, whenFull: 'wait', unique: false } as const
  const limits = { maxAttempts: Infinity, leaseTimeout: Infinity }
  const core = new Core({ store, codec: texts, clock, location: 'here', ...bounds, ...limits }, new WeakRef(store))
  const inHand = (id: number, text: string): InHand => {
    const ids = [{ from: id, to: id }]
    const settle = (settlement: Settlement) => store.settle([settlement])
    return {
      text,
      ack: () => settle({ outcome: 'ack', ids }),
      back: () => settle({ outcome: 'back', ids, counted: true }),
    }
  }
  return {
    // In two documents, as larger batches are.
    put: async (all) => (await store.append(all.length < 3 ? [words(...all)] : halves(all))) ?? 0,
    pop: async (n) => textsOf(await store.pop(n)),
    peek: async (n) => textsOf(await store.peek(n)),
    lease: async (n) => itemsOf(await store.lease(n)).map(({ id, text }) => inHand(id, text)),
    loop: () => new Items(async () => session(core)),
    count: async () => {
      const { ready, inFlight } = await store.counts()
      return ready + inFlight
    },
    flush: () => store.flush(),
    close: () => core.close(),
  }
}

/** As a queue begins one: not while it closes. */
function session(core: Core<string>): Session<string> {
  if (core.writingEnded) throw new QueueClosedError()
  return new Session(core, { wait: false })
}

function halves(all: readonly string[]) {
  const half = Math.floor(all.length / 2)
  return [words(...all.slice(0, half)), words(...all.slice(half))]
}

export function queueRacer(queue: AsyncQueue<string>): Racer {
  return {
    put: async (all) => (await queue.putMany(all))[0] ?? 0,
    pop: (n) => queue.pop(n),
    peek: (n) => queue.peek(n),
    lease: async (n) =>
      (await queue.lease(n)).map((delivery) => ({
        text: delivery.item,
        ack: () => delivery.ack(),
        back: () => delivery.nack(),
      })),
    loop: () => queue.items({ wait: false }),
    count: async () => {
      const { ready, inFlight } = await queue.counts()
      return ready + inFlight
    },
    flush: () => queue.flush(),
    close: () => cut(queue),
  }
}
