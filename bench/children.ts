// children.ts: processes that work on one queue (child.ts), started together and told to go together.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Item, itemsOf } from './items.ts'

/** What a process tells when it is done, as far as its job has it. */
export interface Told {
  readonly count?: number
  readonly ordered?: boolean
  readonly ms?: number
  readonly residentBytes?: number
  readonly peakBytes?: number
  readonly latenciesMs?: readonly number[]
}

export type Job = 'fill' | 'use' | 'pop' | 'items' | 'put' | 'ping' | 'listen'

const program = fileURLToPath(new URL('./child.js', import.meta.url))
// Items are numbered from 0 within it, over and over: ten million objects would be what is measured.
const CYCLE = 10_000

// Kept: where more were made before, each call would cut them out anew.
let cycle: readonly Item[] | undefined

export function cycleOf(): readonly Item[] {
  cycle ??= itemsOf('S', CYCLE)
  return cycle
}

export class Child {
  readonly #process: ChildProcess
  readonly #ready: Promise<unknown>
  readonly done: Promise<Told>

  constructor(job: Job, folder: string, amount: number) {
    this.#process = fork(program, [job, folder, String(amount)])
    this.#ready = once(this.#process, 'message')
    this.done = this.#ready.then(() => this.#told())
    // Whoever awaits it hears of it; until then it is nobody's.
    this.done.catch(() => {})
  }

  async #told(): Promise<Told> {
    const ended = once(this.#process, 'exit')
    const told = new Promise<Told>((resolve) => this.#process.once('message', (it: Told) => resolve(it)))
    const [code] = await ended
    if (code !== 0) throw new Error(`a process of the benchmark ended with ${code}`)
    return told
  }

  ready(): Promise<unknown> {
    return this.#ready
  }

  /** To go, or, to one that goes on until told, to end. */
  tell(): void {
    this.#process.send('go')
  }
}

/** Opens, goes, and ends, all of them together. */
export async function together(jobs: readonly Job[], folder: string, amount: number): Promise<Told[]> {
  const children = jobs.map((job) => new Child(job, folder, amount))
  await Promise.all(children.map((child) => child.ready()))
  for (const child of children) child.tell()
  return Promise.all(children.map((child) => child.done))
}
