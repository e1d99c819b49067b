// putter.ts: puts. What was asked for while one transaction was under way goes into the next, which locks the queue's
// row for its ids: they grow by one in the order of the commits, so nobody takes an item before an older one is there.
//
// Where nothing is bounded or unique, the whole transaction is one trip; the lock is held for as long as the server
// takes, however slow the net and the producer are.

import { Rounds } from '../rounds.ts'
import { bytesOf } from '../share.ts'
import type { AppendOptions, Document } from '../store.ts'
import { systemClock } from '../wait/clock.ts'
import type { Fronts } from './fronts.ts'
import { takingIds } from './ids.ts'
import { Lane } from './lane.ts'
import { type Begun, Room } from './room.ts'
import { DELAYED, READY } from './schema.ts'
import { FIRST_ID, fromNow, hex, lotsOf, NOW, text } from './statements.ts'
import { isOutdated, type Plan, type Scene, type Step, Steps } from './steps.ts'
import { Tally } from './tally.ts'
import { checkSize } from './trips.ts'

export interface Put {
  readonly documents: readonly Document[]
  readonly options: AppendOptions
  readonly keys?: readonly string[] | undefined
  readonly resolve: (ids: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** Of each item its place behind the first of its transaction, or undefined where it was ignored; or no room for all. */
export type Outcome = readonly (number | undefined)[] | undefined

const RUN_BYTES = 2 ** 21
const RUN_PUTS = 4096
const INSERT_CHARACTERS = 2 ** 20

export class Putter {
  readonly #scene: Scene
  readonly #steps: Steps
  readonly #lane: Lane<Put>
  readonly #fronts: Fronts
  readonly #rounds = new Rounds()
  readonly #changed: () => void

  constructor(scene: Scene, fronts: Fronts, changed: () => void) {
    this.#scene = scene
    this.#fronts = fronts
    this.#changed = changed
    this.#steps = new Steps(scene, 'put')
    const share = ({ documents }: Put): number => Math.max(bytesOf(documents) / RUN_BYTES, 1 / RUN_PUTS)
    this.#lane = new Lane((puts) => this.#run(puts), share)
  }

  /** Throws where one of them is too large. */
  append(documents: readonly Document[], options: AppendOptions, keys?: readonly string[]): Promise<Outcome> {
    for (const { bytes } of documents) checkSize(bytes.length, this.#scene.pool.packetBytes)
    return new Promise((resolve, reject) => this.#lane.add({ documents, options, keys, resolve, reject }))
  }

  idle(): Promise<void> {
    return this.#lane.idle()
  }

  /** Characters of a statement. */
  get #most(): number {
    return Math.min(INSERT_CHARACTERS, this.#scene.pool.packetBytes / 2)
  }

  async #run(puts: readonly Put[]): Promise<void> {
    try {
      const newRoom = (): Room => new Room(this.#fronts, puts, { rounds: this.#rounds, most: this.#most })
      let room = newRoom()
      const plan = async (step: Step): Promise<Plan<readonly Outcome[]>> => {
        room = newRoom()
        return this.#plan({ puts, outcomes: await room.decide(step.link), room })
      }
      const ids = await this.#steps.run({ plan }).catch(async (error: unknown) => {
        // Nothing of it was done: this handle was declared dead meanwhile, and begins again.
        if (!isOutdated(error)) throw error
        await this.#scene.owner.verify()
        return this.#steps.run({ plan })
      })
      room.tell()
      // A put that found no room tells nobody: it would wake itself, and ask again for ever.
      if (room.count > 0) this.#changed()
      for (const [i, { resolve }] of puts.entries()) resolve(ids[i])
    } catch (error) {
      for (const { reject } of puts) reject(error)
    }
  }

  #plan({ puts, outcomes, room }: Decided): Plan<readonly Outcome[]> {
    const { queue } = this.#scene
    const tally = new Tally()
    const result = (first: number): Outcome[] => outcomes.map((offsets) => offsets && idsOf(offsets, first))
    if (room.count === 0) return { statements: undefined, tally, result }
    const hasPriority = this.#fronts.order === 'priority'
    const all = puts.flatMap((put, i) => rowsOf(put, outcomes[i], hasPriority))
    const rows = all.filter(({ offset }) => !room.isUnborn(offset))
    for (const isDelayed of [false, true]) {
      const those = rows.filter((row) => row.isDelayed === isDelayed)
      const bytes = those.reduce((sum, row) => sum + row.bytes.length, 0)
      tally.move(those.length, bytes, { to: isDelayed ? DELAYED : READY })
    }
    const { begun } = room
    const birth = birthOf(begun, rows.length)
    const statements = [
      ...(begun === undefined ? ['BEGIN'] : []),
      takingIds(queue, room.count, begun?.first),
      ...birth.statements,
      ...room.drops(tally),
      ...insertsOf(rows, { queue, birth, most: this.#most }),
      ...keysOf(rows, { queue, birth, most: this.#most }),
    ]
    return { statements, tally, result }
  }
}

function idsOf(offsets: readonly (number | undefined)[], first: number): Outcome {
  return offsets.map((offset) => (offset === undefined ? undefined : first + offset))
}

interface Decided {
  readonly puts: readonly Put[]
  readonly outcomes: readonly Outcome[]
  readonly room: Room
}

interface Row {
  readonly offset: number
  readonly bytes: Uint8Array
  readonly isDelayed: boolean
  readonly key: string | undefined
  /** Status, place, priority, attempt and key, where they are not the usual ones. */
  readonly extra: string
}

function rowsOf({ documents, options, keys }: Put, outcome: Outcome, hasPriority: boolean): Row[] {
  const { due = 0, attempt = 0 } = options
  const priority = hasPriority ? (options.priority ?? 0) : 0
  const isDelayed = due > 0 && due > systemClock.now()
  const place = isDelayed ? fromNow(due) : priority
  const isPlain = !isDelayed && attempt === 0 && priority === 0 && keys === undefined
  const rows: Row[] = []
  documents.forEach(({ bytes }, i) => {
    const offset = outcome?.[i]
    if (offset === undefined) return
    const key = keys?.[i]
    const ukey = key === undefined ? 'NULL' : text(key)
    const extra = isPlain ? '' : `,${isDelayed ? DELAYED : READY},${place},${priority},${attempt},${ukey}`
    rows.push({ offset, bytes, isDelayed, key, extra })
  })
  return rows
}

/** How a row's id and time are written: as numbers where they are known, which the server reads faster. */
interface Birth {
  readonly statements: readonly string[]
  readonly id: (offset: number) => string | number
  readonly now: string | number
}

function birthOf(begun: Begun | undefined, count: number): Birth {
  if (begun !== undefined) return { statements: [], id: (offset) => begun.first + offset, now: begun.now }
  const id = (offset: number): string => `${FIRST_ID}+${offset}`
  return count === 1 ? { statements: [], id, now: NOW } : { statements: [`SET @now = ${NOW}`], id, now: '@now' }
}

interface Insert {
  readonly queue: number
  readonly birth: Birth
  /** Characters of a statement. */
  readonly most: number
}

/** Rows of the same shape in a row are one INSERT, up to a length. */
function insertsOf(rows: readonly Row[], { queue, birth, most }: Insert): string[] {
  const inserts: string[] = []
  const insert = (values: readonly string[], isPlain: boolean): void => {
    const columns = isPlain ? '' : ', status, place, priority, attempt, ukey'
    for (const lot of lotsOf(values, most)) {
      inserts.push(`INSERT INTO spoolq_items (queue, id, enqueued, payload${columns}) VALUES ${lot.join()}`)
    }
  }
  let values: string[] = []
  rows.forEach((row, i) => {
    values.push(`(${queue},${birth.id(row.offset)},${birth.now},${hex(row.bytes)}${row.extra})`)
    const next = rows[i + 1]
    if (next !== undefined && (next.extra === '') === (row.extra === '')) return
    insert(values, row.extra === '')
    values = []
  })
  return inserts
}

function keysOf(rows: readonly Row[], { queue, birth, most }: Insert): string[] {
  const values = rows.flatMap(({ key, offset }) => {
    return key === undefined ? [] : [`(${queue},${text(key)},${birth.id(offset)})`]
  })
  return lotsOf(values, most).map((lot) => `INSERT INTO spoolq_keys (queue, ukey, id) VALUES ${lot.join()}`)
}
