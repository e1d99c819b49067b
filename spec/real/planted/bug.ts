// bug.ts: a planted bug: a small change of the protocol, one that somebody could make, as a replacement in the built
// library; and the layer of the battery that catches it.

import { readFileSync } from 'node:fs'
import type { SubjectName } from '../../crash/log-subject.ts'

export type Layer = States | Spec

/** Disks that a crash leaves of words of the crash battery (spec/crash/workloads.ts), so many at each step. */
export interface States {
  readonly words: readonly string[]
  readonly subject: SubjectName
  readonly limit: number
}

/** A spec, as its path in spec/ without its ending. */
export interface Spec {
  readonly spec: string
  /** What the titles of its tests have in common that are run, where it has many others that take long. */
  readonly only?: string | undefined
}

export interface Bug {
  readonly name: string
  /** In dist/lib. */
  readonly file: string
  /** Stands there exactly once. */
  readonly from: string
  readonly to: string
  readonly layer: Layer
}

const FEW_STATES = 8

export function states(subject: SubjectName, words: string, limit = FEW_STATES): States {
  return { words: words.split(' '), subject, limit }
}

export function spec(name: string, only?: string): Spec {
  return only === undefined ? { spec: name } : { spec: name, only }
}

/** What no crash and no disk is needed for: all but the log. */
export function isOutside({ file }: Bug): boolean {
  return !/^(log|disk)\//.test(file)
}

export function nameOf(layer: Layer): string {
  if ('spec' in layer) return layer.only === undefined ? `spec/${layer.spec}` : `spec/${layer.spec}: ${layer.only}`
  return `crash states of ${layer.words.join(' ')}, '${layer.subject}'`
}

/** A built file with the bug in it. Throws where what it replaces doesn't stand there once: it would not be planted. */
export function planted(path: string, { name, file, from, to }: Bug): string {
  const right = readFileSync(path, 'utf8')
  const count = right.split(from).length - 1
  if (count !== 1) {
    throw new Error(
      `the planted bug '${name}' is stale: what it replaces stands ${count} times in lib/${file}, not once; ` +
        `write it anew for the code as it is (spec/real/planted):\n${from}`,
    )
  }
  return right.replace(from, () => to)
}
