// row.ts: a row of the table of pairs: what two options have to do with each other, and where that is tried.

import type { MakePlace } from '../queue/place.ts'

export type Trial = (place: MakePlace) => Promise<void>

export interface Row {
  /** The names of two options, or of an option and a call. */
  readonly pair: readonly [string, string]
  readonly is: Nothing | Elsewhere | Tried
}

/** Why the two have nothing to do with each other. */
export interface Nothing {
  readonly why: string
}

/** A test that tries both: its file in spec/ without the ending, and its title. */
export interface Elsewhere {
  readonly file: string
  readonly title: string
}

/** A test of the table's own. One of several pairs stands in each of their rows. */
export interface Tried {
  readonly title: string
  readonly trial: Trial
  /** Whether it needs a store with an index: orders, unique items, update. */
  readonly isIndexed: boolean
  /** Whether no store does anything special for it: in the short form it is tried in memory alone. */
  readonly isAbove: boolean
}

/** `others`: names, with spaces between them. */
export function nothing(one: string, others: string, why: string): readonly Row[] {
  return rowsOf(one, others, { why })
}

/** `where`: 'queue/bounding: title', with … for each `${}` in it. */
export function elsewhere(one: string, others: string, where: string): readonly Row[] {
  const [file = ''] = where.split(': ', 1)
  return rowsOf(one, others, { file, title: where.slice(file.length + 2) })
}

export function tried(one: string, others: string, title: string, trial: Trial): readonly Row[] {
  return rowsOf(one, others, { title, trial, isIndexed: false, isAbove: false })
}

export function triedIndexed(one: string, others: string, title: string, trial: Trial): readonly Row[] {
  return rowsOf(one, others, { title, trial, isIndexed: true, isAbove: false })
}

export function triedAbove(one: string, others: string, title: string, trial: Trial): readonly Row[] {
  return rowsOf(one, others, { title, trial, isIndexed: false, isAbove: true })
}

function rowsOf(one: string, others: string, is: Row['is']): readonly Row[] {
  return others.split(' ').map((other) => ({ pair: [one, other], is }))
}
