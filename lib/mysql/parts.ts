// parts.ts: what an open handle consists of.
//
//      putter       puts, in one transaction after the other           two lanes, so that
//      taker        takes and settlements, in another                  neither waits for the other
//      mender       items that nobody holds, in that lane too
//      looker       what is there
//      keeper       what is kept beside the items
//      graves       which others are dead, whose items are ready then
//      owner        that this handle lives
//      watching     what others did
//      pool         the connections, which it shares with other handles

import type { StoreOptions } from '../store.ts'
import { Fronts } from './fronts.ts'
import { Graves } from './graves.ts'
import { Keeper } from './keeper.ts'
import { Looker } from './looker.ts'
import { Mender } from './mender.ts'
import { Owner } from './owner.ts'
import type { Pool } from './pool.ts'
import { Putter } from './putter.ts'
import type { Recorded } from './schema.ts'
import type { Scene } from './steps.ts'
import { Taker } from './taker.ts'
import { type Attended, Watching } from './watching.ts'

export interface Parts {
  readonly putter: Putter
  readonly taker: Taker
  readonly mender: Mender
  readonly looker: Looker
  readonly keeper: Keeper
  readonly graves: Graves
  readonly owner: Owner
  readonly watching: Watching
  readonly pool: Pool
}

interface Manner extends Pick<StoreOptions, 'autoResume' | 'keepAcked'> {
  /** Looks after the due and the dead. */
  readonly attend: () => Promise<Attended>
}

export function partsOf(pool: Pool, queue: Recorded, manner: Manner): Parts {
  const { attend, autoResume, keepAcked = 0 } = manner
  const owner = new Owner(queue.id, pool)
  const scene: Scene = { queue: queue.id, owner, pool }
  const fronts = new Fronts(queue.id, queue.order)
  const watching = new Watching(queue.uuid, attend)
  const changed = (): void => watching.changed()
  const graves = new Graves(scene, !autoResume)
  const taker = new Taker(scene, graves, { fronts, keepAcked, changed })
  const looker = new Looker(fronts, pool)
  return {
    putter: new Putter(scene, fronts, changed),
    taker,
    mender: new Mender(queue.id, taker),
    looker,
    keeper: new Keeper(queue.id, looker, pool),
    graves,
    owner,
    watching,
    pool,
  }
}
