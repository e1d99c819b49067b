// graves.ts: which handles of a queue are dead. Each handle looks now and then: when it takes, looks or waits.

import { elapsed } from '../wait/timers.ts'
import type { Link } from './driver.ts'
import { patiently } from './patience.ts'
import { type Dead, deadOf, isRestarted, UPTIME } from './reclaim.ts'
import type { Scene } from './steps.ts'

/** How often to look, at most. */
const LOOK_MS = 250

export class Graves {
  readonly #scene: Scene
  readonly #isSelfish: boolean
  #looked = -LOOK_MS

  /** `isSelfish`: leaves to the dead what they held, until it is told to take it back. */
  constructor(scene: Scene, isSelfish: boolean) {
    this.#scene = scene
    this.#isSelfish = isSelfish
  }

  /** It is time to look. */
  get isDue(): boolean {
    return !this.#isSelfish && elapsed() - this.#looked >= LOOK_MS
  }

  /** None was dead. */
  seen(): void {
    this.#looked = elapsed()
  }

  async look(): Promise<Dead[]> {
    const { pool, queue } = this.#scene
    this.seen()
    const find = async (link: Link): Promise<Dead[]> => {
      const [found] = await link.ask([deadOf(queue)])
      const dead = (found?.rows ?? []).map(([id, uuid]): Dead => ({ id: Number(id), uuid: String(uuid) }))
      if (dead.length === 0) return []
      const [uptime] = await link.ask([UPTIME])
      return isRestarted(uptime?.rows) ? [] : dead
    }
    return patiently(() => pool.use(find))
  }
}
