// names.ts: what stands in the table, as far as the library knows it by itself: an option that is added is missing there.

import { consumeChecks, nackChecks, putChecks } from '../../lib/call-options.ts'
import { queueChecks } from '../../lib/options.ts'

export const options: readonly string[] = Object.keys(queueChecks)

/** The options of calls, as 'put.delay', and calls that meet many options. */
export const calls: readonly string[] = [
  ...Object.keys(putChecks).map((name) => `put.${name}`),
  ...Object.keys(consumeChecks).map((name) => `consume.${name}`),
  ...Object.keys(nackChecks).map((name) => `nack.${name}`),
  ...['copyTo', 'destroy', 'update'],
]

/** The same whichever of the two comes first. */
export function keyOf([one, other]: readonly [string, string]): string {
  return [one, other].sort().join(' × ')
}

/** Each option beside each other one and beside each call. */
export function allPairs(): string[] {
  return options.flatMap((one, i) => [...options.slice(i + 1), ...calls].map((other) => keyOf([one, other])))
}
