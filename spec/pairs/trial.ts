// trial.ts: two calls of one handle at once, and whether one after the other could have come to the same: what both were
// told, what is left, and, drained, every item once.

import { setTimeout as pause } from 'node:timers/promises'
import type { Delivery } from '../../lib/index.ts'
import type { Call, Queue, Scene } from './calls.ts'
import { ABORTED, countsShown, type Item, State, shown, type Told } from './state.ts'

/** When the second is called: in the same turn, or after that; `midway`: as the first is about half done. */
export const TIMES = ['turn', 'microtask', 'macrotask', 'midway'] as const
export type Time = (typeof TIMES)[number]

export interface Pair {
  readonly first: Call
  readonly second: Call
  readonly time: Time
  /** Nothing is ready before. */
  readonly isEmpty: boolean
}

export interface Arena {
  /** Another handle of the same queue. */
  open(): Promise<Queue>
  readonly isIndexed: boolean
  /** How long a call usually takes, in ms. */
  readonly durations: Map<string, number>
  /** Of the pair that is tried: what is put is named by it. */
  serial: number
}

const DAY = 86_400_000
const LATE_MS = 20_000
const SHORT_TURNS = 200

export function nameOf({ first, second, time, isEmpty }: Pair): string {
  return `${first.name} + ${second.name}, ${time}${isEmpty ? ', nothing ready' : ''}`
}

/** What is wrong with what the pair came to, and the handle to go on with. Nothing is left in the queue. */
export async function tried(
  arena: Arena,
  queue: Queue,
  pair: Pair,
): Promise<{ wrong: string | undefined; queue: Queue }> {
  arena.serial += 1
  const { scene, state, abort } = await setUp(queue, pair.isEmpty, arena.serial)
  const told = await both(arena, pair, { scene, abort })
  const ended = pair.first.ends === true || pair.second.ends === true
  const after = ended ? await arena.open() : queue
  const left = await leftIn(after)
  const wrong = judged(pair, { arena, scene, state, told, left })
  const undrained = await drained(after, { scene, left })
  const also = wrong ?? undrained
  return { queue: after, wrong: also && `${nameOf(pair)}: ${told.join(' | ')}: ${also}\n  ${JSON.stringify(left)}` }
}

interface SetUp {
  readonly scene: Scene
  readonly state: State
  readonly abort: AbortController
}

async function setUp(queue: Queue, isEmpty: boolean, serial: number): Promise<SetUp> {
  const state = new State()
  state.nextId = (await queue.stats()).nextId
  const names = ['both', 'one', 'other', 'failed'] as const
  const texts = names.map((name) => `${name}${serial}`)
  await queue.putMany(texts)
  for (const text of texts) state.put(text)
  const [first, second, third, bad] = await queue.lease(4)
  state.lease(4)
  if (!first || !second || !third || !bad) throw new Error('what was put is not there')
  await bad.fail('no')
  state.failed = state.held.slice(3)
  state.held = state.held.slice(0, 3)
  await queue.put(`later${serial}`, { delay: DAY })
  state.put(`later${serial}`, 'delayed')
  for (const name of isEmpty ? [] : ['a', 'b', 'c']) {
    await queue.put(`${name}${serial}`)
    state.put(`${name}${serial}`)
  }
  const [both, one, other] = state.held
  if (!both || !one || !other) throw new Error('the model holds less')
  const abort = new AbortController()
  const scene: Scene = {
    queue,
    deliveries: { both: first, one: second, other: third },
    held: { both, one, other },
    readyId: state.ready[1]?.id ?? both.id,
    aborting: abort.signal,
    leased: [],
    gone: [],
    text: '',
    serial,
  }
  return { scene, state, abort }
}

interface Playing {
  readonly scene: Scene
  readonly abort: AbortController
}

