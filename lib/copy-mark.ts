// copy-mark.ts: how far a copy is, as text that stands in the target (log/copy-mark.ts, and a row of the databases).

import type { CopyMark } from './store.ts'

/** Undefined where the text is none: its queue is then refused as a target, unless it is empty. */
export function copyMarkOf(text: string): CopyMark | undefined {
  const { source, after, upTo, nextId, copied, count } = fieldsOf(text)
  if (typeof source !== 'string') return
  const mark = { after, upTo, nextId, copied, count }
  if (!isCounted(mark)) return
  return { source, ...mark }
}

type Counts = Omit<CopyMark, 'source'>

function isCounted(mark: { readonly [K in keyof Counts]: unknown }): mark is Counts {
  return Object.values(mark).every((value) => Number.isSafeInteger(value) && Number(value) >= 0)
}

function fieldsOf(text: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
