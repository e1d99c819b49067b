// machine.ts: what the figures were measured on, and when.

import { cpus } from 'node:os'

export interface Machine {
  readonly node: string
  readonly cpu: string
  readonly cpus: number
  readonly platform: string
  readonly date: string
}

export function machine(): Machine {
  const [first] = cpus()
  return {
    node: process.version,
    cpu: first?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString().slice(0, 10),
  }
}
