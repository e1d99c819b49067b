// choices.ts: which of the loose ops a power cut let through. A loose write counts as its 512-byte sectors, a name op
// and a truncation as one unit each; units are numbered in the order of the log.
//
//      keep   a flag for each unit
//      tear   one write of which only the first bytes got through; where it would have grown the file, the rest may be
//             there as zeros, as stale bytes of another file, or as garbage
//
// As text: 'all', 'none', '+1.4' (only these), '-0.3' (all but these), then '~118@12z': op 118 torn at byte 12, zeros
// behind it.

import type { Random } from './digest.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { WriteOp } from './operations.ts'
import { SECTOR, SectorOrder } from './sector-order.ts'

/** Writes of more sectors than this are cut in so many runs of sectors. */
const PARTS = 8
/** Up to so many units, every subset is tried. */
const EXHAUSTIVE = 12
/** So many subsets are always looked at. */
const FEW = 5
const PAIRS = 400
const RANDOM = 400
/** Where only some choices are tried: how many times as many of each kind there are to choose from. */
const OFFERED = 4
/** About so many ways there are to tear one write. */
const TEARS = 120
const HEAD_CUTS = 32

export type Fill = '' | 'z' | 's' | 'g'

export interface Unit {
  readonly entry: Entry
  /** The bytes of the write that it stands for. */
  readonly from: number
  readonly to: number
}

export interface Tear {
  readonly index: number
  readonly at: number
  readonly fill: Fill
}

export interface Choice {
  readonly keep: Uint8Array
  readonly tear?: Tear
}

/** The loose ops as units, in the order of the log. */
export function unitsOf(ledger: Ledger): Unit[] {
  const loose: Entry[] = ledger.nameTail.filter((entry) => entry.loose)
  for (const { tail } of ledger.inodes.values()) {
    for (const entry of tail) if (entry.loose) loose.push(entry)
  }
  return loose.sort((a, b) => a.index - b.index).flatMap(partsOf)
}

function partsOf(entry: Entry): Unit[] {
  const { op } = entry
  if (op.kind !== 'write') return [{ entry, from: 0, to: 0 }]
  const bounds = sectorBounds(op)
  const step = Math.ceil(bounds.length / PARTS)
  const starts = [0, ...bounds.filter((_, i) => i % step === 0)]
  return starts.map((from, i) => ({ entry, from, to: starts[i + 1] ?? op.bytes.length }))
}

/** Where in a write's bytes a new sector of the file begins, but for its start. */
function sectorBounds({ position, bytes }: WriteOp): number[] {
  const bounds: number[] = []
  for (let at = SECTOR - (position % SECTOR); at < bytes.length; at += SECTOR) bounds.push(at)
  return bounds
}

/**
 * Everything that is tried at one point of the log, the plainest first; some of it twice. Where no more than `most` are
 * going to be tried, there are some times as many to choose from, and not all.
 */
export function* choices(
  units: readonly Unit[],
  ledger: Ledger,
  random: Random,
  most = Number.POSITIVE_INFINITY,
): Generator<Choice> {
  const order = new SectorOrder(units)
  const enough = most * OFFERED
  const isExhaustive = units.length <= EXHAUSTIVE && 2 ** units.length <= Math.max(enough, 2 ** FEW)
  for (const choice of anyOrder(units, random, { isExhaustive, enough })) {
    if (!order.isBinding) yield choice
    else yield { keep: order.dropped(choice.keep) }
    if (order.isBinding && !isExhaustive) yield { keep: order.added(choice.keep) }
  }
  const torn = units.filter(({ from }) => from === 0)
  const odds = enough / (torn.length * TEARS)
  for (const unit of torn) {
    for (const { keep, tear } of tears(units, unit, ledger)) {
      if (odds >= 1 || random(2 ** 20) < odds * 2 ** 20) yield order.torn(keep, tear)
    }
  }
}

interface Extent {
  readonly isExhaustive: boolean
  readonly enough: number
}

function* anyOrder(units: readonly Unit[], random: Random, { isExhaustive, enough }: Extent): Generator<Choice> {
  const n = units.length
  yield keeping(n, () => true)
  yield keeping(n, () => false)
  for (let end = 1; end < n; end++) yield keeping(n, (i) => i < end)
  if (isExhaustive) yield* subsets(n)
  else yield* samples(units, random, enough)
}

function* subsets(n: number): Generator<Choice> {
  for (let mask = 1; mask < 2 ** n - 1; mask++) yield keeping(n, (i) => ((mask >> i) & 1) === 1)
}

