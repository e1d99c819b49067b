// contender.ts: who takes part: the queue, a floor, a peer. Each does the tasks that it has in its own best way; the two
// makers below are that way for whoever has four calls, synchronous or not.

import { groupsOf, type Item, type PayloadName, type Sequence } from './items.ts'

export type Durability = 'os' | 'disk'

/** One pass of a task: the items to put, or those that were put and are to come. */
export interface Run {
  readonly items: readonly Item[]
  readonly seen: Sequence
}

export type Task =
  | 'put'
  | 'putMany'
  | 'puts at once'
  | 'producers'
  | 'pop'
  | 'pop(100)'
  | 'pop(1000)'
  | 'for await'
  | 'pairs'
  | 'stream'
  | 'pipeline in'
  | 'pipeline out'
  | 'lease'

export type Tasks = Partial<Readonly<Record<Task, ((run: Run) => Promise<void> | void) | undefined>>>

/** A place opened for one run: passes one after another, each of which leaves it empty. */
export interface Opened {
  readonly tasks: Tasks
  /** Sees all that was put; without it, 'pop(1000)' does. */
  takeAll?(run: Run): Promise<void> | void
  close(): Promise<void> | void
}

export interface Place {
  /** An empty folder of its own. */
  readonly folder: string
  readonly durability: Durability
  readonly payload: PayloadName
  /** Nothing has to be durable, but the code that runs is that of this durability, and gets compiled. */
  readonly warming?: boolean
}

export interface Contender {
  readonly name: string
  /** 'floor': the barest code that does it; 'peer': what else somebody might use. */
  readonly kind: 'queue' | 'floor' | 'peer'
  /** It is slow: a pass has no more items. */
  readonly mostItems?: number
  open(place: Place): Promise<Opened> | Opened
  /** Ends what it keeps between runs. */
  stop?(): Promise<void>
}

export const BATCH = 1000
export const PRODUCERS = 64

export interface SyncCalls {
  put(item: Item): void
  putMany(items: readonly Item[]): void
  pop(): Item | undefined
  popMany(count: number): readonly Item[]
}

/** Nothing is awaited where nothing has to be: such a peer blocks the event loop, and loses no turn of it. */
export function syncTasks(calls: SyncCalls): Tasks {
  const putGroups = (size: number) => (run: Run) => {
    for (const group of groupsOf(run.items, size)) calls.putMany(group)
  }
  const popGroups = (size: number) => (run: Run) => {
    for (let at = 0; at < run.items.length; at += size) run.seen.seeAll(calls.popMany(size))
  }
  return {
    put: ({ items }) => {
      for (const item of items) calls.put(item)
    },
    putMany: putGroups(BATCH),
    'puts at once': putGroups(BATCH),
    producers: putGroups(PRODUCERS),
    pop: ({ items, seen }) => {
      for (let at = 0; at < items.length; at++) seen.see(calls.pop())
    },
    'pop(100)': popGroups(100),
    'pop(1000)': popGroups(1000),
    pairs: ({ items, seen }) => {
      for (const item of items) {
        calls.put(item)
        seen.see(calls.pop())
      }
    },
    stream: ({ items, seen }) => {
      for (const group of groupsOf(items, BATCH)) {
        calls.putMany(group)
        seen.seeAll(calls.popMany(BATCH))
      }
    },
  }
}

export interface AsyncCalls {
  put(item: Item): Promise<unknown>
  putMany(items: readonly Item[]): Promise<unknown>
  pop(): Promise<Item | undefined>
  popMany(count: number): Promise<readonly Item[]>
}

export function asyncTasks(calls: AsyncCalls): Tasks {
  const popGroups = (size: number) => async (run: Run) => {
    for (let at = 0; at < run.items.length; at += size) run.seen.seeAll(await calls.popMany(size))
  }
  const putGroups = async ({ items }: Run) => {
    for (const group of groupsOf(items, BATCH)) await calls.putMany(group)
  }
  return {
    put: async ({ items }) => {
      for (const item of items) await calls.put(item)
    },
    putMany: putGroups,
    'puts at once': putGroups,
    producers: ({ items }) => produce(items, calls),
    pop: async ({ items, seen }) => {
      for (let at = 0; at < items.length; at++) seen.see(await calls.pop())
    },
    'pop(100)': popGroups(100),
    'pop(1000)': popGroups(1000),
    pairs: async ({ items, seen }) => {
      for (const item of items) {
        await calls.put(item)
        seen.see(await calls.pop())
      }
    },
    stream: async ({ items, seen }) => {
      for (const group of groupsOf(items, BATCH)) {
        await calls.putMany(group)
        seen.seeAll(await calls.popMany(BATCH))
      }
    },
  }
}

/** As many producers as that at work together, each awaiting its own put before the next. */
export async function produce(
  items: readonly Item[],
  { put }: { put(item: Item): Promise<unknown> },
  producers = PRODUCERS,
): Promise<void> {
  let next = 0
  const producer = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await put(item)
  }
  await Promise.all(Array.from({ length: producers }, producer))
}

/** The order in which things are done with: 389 is prime to the length of any batch here, so each comes once. */
export function inNoOrder<T>(all: readonly T[]): T[] {
  const mixed: T[] = []
  for (let i = 0; i < all.length; i++) {
    const one = all[(i * 389) % all.length]
    if (one !== undefined) mixed.push(one)
  }
  return mixed
}
