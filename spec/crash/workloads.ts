// workloads.ts: what is done to a queue before it crashes, as words of one letter a step. Small words suffice: all of
// them up to some length are tried (as CrashMonkey's bounded exhaustive search does).
//
//   1 put one   3 put three, in two documents   B put one that crosses sectors   A put one too large for a frame
//   p pop one   n pop three   L lease three: acknowledge the second, give back the third, hold the first
//   r lease three and acknowledge them, not waiting for the medium
//   f flush     o close and open again          x two puts and a pop at once
//
// A word that begins with '~' runs on a disk whose syncs take long: the steps go on beside those that none waits for.
// With '!' in front, what is written to the files of locks and owners gets through at once: their bytes are of no
// consequence, and the others have their states to themselves.

import type { Store } from '../../lib/store.ts'
import type { DiskProcess } from './disk-process.ts'
import type { RecordingDisk } from './recording-disk.ts'
import { documentOf, itemsOf } from './trial.ts'

export const ALPHABET = '13BApnLrfox'

/** At the front of a word. */
export const SLOW = '~'
export const CALM = '!'

/** What the files are called whose bytes a calm word leaves alone. */
const CALM_FILES = /\.lock$|\/owners\//

export interface Word {
  readonly isSlow: boolean
  /** Paths of files whose bytes all get through at once. */
  readonly calm: RegExp | undefined
  readonly letters: string
}

export function parsed(word: string): Word {
  const letters = word.replace(/^[~!]+/, '')
  const flags = word.slice(0, word.length - letters.length)
  return { isSlow: flags.includes(SLOW), calm: flags.includes(CALM) ? CALM_FILES : undefined, letters }
}

const BIG_BYTES = 700
const ASIDE_BYTES = 1500

/** `chance`: another one for each opening. */
export type OpenStore = (process: DiskProcess, chance: number) => Promise<Store>

/** All words of that length, but those that begin with a step that finds nothing to do. */
export function* words(length: number, alphabet = ALPHABET): Generator<string> {
  if (length === 0) yield ''
  else
    for (const word of words(length - 1, alphabet))
      for (const letter of alphabet) if (!isIdle(word, letter)) yield word + letter
}

function isIdle(word: string, letter: string): boolean {
  return word === '' && 'pnLrf'.includes(letter)
}

/** Where in the disk's log the last step begins. What stood before was tried with a shorter word. */
export async function runWorkload(word: string, disk: RecordingDisk, open: OpenStore): Promise<number> {
  const process = disk.process()
  const program = new Program(disk, (chance) => open(process, chance))
  const { isSlow, letters } = parsed(word)
  const stop = isSlow ? slowSyncs(disk) : undefined
  let last = 0
  try {
    await program.open()
    for (const letter of letters) {
      last = disk.log.length
      await program.step(letter)
      if (!isSlow) await settled()
    }
    await settled()
  } finally {
    stop?.()
    process.kill()
  }
  return last
}

/** Ends one sync in each turn of the event loop, the oldest first. */
function slowSyncs(disk: RecordingDisk): () => void {
  disk.holdSyncs = true
  const next = () => {
    if (!disk.holdSyncs) return
    for (const held of [...disk.heldSyncs].slice(0, 1)) held.release()
    setImmediate(next)
  }
  setImmediate(next)
  return () => {
    disk.holdSyncs = false
  }
}

/** What is done in the background has two turns for it. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
}

/** A program that uses the queue, and marks what it asks and is told. */
export class Program {
  readonly #disk: RecordingDisk
  readonly #open: (chance: number) => Promise<Store>
  #store: Store | undefined
  #held: number[] = []
  #calls: number
  #openings: number

  /** `firstCall`: different for programs that mark on the same disk. */
  constructor(disk: RecordingDisk, open: (chance: number) => Promise<Store>, firstCall = 1) {
    this.#disk = disk
    this.#open = open
    this.#calls = firstCall - 1
    this.#openings = firstCall
  }

  async open(): Promise<void> {
    this.#store = await this.#open(this.#openings++)
  }

  get store(): Store {
    if (!this.#store) throw new Error('open it first')
    return this.#store
  }

  async step(letter: string): Promise<void> {
    switch (letter) {
      case '1':
        return this.put([1])
      case '3':
        return this.put([2, 1])
      case 'B':
        return this.put([1], BIG_BYTES)
      case 'A':
        return this.put([1], ASIDE_BYTES)
      case 'p':
        return this.pop(1)
      case 'n':
        return this.pop(3)
      case 'L':
        return this.lease()
      case 'r':
        return this.#ack(await this.#lease(3), true)
      case 'f':
        await this.store.flush()
        return
      case 'o':
        return this.reopen()
      case 'x':
        await Promise.all([this.put([1]), this.put([2, 1]), this.pop(1)])
        return
      default:
        throw new Error(`no step ${letter}`)
    }
  }

  /** One batch of documents with so many items each. */
  async put(counts: readonly number[], size = 0): Promise<void> {
    const call = ++this.#calls
    const groups = counts.map((count, i) =>
      Array.from({ length: count }, (_, j) => `${call}.${i}.${j}`.padEnd(size, '.')),
    )
    this.#disk.mark({ what: 'put', call, items: groups.flat() })
    const firstId = await this.store.append(groups.map(documentOf))
    this.#disk.mark({ what: 'put done', call, firstId: firstId ?? 0 })
  }

  async pop(n: number): Promise<void> {
    const call = ++this.#calls
    this.#disk.mark({ what: 'take', call, n })
    const pieces = await this.store.pop(n)
    this.#disk.mark({ what: 'take done', call, ids: itemsOf(pieces).map(({ id }) => id) })
  }

  async lease(): Promise<void> {
    const [first, second, third] = await this.#lease(3)
    if (second !== undefined) await this.#ack([second])
    if (third !== undefined) await this.#back(third)
    if (first !== undefined) this.#held.push(first)
  }

  async reopen(): Promise<void> {
    await this.store.close()
    this.#disk.mark({ what: 'back', ids: this.#held })
    this.#disk.mark({ what: 'durable' })
    this.#held = []
    await this.open()
  }

  /** Leases, and acknowledges with it what an earlier one held. */
  async #lease(n: number): Promise<number[]> {
    const acked = this.#held
    this.#held = []
    const call = ++this.#calls
    this.#disk.mark({ what: 'settle', call, ids: acked })
    const ranges = acked.map((id) => ({ from: id, to: id }))
    const pieces = await this.store.lease(n, ranges.length > 0 ? [{ outcome: 'ack', ids: ranges }] : [])
    this.#disk.mark({ what: 'settle done', call, relaxed: true })
    const ids = itemsOf(pieces).map(({ id }) => id)
    this.#disk.mark({ what: 'hold', ids })
    return ids
  }

  async #ack(ids: readonly number[], relaxed = false): Promise<void> {
    const call = ++this.#calls
    this.#disk.mark({ what: 'settle', call, ids })
    await this.store.settle([{ outcome: 'ack', ids: ids.map((id) => ({ from: id, to: id })) }], relaxed)
    this.#disk.mark({ what: 'settle done', call, relaxed })
  }

  async #back(id: number): Promise<void> {
    await this.store.settle([{ outcome: 'back', ids: [{ from: id, to: id }], counted: true }])
    this.#disk.mark({ what: 'back', ids: [id] })
  }
}
