// watching.ts: how a handle learns what others did: those of its process tell it at once; for the rest it asks the
// server, often at first and then less, while somebody watches. Watching keeps no process alive.

import type { Watch } from '../wait/changes.ts'
import { clearTimeout, setTimeout } from '../wait/timers.ts'

const ASK_FIRST_MS = 5
/** Four statements a second at most; what others put comes after half of it. */
const ASK_LAST_MS = 280
const ASK_SLOWER = 1.5

/** Handles of this process, by queue. */
const neighbours = new Map<string, Set<Watching>>()

export interface Attended {
  /** Another number whenever anybody changed anything. */
  readonly changes: number
  /** Until something is due; Infinity: nothing is. */
  readonly dueMs: number
}

export class Watching {
  readonly #uuid: string
  /** Looks after what is due and who is dead. */
  readonly #attend: () => Promise<Attended>
  readonly #watchers = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #last = -1
  #wait = ASK_FIRST_MS
  #dueMs = Infinity
  /** It could not be asked: who waits hears of it by a call of its own. */
  #isLost = false

  constructor(uuid: string, attend: () => Promise<Attended>) {
    this.#uuid = uuid
    this.#attend = attend
    const all = neighbours.get(uuid) ?? new Set()
    neighbours.set(uuid, all.add(this))
  }

  watch(changed: () => void): Watch {
    const watcher = (): void => changed()
    this.#watchers.add(watcher)
    this.#wait = ASK_FIRST_MS
    this.#later()
    const stop = () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#stop()
    }
    return Object.assign(stop, { mayHaveChanged: () => this.#isLost, isSure: true })
  }

  /** This handle changed something. */
  changed(): void {
    for (const one of neighbours.get(this.#uuid) ?? []) one.#tell()
  }

  /** Nobody is told any more. */
  rest(): void {
    this.#watchers.clear()
    this.#stop()
  }

  close(): void {
    this.rest()
    const all = neighbours.get(this.#uuid)
    all?.delete(this)
    if (all?.size === 0) neighbours.delete(this.#uuid)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }

  #later(): void {
    this.#timer ??= setTimeout(() => void this.#ask(), Math.min(this.#wait, this.#dueMs)).unref()
  }

  /** A server that is lost for a while is asked again later: whoever waits hears of it by a call of its own. */
  async #ask(): Promise<void> {
    try {
      const { changes, dueMs } = await this.#attend()
      this.#dueMs = Math.max(dueMs, 1)
      if (changes !== this.#last) this.#wait = ASK_FIRST_MS
      else this.#wait = Math.min(this.#wait * ASK_SLOWER, ASK_LAST_MS)
      if (changes !== this.#last) this.#tell()
      this.#last = changes
      this.#isLost = false
    } catch {
      this.#wait = ASK_LAST_MS
      this.#isLost = true
    }
    this.#timer = undefined
    if (this.#watchers.size > 0) this.#later()
  }
}
