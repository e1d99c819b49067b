// crew-worker.ts: one worker thread of crew.ts. Gives up after a few failures: they are likely to be the same one.

import { parentPort, workerData } from 'node:worker_threads'
import { type Result, tryWord } from './battery.ts'
import type { Share } from './crew.ts'
import { logSubject } from './log-subject.ts'

const ENOUGH = 20

const { words, durability, options }: Share = workerData
const subject = logSubject(durability)
const total: Result = { states: 0, failures: [] }
for (const word of words) {
  const { states, failures } = await tryWord(word, subject, options)
  total.states += states
  total.failures.push(...failures)
  if (total.failures.length >= ENOUGH) break
}
parentPort?.postMessage(total)
