// attendant.ts: what nobody does by calling: what is due becomes ready, and what dead handles held. Each handle looks
// after it when it takes, looks or waits.

import type { Link } from './driver.ts'
import type { Looker } from './looker.ts'
import { patiently } from './patience.ts'
import { type Dead, deadOf, isRestarted, reclaim, UPTIME } from './reclaim.ts'
import type { Scene } from './steps.ts'
import type { Taker } from './taker.ts'

/** How often to look for dead handles, at most. */
const PROBE_MS = 250

interface World {
  readonly scene: Scene
  readonly taker: Taker
  readonly looker: Looker
  /** Leaves to the dead what they held, until it is told to take it back. */
  readonly isSelfish: boolean
}

export class Attendant {
  readonly #world: World
  #probed = -PROBE_MS

  constructor(world: World) {
    this.#world = world
  }

  /** Looks after the due and the dead; resolves to another number whenever anybody changed anything. */
  async attend(): Promise<number> {
    const { looker, taker } = this.#world
    await this.probe()
    const { changes, isTimed } = await looker.glance()
    if (isTimed && (await looker.isDue())) await taker.resume()
    return changes
  }

  /** Looks after the dead, where that is some time ago; resolves to how many items that made ready. */
  async probe(): Promise<number> {
    if (this.#world.isSelfish || performance.now() - this.#probed < PROBE_MS) return 0
    return this.reclaim()
  }

  /** What dead handles held is ready; resolves to how many items that were. */
  async reclaim(): Promise<number> {
    const { scene, taker } = this.#world
    this.#probed = performance.now()
    const dead = await this.#dead()
    let reclaimed = 0
    for (const one of dead) reclaimed += await taker.alone((step) => reclaim(step, scene.queue, one))
    return reclaimed
  }

  async #dead(): Promise<Dead[]> {
    const { pool, queue } = this.#world.scene
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
