// layers.ts: the layers of the proof, and how much of each `npm run check` has to do at least. A battery that shrank in
// silence would be the commonest lie: each spec tells what it counted, and run.ts adds it up, prints one line for each
// layer, and fails a whole run in which a layer is missing or counts less than its figure.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

/** What is counted, and how many of it at least. */
export const layers = Object.freeze({
  'crash states': 1_000_000,
  'crashes while recovering and compacting': 200_000,
  'crashes with a second process in its step': 100_000,
  'failing calls': 50_000,
  'failing syncs': 7000,
  'flipped bits': 131_072,
  'flips after every end': 100_000,
  'bytes, cuts, sectors and files damaged': 50_000,
  'planted bugs caught': 60,
  'bugs planted outside the log': 80,
  'runs of commands against the model': 600,
  'random items': 200_000,
  'crafted documents': 500_000,
  'pairs of calls': 44_000,
  'races judged as histories': 2000,
  'histories of sinks': 5000,
  'processes killed': 500,
  'power cuts of a real file system': 200,
  'faults of the real kernel': 60,
  'statements whose steps were counted': 300,
  'ways on a full disk': 150,
  'items of the soak': 1_000_000,
  'rounds that leave nothing': 600,
})

export type Layer = keyof typeof layers

export const CHECK = process.env.SPOOLQ_CHECK === '1'

export interface Counted {
  readonly layer: Layer
  readonly count: number
  readonly seconds: number
  /** Why it was not tried. */
  readonly why?: string
}

const NOTE = 'layer '

/** Starts to measure a layer's time; the function that is returned tells its count, which has to be `least` by itself. */
export function counting(t: TestContext, layer: Layer): (count: number, least?: number) => void {
  const started = performance.now()
  return (count, least = 1) => {
    const seconds = (performance.now() - started) / 1000
    t.diagnostic(NOTE + JSON.stringify({ layer, count, seconds } satisfies Counted))
    assert.ok(count >= least, `${layer}: only ${count}, not ${least}: the battery has shrunk`)
  }
}

/** Tells that this machine has not what a layer needs. It is said at the end, and no whole run fails for it. */
export function notTried(t: TestContext, layer: Layer, why: string): void {
  t.diagnostic(NOTE + JSON.stringify({ layer, count: 0, seconds: 0, why } satisfies Counted))
  t.skip(`NOT TRIED: ${why}`)
}

/** What a spec's note tells of a layer, if it does. */
function countedIn(note: string): Counted | undefined {
  return note.startsWith(NOTE) ? JSON.parse(note.slice(NOTE.length)) : undefined
}

interface Sum {
  readonly layer: string
  count: number
  seconds: number
  /** How many there have to be. */
  readonly figure: number
  /** Why it, or a part of it, was not tried. */
  why: string
}

/** A line for each layer that was tried; of a whole run for all of them, and `isShort` where one counted too little. */
export function summary(notes: readonly string[], isWhole: boolean): { lines: readonly string[]; isShort: boolean } {
  const sums = summed(notes).filter(({ count }) => isWhole || count > 0)
  const short = sums.filter(({ count, figure, why }) => isWhole && count < figure && why === '')
  const lines = sums.map((sum) => `${short.includes(sum) ? 'SHORT' : '     '} ${lineOf(sum)}`)
  return { lines, isShort: short.length > 0 }
}

function lineOf({ layer, count, figure, seconds, why }: Sum): string {
  const [counted, least] = [count, figure].map((n) => n.toLocaleString('en').padStart(11))
  const untried = why === '' ? '' : `: NOT TRIED: ${why}`
  return `${counted} of at least${least} ${seconds.toFixed(0).padStart(6)} s  ${layer}${untried}`
}

function summed(notes: readonly string[]): Sum[] {
  const sums = new Map<string, Sum>()
  for (const [layer, figure] of Object.entries(layers))
    sums.set(layer, { layer, count: 0, seconds: 0, figure, why: '' })
  for (const note of notes) {
    const counted = countedIn(note)
    const sum = counted && sums.get(counted.layer)
    if (!sum) continue
    sum.count += counted.count
    sum.seconds += counted.seconds
    sum.why ||= counted.why ?? ''
  }
  return [...sums.values()]
}
