// sector-order.ts: what a page cache can't do. It hands a sector to the medium as it is at some moment, so of several
// writes to one sector a later one never gets through without the earlier ones, nor behind an earlier one that is torn
// there. Writes to different sectors get through in any order.

import type { Choice, Tear, Unit } from './choices.ts'

export const SECTOR = 512

export class SectorOrder {
  readonly #units: readonly Unit[]
  /** For each unit, the earlier ones that share a sector with it. */
  readonly #earlier: readonly (readonly number[])[]
  /** False where no two units share a sector. */
  readonly isBinding: boolean

  constructor(units: readonly Unit[]) {
    this.#units = units
    const bySector = new Map<string, number[]>()
    this.#earlier = units.map((unit, i) => {
      const earlier = sectorsOf(unit).flatMap((sector) => bySector.get(sector) ?? [])
      for (const sector of sectorsOf(unit)) bySector.set(sector, [...(bySector.get(sector) ?? []), i])
      return earlier
    })
    this.isBinding = this.#earlier.some((earlier) => earlier.length > 0)
  }

  /** Without what could not have got through as chosen. */
  dropped(keep: Uint8Array): Uint8Array {
    const legal = keep.slice()
    this.#earlier.forEach((earlier, i) => {
      if (earlier.some((unit) => !legal[unit])) legal[i] = 0
    })
    return legal
  }

  /** With what must have got through with it. */
  added(keep: Uint8Array): Uint8Array {
    const legal = keep.slice()
    for (let i = legal.length - 1; i >= 0; i--) if (legal[i]) for (const unit of this.#earlier[i] ?? []) legal[unit] = 1
    return legal
  }

  /** The choice around a torn write: its sectors up to the torn one got through with all that was there before. */
  torn(keep: Uint8Array, tear: Tear): Choice {
    const own = [...this.#units.keys()].filter((i) => this.#units[i]?.entry.index === tear.index)
    const reached = keep.slice()
    for (const i of own) reached[i] = (this.#units[i]?.from ?? 0) <= tear.at ? 1 : 0
    const needed = this.added(reached)
    for (const i of own) needed[i] = (this.#units[i]?.to ?? 0) <= tear.at ? 1 : 0
    const legal = this.dropped(needed)
    for (const i of own) legal[i] = 0
    return { keep: legal, tear }
  }
}

function sectorsOf({ entry: { op }, from, to }: Unit): string[] {
  if (op.kind !== 'write') return []
  const first = Math.floor((op.position + from) / SECTOR)
  const last = Math.floor((op.position + to - 1) / SECTOR)
  return Array.from({ length: last - first + 1 }, (_, i) => `${op.ino}.${first + i}`)
}
