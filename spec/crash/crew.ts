// crew.ts: a battery shared by worker threads: each takes every n-th word.

import { Worker } from 'node:worker_threads'
import type { BatteryOptions, Result } from './battery.ts'

/** What one worker is to do. */
export interface Share {
  readonly durability: 'disk' | 'os'
  readonly words: readonly string[]
  readonly options: BatteryOptions
}

/** All words, by so many workers; ends early when one has found `enough`. */
export async function tryWords(share: Share, workers: number): Promise<Result> {
  const results = await Promise.all(Array.from({ length: workers }, (_, i) => work(share, i, workers)))
  return {
    states: results.reduce((sum, { states }) => sum + states, 0),
    failures: results.flatMap(({ failures }) => failures),
  }
}

function work(share: Share, index: number, workers: number): Promise<Result> {
  const words = share.words.filter((_, i) => i % workers === index)
  const worker = new Worker(new URL('./crew-worker.js', import.meta.url), { workerData: { ...share, words } })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`a worker of the battery ended with ${code} before it was done`)))
  })
}
