// calls.ts: the calls of one handle, each with what it does to the model. What a call was told is a word, the same for
// the queue and for the model.
//
//      plain     happens at one moment between its begin and its end
//      waiting   the same, or not at all, where it is aborted: then there may be nothing for it
//      loop      takes and settles again and again: only what it was handed, and what it was done with, is known

import type { AsyncQueue, Delivery } from '../../lib/index.ts'
import {
  ABORTED,
  CLOSED,
  countsShown,
  EMPTY,
  type Item,
  OK,
  SETTLED,
  type State,
  shown,
  type Told,
  textsOf,
} from './state.ts'

export type Queue = AsyncQueue<string>

/** Where a call is made. */
export interface Scene {
  /** Of the pair. */
  readonly serial: number
  readonly queue: Queue
  /** Of what was held before: one that both calls may settle, and one for each alone. */
  readonly deliveries: Readonly<Record<'both' | 'one' | 'other', Delivery<string>>>
  readonly held: Readonly<Record<'both' | 'one' | 'other', Item>>
  /** An item that is ready, or was. */
  readonly readyId: number
  readonly aborting: AbortSignal
  /** What was leased, to be settled in the end. */
  readonly leased: Delivery<string>[]
  /** What loops were handed and done with. */
  readonly gone: string[]
  /** Made anew for each call. */
  readonly text: string
}

export interface Split {
  readonly told: Told
  readonly end: (state: State) => void
}

export interface Call {
  readonly name: string
  readonly kind: 'plain' | 'waiting' | 'loop'
  readonly run: (scene: Scene) => Promise<Told> | Told
  /** What it does, and is told; one of several where nobody promised which. */
  readonly model: (state: State, scene: Scene) => Told | readonly Told[]
  /** It happens at two moments: what it took is in flight between them, and gone when that is called. */
  readonly split?: (state: State, scene: Scene) => Split | undefined
  /** Without an index, and for calls that only look: it writes twice, and its items are counted twice between. */
  readonly splitInLog?: Call['split']
  readonly isLook?: boolean
  /** Of a call that waits: items that have to be ready for it; more than there ever are: it waits for something else. */
  readonly needs?: number
  /** Beside a loop nobody knows which items it got: what is gone by it, by what it was told. */
  readonly gone?: (told: Told, scene: Scene) => readonly string[] | number
  /** What is there by it. */
  readonly added?: (scene: Scene) => readonly string[]
  /** It needs an index. */
  readonly isIndexed?: boolean
  /** The handle is done with after it. */
  readonly ends?: boolean
}

const DAY = 86_400_000
/** Of Node's, for what is written to a stream that is closed. */
const DESTROYED = 'ERR_STREAM_DESTROYED'

function plain(name: string, run: Call['run'], model: Call['model'], more: Partial<Call> = {}): Call {
  const open: Call['model'] = (state, scene) => (state.isClosed ? [CLOSED, DESTROYED] : model(state, scene))
  return { name, kind: 'plain', run, model: open, ...more }
}

const told = (value: unknown): Told => String(value)
const itemOf = ({ id, item, attempt }: Delivery<string>): Item => ({ id, text: item, attempt })

function leased(scene: Scene, deliveries: readonly (Delivery<string> | undefined)[]): Told {
  const those = deliveries.filter((one) => one !== undefined)
  scene.leased.push(...those)
  return shown(those.map(itemOf))
}

const one = ({ text }: Scene): string[] => [text]
const two = ({ text }: Scene): string[] => [`${text}a`, `${text}b`]

/** The items that a call was told, where they were not an error. */
function wordsOf(words: Told): string[] {
  return words === OK || words === '' ? [] : words.split(' ')
}

/** A get for some leases what there is, and acknowledges it once it is enough. */
const both: Call['split'] = (state) => {
  if (state.ready.length < 2) return undefined
  const taken = state.lease(2)
  return {
    told: textsOf(taken),
    end: (later) => {
      for (const item of taken) later.letGo(item)
    },
  }
}

