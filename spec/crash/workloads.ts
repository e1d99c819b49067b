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
import { Program } from './program.ts'
import type { RecordingDisk } from './recording-disk.ts'

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
export function slowSyncs(disk: RecordingDisk): () => void {
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