function* samples(units: readonly Unit[], random: Random, enough: number): Generator<Choice> {
  const n = units.length
  const isName = units.map(({ entry }) => entry.op.kind !== 'write' && entry.op.kind !== 'truncate')
  for (let end = 0; end <= n; end++) {
    if (!isName[end]) continue
    yield keeping(n, (i) => !isName[i] || i < end)
    yield keeping(n, (i) => isName[i] === true && i <= end)
  }
  for (let one = 0; one < n; one++) {
    yield keeping(n, (i) => i === one)
    yield keeping(n, (i) => i !== one)
  }
  const all = (n * (n - 1)) / 2
  const pairs = Math.min(PAIRS, enough)
  for (let pair = 0; pair < Math.min(all, pairs); pair++) {
    const [a, b] = all <= pairs ? pairOf(pair) : [random(n), random(n)]
    yield keeping(n, (i) => i === a || i === b)
    yield keeping(n, (i) => i !== a && i !== b)
  }
  for (let i = 0; i < Math.min(RANDOM, enough); i++) {
    const odds = 1 + random(9)
    yield keeping(n, () => random(10) < odds)
  }
}

/** The n-th of the pairs (1, 0), (2, 0), (2, 1), (3, 0) … */
function pairOf(n: number): [number, number] {
  const a = Math.floor((1 + Math.sqrt(1 + 8 * n)) / 2)
  return [a, n - (a * (a - 1)) / 2]
}

function* tears(units: readonly Unit[], torn: Unit, ledger: Ledger): Generator<Required<Choice>> {
  const { index, op } = torn.entry
  if (op.kind !== 'write') return
  const contexts = [
    keeping(units.length, () => false).keep,
    keeping(units.length, (i) => (units[i]?.entry.index ?? 0) < index).keep,
    keeping(units.length, (i) => units[i]?.entry.index !== index).keep,
  ]
  const grows = op.position + op.bytes.length > (ledger.inodes.get(op.ino)?.hard.size ?? 0)
  const bounds = sectorBounds(op)
  const fills = new Set([0, 4, 16, 32, ...bounds, op.bytes.length - 1])
  for (const at of cutsOf(op.bytes.length, bounds)) {
    for (const keep of contexts) {
      if (at > 0) yield { keep, tear: { index, at, fill: '' } }
      if (!grows || !fills.has(at)) continue
      for (const fill of ['z', 's', 'g'] as const) yield { keep, tear: { index, at, fill } }
    }
  }
}

function cutsOf(length: number, bounds: readonly number[]): number[] {
  const near = [...bounds.slice(0, 4), ...bounds.slice(-2)].flatMap((at) => [at - 1, at, at + 1])
  const cuts = new Set([...Array(HEAD_CUTS).keys(), ...near, length - 1])
  return [...cuts].filter((at) => at < length)
}

/** Where a process that dies in a write may have left it: anywhere, or as a power cut might. */
export function killCuts(length: number, anywhere = true): number[] {
  if (anywhere && length <= 1024) return [...Array(length).keys()].slice(1)
  const bounds = [...Array(Math.ceil(length / SECTOR)).keys()].map((i) => i * SECTOR)
  return cutsOf(length, bounds).filter((at) => at > 0)
}

function keeping(n: number, isKept: (unit: number) => boolean): Choice {
  const keep = new Uint8Array(n)
  for (let i = 0; i < n; i++) if (isKept(i)) keep[i] = 1
  return { keep }
}

/** True where the names got through in the order of the log, as a journaling file system keeps them. */
export function inOrder(units: readonly Unit[], { keep }: Choice, ledger: Ledger): boolean {
  const lost = units.findIndex(({ entry }, i) => entry.op.kind !== 'write' && entry.op.kind !== 'truncate' && !keep[i])
  const from = units[lost]?.entry.index ?? Number.POSITIVE_INFINITY
  const kept = new Set(units.filter((_, i) => keep[i]).map(({ entry }) => entry.index))
  return ledger.nameTail.every(({ index, loose }) => index <= from || (loose && !kept.has(index)))
}

export function textOf({ keep, tear }: Choice): string {
  const kept = [...keep.keys()].filter((i) => keep[i])
  const lost = [...keep.keys()].filter((i) => !keep[i])
  const torn = tear ? `~${tear.index}@${tear.at}${tear.fill}` : ''
  if (lost.length === 0) return `all${torn}`
  if (kept.length === 0) return `none${torn}`
  return (kept.length < lost.length ? `+${kept.join('.')}` : `-${lost.join('.')}`) + torn
}

function fillOf(letter: string | undefined): Fill {
  return letter === 'z' || letter === 's' || letter === 'g' ? letter : ''
}

export function choiceOf(text: string, n: number): Choice {
  const [units = '', torn] = text.split('~')
  const listed = new Set(units.slice(1).split('.').map(Number))
  const isAll = units === 'all'
  const isOnly = units.startsWith('+')
  const { keep } = keeping(n, (i) => isAll || (units !== 'none' && listed.has(i) === isOnly))
  const [, index, at, fill] = /^(\d+)@(\d+)([zsg]?)$/.exec(torn ?? '') ?? []
  if (index === undefined) return { keep }
  return { keep, tear: { index: Number(index), at: Number(at), fill: fillOf(fill) } }
}