const takes: readonly Call[] = [
  plain(
    'peek',
    async ({ queue }) => told(await queue.peek()),
    ({ ready }) => told(ready[0]?.text),
  ),
  plain(
    'peek(2)',
    async ({ queue }) => (await queue.peek(2)).join(' '),
    ({ ready }) => textsOf(ready.slice(0, 2)),
  ),
  plain(
    'pop',
    async ({ queue }) => told(await queue.pop()),
    (state) => told(state.take(1)[0]?.text),
    { gone: wordsOf },
  ),
  plain(
    'pop(2)',
    async ({ queue }) => (await queue.pop(2)).join(' '),
    (state) => textsOf(state.take(2)),
    { gone: wordsOf },
  ),
  plain(
    'delete(2)',
    async ({ queue }) => told(await queue.delete(2)),
    (state) => told(state.take(2).length),
    { gone: Number },
  ),
  plain(
    'clear',
    async ({ queue }) => told(await queue.clear()),
    (state) => {
      const count = state.ready.length + state.delayed.length
      state.ready = []
      state.delayed = []
      return told(count)
    },
    { gone: Number },
  ),
  plain(
    'get at once',
    async ({ queue }) => queue.get({ timeout: 0 }),
    (state) => state.take(1)[0]?.text ?? EMPTY,
    { gone: wordsOf },
  ),
  plain(
    'get(2) at once',
    async ({ queue }) => (await queue.get(2, { min: 2, timeout: 0 })).join(' '),
    (state) => {
      return state.ready.length < 2 ? EMPTY : textsOf(state.take(2))
    },
    { gone: wordsOf, split: both },
  ),
  plain(
    'get aborted',
    async ({ queue }) => queue.get({ signal: AbortSignal.abort() }),
    () => ABORTED,
  ),
  {
    name: 'get',
    kind: 'waiting',
    needs: 1,
    gone: wordsOf,
    run: ({ queue, aborting }) => queue.get({ signal: aborting }),
    model: (state) => (state.isClosed ? CLOSED : (state.take(1)[0]?.text ?? ABORTED)),
  },
  {
    name: 'get(2)',
    kind: 'waiting',
    needs: 2,
    gone: wordsOf,
    split: both,
    run: async ({ queue, aborting }) => (await queue.get(2, { min: 2, signal: aborting })).join(' '),
    model: (state) => (state.isClosed ? CLOSED : state.ready.length < 2 ? ABORTED : textsOf(state.take(2))),
  },
  plain(
    'lease',
    async (scene) => leased(scene, [await scene.queue.lease()]),
    (state) => shown(state.lease(1)),
  ),
  plain(
    'lease(2)',
    async (scene) => leased(scene, await scene.queue.lease(2)),
    (state) => shown(state.lease(2)),
  ),
  plain(
    'lease by id',
    async (scene) => leased(scene, [await scene.queue.lease({ id: scene.readyId })]),
    (state, { readyId }) => shown(state.leaseOne(state.ready.find(({ id }) => id === readyId))),
    { isIndexed: true },
  ),
  plain(
    'lease behind an id',
    async (scene) => leased(scene, [await scene.queue.lease({ after: scene.readyId })]),
    (state, { readyId }) => shown(state.leaseOne(state.ready.find(({ id }) => id > readyId) ?? state.ready[0])),
    { isIndexed: true },
  ),
]

