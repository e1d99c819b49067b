// settle.ts: settlements as statements. Each is checked in its own transaction: it changes as many rows as it names, all
// of them in flight in this handle and as it knows them, or all of the transaction fails (steps.ts). What was updated
// while it was out has another size, or key, than its holder knows: `updated` says so until the holder has looked.

import type { Hold, Settlement } from '../store.ts'
import { systemClock } from '../wait/clock.ts'
import type { HeldItem } from './held.ts'
import { renumbering } from './ids.ts'
import { ACKED, DELAYED, FAILED, IN_FLIGHT, READY, TIMED } from './schema.ts'
import { deletingKeys, deletingPart, fromNow, NOW, partsOf, text, withIds } from './statements.ts'
import { changed } from './steps.ts'
import type { Tally } from './tally.ts'

/** Its lease has not ended: one that has is nobody's, though no take has made it ready yet. */
export const IS_HELD = `(status = ${IN_FLIGHT} OR place > ${NOW})`

/** A deadline that is none. */
const NEVER = 0

export interface Settled {
  readonly settlement: Settlement
  readonly items: readonly HeldItem[]
}

export interface Holder {
  readonly queue: number
  readonly owner: number
  readonly keepAcked: number
}

/** The statements of one settlement, and what they change in the sums. */
export function settling({ settlement, items }: Settled, holder: Holder, tally: Tally): string[] {
  let at = 0
  return partsOf(items.map(({ id }) => id)).flatMap((ids) => {
    const part = items.slice(at, at + ids.length)
    at += ids.length
    return settlingPart({ settlement, items: part }, holder, tally)
  })
}

function settlingPart({ settlement, items }: Settled, holder: Holder, tally: Tally): string[] {
  const { queue, owner } = holder
  const ids = items.map(({ id }) => id)
  const own = `AND owner = ${owner} AND updated = 0 AND ${IS_HELD}`
  const held = `WHERE queue = ${queue} AND ${withIds(ids)} ${own}`
  const move = (to?: number): void => moving(items, to, tally)
  const check = changed(items.length)
  switch (settlement.outcome) {
    case 'ack': {
      const isKept = holder.keepAcked > 0 && settlement.kept !== false
      move(isKept ? ACKED : undefined)
      const done = isKept ? keeping(held) : deletingPart(queue, ids, own)
      return [done, check, ...freeing(queue, items)]
    }
    case 'fail':
      move(FAILED)
      return [failing(held, settlement), check, ...freeing(queue, items)]
    case 'back': {
      const due = later(settlement.due)
      move(due === undefined ? READY : DELAYED)
      return [`UPDATE spoolq_items SET ${givingBack(due, settlement.counted)} ${held}`, check]
    }
    case 'toBack': {
      const due = later(settlement.due)
      move(due === undefined ? READY : DELAYED)
      return goingBack({ queue, items, held, due })
    }
    case 'again':
      move(statusOf(settlement.hold))
      return [`UPDATE spoolq_items SET attempt = attempt + 1, ${holding(settlement.hold)} ${held}`, check]
  }
}

/** The status of what is held so. */
export function statusOf({ deadline }: Hold = {}): number {
  return deadline === undefined ? IN_FLIGHT : TIMED
}

/** In flight, as it is held. */
export function holding({ deadline, uncharged = false }: Hold = {}): string {
  const place = deadline === undefined ? 'priority' : fromNow(deadline)
  return `status = ${statusOf({ deadline })}, place = ${place}, ahead = ${Number(uncharged)}, updated = 0`
}

/** What was in flight, with and without deadlines, is something else; undefined: gone. */
export function moving(items: readonly HeldItem[], to: number | undefined, tally: Tally): void {
  for (const from of [IN_FLIGHT, TIMED]) {
    const those = items.filter(({ isTimed }) => isTimed === (from === TIMED))
    const bytes = those.reduce((sum, item) => sum + item.bytes, 0)
    tally.move(those.length, bytes, to === undefined ? { from } : { from, to })
  }
}

/** Ready at the old place, or delayed: `due` is later than now, or undefined. */
export function givingBack(due: number | undefined, isCounted: boolean): string {
  const where =
    due === undefined ? `status = ${READY}, place = priority` : `status = ${DELAYED}, place = ${fromNow(due)}`
  return `${where}, owner = 0, ahead = 0${isCounted ? '' : ', attempt = attempt - 1'}`
}

export interface Extended {
  readonly queue: number
  readonly owner: number
  readonly items: readonly HeldItem[]
  readonly deadline: number
}

/** The status of what is held until then. */
export function extendedStatus(deadline: number): number {
  return deadline === NEVER ? IN_FLIGHT : TIMED
}

/** A later deadline for what is held. */
export function extending({ queue, owner, items, deadline }: Extended): string[] {
  const place = deadline === NEVER ? 'priority' : fromNow(deadline)
  const set = `UPDATE spoolq_items SET status = ${extendedStatus(deadline)}, place = ${place} WHERE queue = ${queue}`
  const parts = partsOf(items.map(({ id }) => id))
  return parts.flatMap((ids) => [`${set} AND ${withIds(ids)} AND owner = ${owner} AND ${IS_HELD}`, changed(ids.length)])
}

/** Their keys are anybody's. */
export function freeing(queue: number, items: readonly { readonly id: number; readonly key: unknown }[]): string[] {
  const keyed = items.filter(({ key }) => key !== undefined)
  if (keyed.length === 0) return []
  const ids = keyed.map(({ id }) => id)
  return deletingKeys(queue, ids)
}

/** Undefined, where that is not later than now. The clock is asked once: the row and the sums say the same. */
function later(due: number | undefined): number | undefined {
  return due !== undefined && due > systemClock.now() ? due : undefined
}

function keeping(held: string): string {
  return `UPDATE spoolq_items SET status = ${ACKED}, place = 0, owner = 0, ahead = 0 ${held}`
}

function failing(held: string, { reason, counted = true }: Settlement & { outcome: 'fail' }): string {
  const attempt = counted ? '' : ', attempt = attempt - 1'
  const aside = `status = ${FAILED}, place = 0, owner = 0, ahead = 0, reason = ${text(reason)}${attempt}`
  return `UPDATE spoolq_items SET ${aside} ${held}`
}

interface GoingBack {
  readonly queue: number
  readonly items: readonly HeldItem[]
  readonly held: string
  readonly due: number | undefined
}

function goingBack({ queue, items, held, due }: GoingBack): string[] {
  const back = [`UPDATE spoolq_items SET ${givingBack(due, true)} ${held}`, changed(items.length)]
  const ids = items.map(({ id }) => id)
  return [...back, ...renumbering(queue, ids)]
}
