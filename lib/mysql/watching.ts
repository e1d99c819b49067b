// watching.ts: how a handle learns what others did: those of its process tell it at once; for the rest it asks the
// server, often at first and then less, while somebody watches. Watching keeps no process alive.

const ASK_FIRST_MS = 5
const ASK_LAST_MS = 150
const ASK_SLOWER = 1.5

/** Handles of this process, by queue. */
const neighbours = new Map<string, Set<Watching>>()

export class Watching {
  readonly #uuid: string
  /** Looks after what is due and who is dead; resolves to another number whenever anybody changed anything. */
  readonly #attend: () => Promise<number>
  readonly #watchers = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #last = -1
  #wait = ASK_FIRST_MS

  constructor(uuid: string, attend: () => Promise<number>) {
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
      if (this.#watchers.size === 0) this.#rest()
    }
  }

  /** This handle changed something. */
  changed(): void {
    for (const one of neighbours.get(this.#uuid) ?? []) one.#tell()
  }

  close(): void {
    this.#watchers.clear()
    this.#rest()
    const all = neighbours.get(this.#uuid)
    all?.delete(this)
    if (all?.size === 0) neighbours.delete(this.#uuid)
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }

  #later(): void {
    this.#timer ??= setTimeout(() => void this.#ask(), this.#wait).unref()
  }

  /** A server that is lost for a while is asked again later: whoever waits hears of it by a call of its own. */
  async #ask(): Promise<void> {
    try {
      const changes = await this.#attend()
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