const puts: readonly Call[] = [
  plain(
    'put',
    async ({ queue, text }) => told(await queue.put(text)),
    (state, { text }) => told(state.put(text)),
    { added: one },
  ),
  plain(
    'putMany',
    async ({ queue, text }) => (await queue.putMany([`${text}a`, `${text}b`])).join(' '),
    (state, { text }) => `${state.put(`${text}a`)} ${state.put(`${text}b`)}`,
    { added: two },
  ),
  plain(
    'put with a delay',
    async ({ queue, text }) => told(await queue.put(text, { delay: DAY })),
    (state, { text }) => {
      return told(state.put(text, 'delayed'))
    },
    { added: one },
  ),
  plain(
    'write',
    ({ queue, text }) => {
      return new Promise((resolve, reject) => {
        queue.write(text, (error) => (error == null ? resolve(OK) : reject(error)))
      })
    },
    (state, { text }) => {
      state.put(text)
      return OK
    },
    { added: one },
  ),
  plain(
    'push',
    // A write behind it is done when it is.
    ({ queue, text }) => {
      queue.push(`${text}a`)
      return new Promise((resolve, reject) => {
        queue.write(`${text}b`, (error) => (error == null ? resolve(OK) : reject(error)))
      })
    },
    (state, { text }) => {
      state.put(`${text}a`)
      state.put(`${text}b`)
      return OK
    },
    { added: two },
  ),
]

type Which = 'both' | 'one' | 'other'

function twice(which: Which): Call['split'] {
  return (state, { held }) => {
    const { text, attempt } = held[which]
    state.put(text, 'ready', attempt)
    return { told: OK, end: (later) => void later.letGo(held[which]) }
  }
}

/** Settles what is held: that which the other call may settle as well, or one of its own. */
function settles(which: Which): readonly Call[] {
  const settling = (
    name: string,
    run: (delivery: Delivery<string>) => Promise<void>,
    then: (state: State, item: Item) => void,
  ): Call => ({
    name: `${name} ${which}`,
    kind: 'plain',
    ...(name === 'nack to the back' && { splitInLog: twice(which) }),
    run: async ({ deliveries }) => told(await run(deliveries[which])),
    model: (state, { held }) => {
      // Closing gives it back; which of the two reasons is told is not promised.
      if (state.isClosed) return [CLOSED, SETTLED]
      const item = state.letGo(held[which])
      if (item === undefined) return SETTLED
      then(state, item)
      return OK
    },
    gone: (words, { held }) => (name === 'ack' && words === OK ? [held[which].text] : []),
  })
  return [
    settling(
      'ack',
      (held) => held.ack(),
      () => {},
    ),
    settling(
      'nack',
      (held) => held.nack(),
      (state, item) => state.back(item),
    ),
    settling(
      'nack later',
      (held) => held.nack({ delay: DAY }),
      (state, item) => {
        state.delayed = [...state.delayed, item].sort((a, b) => a.id - b.id)
      },
    ),
    settling(
      'nack to the back',
      (held) => held.nack({ to: 'back' }),
      (state, { text, attempt }) => {
        state.put(text, 'ready', attempt)
      },
    ),
    settling(
      'fail',
      (held) => held.fail('no'),
      (state, item) => {
        state.failed = [...state.failed, item].sort((a, b) => a.id - b.id)
      },
    ),
    settling(
      'extend',
      (held) => held.extend(DAY),
      (state, item) => {
        state.held = [...state.held, item]
      },
    ),
  ]
}

const looks: readonly Call[] = [
  plain(
    'size',
    async ({ queue }) => told(await queue.size()),
    ({ ready }) => told(ready.length),
  ),
  plain(
    'counts',
    async ({ queue }) => countsShown(await queue.counts()),
    ({ counts }) => countsShown(counts),
  ),
  plain(
    'stats',
    async ({ queue }) => countsShown(await queue.stats()),
    ({ counts }) => countsShown(counts),
  ),
  plain(
    'list',
    async ({ queue }) => (await queue.list()).map(({ id, item }) => `${id}:${item}`).join(' '),
    ({ ready }) => {
      return ready.map(({ id, text }) => `${id}:${text}`).join(' ')
    },
  ),
  plain(
    'list of what is in flight',
    async ({ queue }) => (await queue.list({ status: 'inFlight' })).map(({ id }) => id).join(' '),
    ({ held }) => {
      return held
        .map(({ id }) => id)
        .sort((one, other) => one - other)
        .join(' ')
    },
  ),
]

