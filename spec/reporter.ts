// reporter.ts: what node:test tells about the spec files of a process, one JSON line for each finished test and file, for
// run.ts to add up. It runs inside that process, which is why errors can still be looked into here. Each file is a suite
// at the root, whose name is the file's path: several.ts sees to that.

import type { TestEvent } from 'node:test/reporters'
import { format, inspect } from 'node:util'

export type Verdict = 'passed' | 'failed' | 'skipped'

export interface Outcome {
  readonly verdict: Verdict
  /** The titles from the file's outermost suite to the test. */
  readonly title: string
  /** The error of a failure, or why a test was skipped. */
  readonly detail: string
}

/** Of a file; a note and the end without one are the process's. */
export type Line =
  | { readonly kind: 'outcome'; readonly file: string; readonly outcome: Outcome }
  | { readonly kind: 'start'; readonly file: string; readonly title: string }
  | { readonly kind: 'note'; readonly file?: string; readonly text: string }
  | { readonly kind: 'end'; readonly file?: string; readonly seconds?: number }

type Finished = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>

/** What one test may take, in seconds: what waits for a time limit of the library, or for nothing, has failed. */
const most = Number(process.env.SPOOLQ_TEST_SECONDS || Infinity)

/** Node's own totals, which it tells as diagnostics. */
const summary = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const titles: string[] = []
  /** The file whose tests run now: tests are told of in order, but begun before those in front are told. */
  let running = ''
  for await (const event of events) {
    if (event.type === 'test:start') titles.splice(event.data.nesting, Infinity, event.data.name)
    if (event.type === 'test:dequeue' && event.data.nesting === 0) running = event.data.name
    const line = lineOf(event, titles, running)
    if (line) yield told(line)
    if (!isFinished(event) || event.data.nesting > 0) continue
    yield told({ kind: 'end', file: event.data.name, seconds: event.data.details.duration_ms / 1000 })
  }
  yield told({ kind: 'end' })
}

function told(line: Line): string {
  return `${JSON.stringify(line)}\n`
}

function isFinished(event: TestEvent): event is Finished {
  return event.type === 'test:pass' || event.type === 'test:fail'
}

function lineOf(event: TestEvent, [file = '', ...titles]: readonly string[], running: string): Line | undefined {
  if (event.type === 'test:dequeue') return { kind: 'start', file: running, title: event.data.name }
  if (event.type === 'test:diagnostic' && !summary.test(event.data.message))
    return { kind: 'note', text: event.data.message, ...(event.data.nesting > 0 && { file }) }
  if (!isFinished(event)) return undefined
  const verdict = verdictOf(event)
  if (!verdict) return undefined
  const { nesting, name } = event.data
  const title = nesting === 0 ? '(the file)' : [...titles.slice(0, nesting - 1), name].join(' › ')
  return { kind: 'outcome', file, outcome: { verdict, title, detail: detailOf(event) } }
}

/** A suite counts only where it failed by itself, in a hook: its tests have been counted. */
function verdictOf({ type, data }: Finished): Verdict | undefined {
  const wanted = data.skip === undefined && data.todo === undefined
  if (data.details.type === 'suite' && !(type === 'test:fail' && wanted && !failedBelow(data.details.error)))
    return undefined
  if (!wanted) return 'skipped'
  if (type === 'test:pass') return Math.round(data.details.duration_ms / 1000) > most ? 'failed' : 'passed'
  return failedBelow(data.details.error) ? undefined : 'failed'
}

function failedBelow(error: unknown): boolean {
  return error instanceof Error && 'failureType' in error && error.failureType === 'subtestsFailed'
}

function detailOf({ type, data }: Finished): string {
  const reason = data.skip ?? data.todo
  if (reason !== undefined) return typeof reason === 'string' ? reason : 'no reason given'
  if (type === 'test:pass') {
    const seconds = Math.round(data.details.duration_ms / 1000)
    return seconds > most ? `it took ${seconds} s, and may take ${most}` : ''
  }
  const { error } = data.details
  const cause = error.cause ?? error
  return cause instanceof Error ? inspect(cause, { depth: 6 }) : format(cause)
}
