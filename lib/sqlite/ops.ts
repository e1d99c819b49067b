// ops.ts: every op, by the name that a message calls it: one line for each module that has some.

import { mapOps } from './map-ops.ts'
import type { Op } from './op.ts'
import { pageOps } from './page-ops.ts'
import { putOps } from './put-ops.ts'
import { queueOps } from './queue-ops.ts'
import { settleOps } from './settle-ops.ts'
import { takeOps } from './take-ops.ts'
import { timeOps } from './time-ops.ts'
import { walOps } from './wal-ops.ts'

export const ops = { ...pageOps, ...walOps, ...mapOps, ...queueOps, ...putOps, ...takeOps, ...settleOps, ...timeOps }

export type Ops = typeof ops
export type OpName = keyof Ops
export type ArgsOf<N extends OpName> = Ops[N] extends Op<infer A, infer _> ? A : never
export type ValueOf<N extends OpName> = Ops[N] extends Op<infer _, infer V> ? V : never
