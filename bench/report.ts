// report.ts: a table on screen: what each takes, how many times what the queue takes, and whether the goals are met.

import type { Measured, Outcome } from './measure.ts'
import { cell, short } from './stats.ts'
import { DELAY_LIMIT_MS, type Goal, goalsOf, type Workload } from './workloads.ts'

const WIDTH = 24

export function headline(): string {
  return `${'µs an item'.padEnd(WIDTH)}${['least', 'most', '× spoolq', 'least', 'most', 'delay ms', 'items'].reduce(
    (line, head) => line + cell(head),
    cell('median'),
  )}`
}

export function tableOf(outcome: Outcome, workload: Workload): string {
  const { title, durability, payload, contenders } = outcome
  const lines = contenders.map(lineOf)
  return [`\n${title}, '${durability}', ${payload}`, ...lines, ...verdicts(outcome, workload)].join('\n')
}

function lineOf({ name, us, times, delayMs, items }: Measured): string {
  const cells = [us.median, us.min, us.max, times.median, times.min, times.max, delayMs.median].map((value) =>
    cell(value),
  )
  return `  ${name.padEnd(WIDTH - 2)}${cells.join('')}${cell(String(items))}`
}

/** What was to be reached, and whether it was. */
export function verdicts(outcome: Outcome, workload: Workload): string[] {
  const queue = outcome.contenders.find(({ kind }) => kind === 'queue')
  if (queue === undefined) return []
  const goals = goalsOf(workload, outcome.payload).flatMap((goal) => verdict(goal, outcome))
  if (workload.limitUs !== undefined && outcome.payload === 'S') {
    goals.push(told(queue.us.median <= workload.limitUs, `at most ${workload.limitUs} µs: ${short(queue.us.median)}`))
  }
  const late = queue.delayMs.median > DELAY_LIMIT_MS
  return late
    ? [...goals, told(false, `the event loop waits at most ${DELAY_LIMIT_MS} ms: ${short(queue.delayMs.median)}`)]
    : goals
}

function verdict(goal: Goal, { contenders }: Outcome): string[] {
  const other = contenders.find(({ name }) => name === goal.against)
  if (other === undefined) return []
  if (goal.ahead !== undefined) {
    const found = other.times.median
    return [told(found >= goal.ahead, `${goal.ahead} × ahead of ${other.name}: ${short(found)}`)]
  }
  const found = 1 / other.times.median
  return [told(found <= (goal.atMost ?? 0), `at most ${goal.atMost} × the ${other.name}: ${short(found)}`)]
}

const told = (reached: boolean, goal: string): string => `  ${reached ? 'reached' : 'MISSED '}  ${goal}`
