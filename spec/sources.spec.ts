// sources.spec.ts: who reads of a failure finds the line that was written, and not the one that was compiled.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inSources } from './sources.ts'

const source = fileURLToPath(new URL('../../spec/sources.spec.ts', import.meta.url))
const { stack = '' } = new Error('made here')
const line =
  readFileSync(source, 'utf8')
    .split('\n')
    .findIndex((text) => text.includes("Error('made here')")) + 1

describe("a failure's text", () => {
  it('names the lines of the TypeScript', () => {
    assert.match(stack, /sources\.spec\.js:\d+:\d+/)
    assert.equal(line > 0 && inSources(stack).includes(`${source}:${line}:`), true, inSources(stack))
    assert.doesNotMatch(inSources(stack), /sources\.spec\.js/)
  })

  it('is left as it is where nothing was compiled', () => {
    for (const text of [
      'no place',
      'at node:fs:1:2',
      '/nowhere/at all.js:1:2',
      '/nowhere.js:3:4',
      '(file:///a%20b.js:1:1)',
    ])
      assert.equal(inSources(text), text)
  })
})