/** What the two calls were told. */
async function both(arena: Arena, { first, second, time }: Pair, { scene, abort }: Playing): Promise<[Told, Told]> {
  const pending = new Set<Call>()
  const begin = async (call: Call, text: string): Promise<Told> => {
    const from = performance.now()
    pending.add(call)
    try {
      return await call.run({ ...scene, text })
    } catch (error) {
      return codeOf(error, scene.aborting)
    } finally {
      pending.delete(call)
      arena.durations.set(call.name, performance.now() - from)
    }
  }
  const one = begin(first, textOf(scene, 0))
  // An await, of whatever, would be a turn of its own.
  if (time !== 'turn') await wait(time, (arena.durations.get(first.name) ?? 0) / 2)
  // The same call twice is two calls.
  const other = begin({ ...second }, textOf(scene, 1))
  const all = Promise.all([one, other])
  await Promise.race([all, ended(pending, { scene, abort })])
  return all
}

/** 'microtask': that of who awaits it. */
async function wait(time: Time, ms: number): Promise<void> {
  if (time === 'macrotask') await turn()
  if (time === 'midway') for (const until = performance.now() + ms; performance.now() < until; ) await turn()
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What waits for what is not there is aborted; what waits though it is there has until it is late. */
async function ended(pending: ReadonlySet<Call>, { scene, abort }: Playing): Promise<void> {
  const until = performance.now() + LATE_MS
  const waits = ({ needs }: Call): boolean => needs !== undefined
  for (let turns = 0; pending.size > 0; turns += 1) {
    // A closing handle leaves what is in hand a second.
    if (turns < SHORT_TURNS) await turn()
    else await pause(1)
    if (![...pending].every(waits)) {
      if (performance.now() > until) throw new Error(`never ended: ${[...pending].map(({ name }) => name)}`)
      continue
    }
    const size = await scene.queue.size().catch(() => 0)
    const isIdle = [...pending].every(({ needs = 0 }) => needs > size)
    if (isIdle || performance.now() > until) abort.abort(new Error(ABORTED))
  }
}

function codeOf(error: unknown, signal: AbortSignal): Told {
  if (error === signal.reason || (error instanceof Error && error.name === 'AbortError')) return ABORTED
  return error instanceof Error && 'code' in error ? String(error.code) : `threw ${String(error)}`
}

/** What is there, by list; and what is counted. */
interface Left {
  readonly ready: readonly Item[]
  readonly delayed: readonly Item[]
  readonly held: readonly Item[]
  readonly failed: readonly Item[]
  readonly counted: string
}

async function leftIn(queue: Queue): Promise<Left> {
  const of = async (status: 'ready' | 'delayed' | 'inFlight' | 'failed'): Promise<Item[]> => {
    const entries = await queue.list({ status })
    return entries.map(({ id, item, attempt }) => ({ id, text: String(item), attempt }))
  }
  const [ready, delayed, held, failed] = [
    await of('ready'),
    await of('delayed'),
    await of('inFlight'),
    await of('failed'),
  ]
  return { ready, delayed, held, failed, counted: countsShown(await queue.counts()) }
}

interface Played {
  readonly arena: Arena
  readonly scene: Scene
  readonly state: State
  readonly told: readonly [Told, Told]
  readonly left: Left
}

function judged(pair: Pair, played: Played): string | undefined {
  const { ready, delayed, held, failed, counted } = played.left
  const listed = countsShown({
    ready: ready.length,
    delayed: delayed.length,
    inFlight: held.length,
    failed: failed.length,
  })
  if (listed !== counted) return `counted ${counted}, listed ${listed}`
  if (pair.first.kind === 'loop' || pair.second.kind === 'loop') return unbalanced(pair, played)
  const why = [explained(pair, played, [0, 1]), explained(pair, played, [1, 0])]
  const all = [...why, explained(pair, played, [0, 1, 0]), explained(pair, played, [1, 0, 1])]
  return all.includes(undefined) ? undefined : why.join('; ')
}

type Order = readonly (0 | 1)[]

/** Why the calls in that order don't come to this; undefined where they do. What comes twice is split. */
function explained(
  { first, second }: Pair,
  { arena, scene, state, told, left }: Played,
  order: Order,
): string | undefined {
  const model = state.copy()
  const split =
    order.length === 3
      ? splitOf(order[0] === 0 ? [first, second] : [second, first], arena.isIndexed)?.(model, scene)
      : undefined
  if (order.length === 3 && split === undefined) return 'it is not split'
  if (split !== undefined && split.told !== told[order[0] ?? 0]) return `it was told ${split.told}`
  for (const at of split === undefined ? order : order.slice(1, 2)) {
    const call = at === 0 ? first : second
    const expected = [call.model(model, { ...scene, text: textOf(scene, at) })].flat()
    if (!expected.includes(told[at])) return `${order}: ${call.name} was told ${told[at]}, not ${expected.join(' or ')}`
  }
  split?.end(model)
  return misplaced(model, left)
}

/** Of the first, beside the other. */
function splitOf([call, other]: readonly [Call, Call], isIndexed: boolean): Call['split'] {
  return call.split ?? (isIndexed || other.isLook !== true ? undefined : call.splitInLog)
}

function misplaced(model: State, left: Left): string | undefined {
  // What closing gives back, or a lease that nobody took, may be charged or not.
  const charged = ({ attempt }: Item): number => (model.isClosed ? 0 : attempt)
  const show = (items: readonly Item[]): string => shown(items.map((item) => ({ ...item, attempt: charged(item) })))
  for (const where of ['ready', 'delayed', 'held', 'failed'] as const) {
    const there = show(left[where])
    const expected = show(model[where].toSorted((one, other) => one.id - other.id))
    if (there !== expected) return `${where}: ${there}, not ${expected}`
  }
  return undefined
}

/** What the first, or the second, of the calls puts. */
function textOf({ serial }: Scene, at: number): string {
  return at === 0 ? `new${serial}` : `newer${serial}`
}

/** Every item is in one place: gone by one of the calls, or left. */
function unbalanced({ first, second }: Pair, { scene, state, told, left }: Played): string | undefined {
  const before = [...state.ready, ...state.delayed, ...state.held, ...state.failed].map(({ text }) => text)
  const there = [...left.ready, ...left.delayed, ...left.held, ...left.failed].map(({ text }) => text)
  const gone = [...scene.gone]
  /** What was put in the place of an item counts as that. */
  const aliases = new Map<string, string>()
  const updated = [...state.ready, ...state.held].find(({ id }) => id === scene.readyId)?.text ?? ''
  let unnamed = 0
  for (const [at, call] of [first, second].entries()) {
    const own = { ...scene, text: textOf(scene, at) }
    const words = told[at] ?? ''
    if (call.kind === 'loop' && ![call.model(state, own)].flat().includes(words))
      return `${call.name} was told ${words}`
    if (words.startsWith('threw')) return `${call.name} ${words}`
    if (words.startsWith('ERR_') || words === ABORTED) continue
    before.push(...(call.added?.(own) ?? []))
    if (call.name === 'update' && words === 'true') aliases.set(own.text, updated)
    const taken = call.gone?.(words, own) ?? []
    if (typeof taken === 'number') unnamed += taken
    else gone.push(...taken)
  }
  const all = [...there, ...gone].map((text) => aliases.get(text) ?? text)
  const expected = before
  const twice = all.filter((text, i) => all.indexOf(text) !== i)
  if (twice.length > 0) return `twice: ${twice}`
  const strange = all.filter((text) => !expected.includes(text))
  if (strange.length > 0) return `from nowhere: ${strange}`
  const missing = expected.filter((text) => !all.includes(text))
  return missing.length === unnamed ? undefined : `missing ${missing}, of which ${unnamed} are said to be gone`
}

interface Drain {
  readonly scene: Scene
  readonly left: Left
}

/** Settles, takes and drops all that is left; says what of it could not be. */
async function drained(queue: Queue, { scene, left }: Drain): Promise<string | undefined> {
  const isOwn = queue === scene.queue
  const deliveries: readonly Delivery<string>[] = [...Object.values(scene.deliveries), ...scene.leased]
  const lost: number[] = []
  for (const { id, attempt } of isOwn ? left.held : []) {
    const delivery = deliveries.find((one) => one.id === id && one.attempt === attempt)
    const done = await delivery?.ack().then(
      () => true,
      () => false,
    )
    if (done !== true) lost.push(id)
  }
  const popped = await queue.pop(99)
  await queue.clear()
  await queue.discard()
  const counts = countsShown(await queue.counts())
  if (lost.length > 0) return `in flight, and not to be settled: ${lost}`
  if (popped.join() !== left.ready.map(({ text }) => text).join()) return `popped ${popped}`
  return counts === '0 0 0 0' ? undefined : `left in the end: ${counts}`
}
