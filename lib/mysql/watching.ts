// watching.ts: how a handle learns what others did: those of its process tell it at once; for the rest it asks the
// server, often at first and then less, while somebody watches. Watching keeps no process alive.

import { clearTimeout, setTimeout } from '../wait/timers.ts'

const ASK_FIRST_MS = 5
const ASK_LAST_MS = 150
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

  constructor(uuid: string, attend: () => Promise<Attended>) {
    this.#uuid = uuid
    this.#attend = attend
    const all = neighbours.get(uuid) ?? new Set()
    neighbours.set(uuid, all.add(this))
  }

  watch(changed: () => void): () => void {
    const watcher = (): void => changed()
    this.#watchers.add(watcher)
    this.#wait = ASK_FIRST_MS
    this.#later()
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#stop()
    }
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
    } catch {
      this.#wait = ASK_LAST_MS
    }
    this.#timer = undefined
    if (this.#watchers.size > 0) this.#later()
  }
}