const mends: readonly Call[] = [
  plain(
    'retry',
    async ({ queue }) => told(await queue.retry()),
    (state) => told(state.retry()),
    {
      splitInLog: (state) => {
        const { failed } = state
        const count = state.retry()
        state.failed = failed
        const end = (later: State): void => {
          later.failed = []
        }
        return { told: told(count), end }
      },
    },
  ),
  plain(
    'discard',
    async ({ queue }) => told(await queue.discard()),
    (state) => {
      const { length } = state.failed
      state.failed = []
      return told(length)
    },
    { gone: Number },
  ),
  plain(
    'reclaim',
    async ({ queue }) => told(await queue.reclaim()),
    () => '0',
  ),
  plain(
    'flush',
    async ({ queue }) => told((await queue.flush()).reclaimed >= 0),
    () => 'true',
  ),
  plain(
    'update',
    async ({ queue, readyId, text }) => told(await queue.update(readyId, text)),
    (state, { readyId, text }) => told(state.update(readyId, text)),
    { isIndexed: true },
  ),
  plain(
    'join aborted',
    async ({ queue }) => told(await queue.join({ signal: AbortSignal.abort() })),
    () => ABORTED,
  ),
  {
    name: 'join',
    kind: 'waiting',
    needs: Infinity,
    run: async ({ queue, aborting }) => told(await queue.join({ signal: aborting })),
    model: ({ isClosed, counts: { ready, delayed, inFlight } }) => {
      return isClosed ? CLOSED : ready + delayed + inFlight === 0 ? OK : ABORTED
    },
  },
]

const loop = (name: string, run: (scene: Scene) => Promise<void>): Call => ({
  name,
  kind: 'loop',
  needs: 1,
  run: async (scene) => told(await run(scene)),
  model: () => [OK, ABORTED, CLOSED],
})

const loops: readonly Call[] = [
  loop('items', async ({ queue, gone }) => {
    for await (const item of queue.items({ wait: false })) gone.push(item)
  }),
  loop('items begun and left', async ({ queue }) => {
    for await (const _ of queue.items({ wait: false })) break
  }),
  loop('batches', async ({ queue, gone }) => {
    for await (const items of queue.batches(2, { wait: false })) gone.push(...items)
  }),
  loop('batches begun and left', async ({ queue }) => {
    for await (const _ of queue.batches(2, { wait: false })) break
  }),
  loop('items aborted', async ({ queue, gone, aborting }) => {
    for await (const item of queue.items({ signal: aborting })) gone.push(item)
  }),
  loop('consume', async ({ queue, gone }) => {
    await queue.consume((items) => void gone.push(...items), { batch: 2, wait: false })
  }),
  loop('consume begun and aborted', async ({ queue, gone, aborting }) => {
    await queue.consume((items) => void gone.push(...items), { signal: aborting })
  }),
]

const close: Call = {
  name: 'close',
  kind: 'plain',
  ends: true,
  run: async ({ queue }) => {
    const closing: { close(options?: { readonly grace: number }): Promise<void> } = queue
    return told(await closing.close({ grace: 0 }))
  },
  model: (state) => {
    if (!state.isClosed) state.close()
    return OK
  },
  // What it gives back is ready, and seen by calls that came before it, while they still end.
  split: (state) => {
    state.close()
    state.isClosed = false
    const end = (later: State): void => {
      later.isClosed = true
    }
    return { told: OK, end }
  },
}

const alike = [...takes, ...puts, ...looks.map((call) => ({ ...call, isLook: true })), ...mends, ...loops]

export const FIRST: readonly Call[] = [...alike, ...settles('both'), ...settles('one'), close]
export const SECOND: readonly Call[] = [...alike, ...settles('both'), ...settles('other'), close]
