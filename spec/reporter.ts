// reporter.ts: what node:test tells about one spec file, one JSON line for each finished test, for run.ts to add up.
// It runs inside the spec's own process, which is why errors can still be looked into here.

import type { TestEvent } from 'node:test/reporters'
import { format, inspect } from 'node:util'

export type Verdict = 'passed' | 'failed' | 'skipped'

export interface Outcome {
  readonly verdict: Verdict
  /** The titles from the outermost suite to the test. */
  readonly title: string
  /** The error of a failure, or why a test was skipped. */
  readonly detail: string
}

export type Line =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'start'; readonly title: string }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'end' }

type Finished = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>

/** Node's own totals, which it tells as diagnostics. */
const summary = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const titles: string[] = []
  for await (const event of events) {
    if (event.type === 'test:start') titles.splice(event.data.nesting, Infinity, event.data.name)
    const line = lineOf(event, titles)
    if (line) yield `${JSON.stringify(line)}\n`
  }
  yield `${JSON.stringify({ kind: 'end' } satisfies Line)}\n`
}

function lineOf(event: TestEvent, titles: readonly string[]): Line | undefined {
  if (event.type === 'test:dequeue') return { kind: 'start', title: event.data.name }
  if (event.type === 'test:diagnostic' && !summary.test(event.data.message))
    return { kind: 'note', text: event.data.message }
  if (event.type !== 'test:pass' && event.type !== 'test:fail') return undefined
  const verdict = verdictOf(event)
  if (!verdict) return undefined
  const title = [...titles.slice(0, event.data.nesting), event.data.name].join(' › ')
  return { kind: 'outcome', outcome: { verdict, title, detail: detailOf(event) } }
}

/** A suite counts only where it failed by itself, in a hook: its tests have been counted. */
function verdictOf({ type, data }: Finished): Verdict | undefined {
  const wanted = data.skip === undefined && data.todo === undefined
  if (data.details.type === 'suite' && !(type === 'test:fail' && wanted && !failedBelow(data.details.error)))
    return undefined
  if (!wanted) return 'skipped'
  if (type === 'test:pass') return 'passed'
  return failedBelow(data.details.error) ? undefined : 'failed'
}

function failedBelow(error: unknown): boolean {
  return error instanceof Error && 'failureType' in error && error.failureType === 'subtestsFailed'
}

function detailOf({ type, data }: Finished): string {
  const reason = data.skip ?? data.todo
  if (reason !== undefined) return typeof reason === 'string' ? reason : 'no reason given'
  if (type === 'test:pass') return ''
  const { error } = data.details
  const cause = error.cause ?? error
  return cause instanceof Error ? inspect(cause, { depth: 6 }) : format(cause)
}
