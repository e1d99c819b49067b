// timers.spec.ts: whoever mocks timers finds none of the library's to mock: all come from lib/wait/timers.ts.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

const lib = fileURLToPath(new URL('../../lib', import.meta.url))
const names = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'nextTick',
]
/** Never to be written, wherever it is: each has a name in timers.ts. */
const BARE =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bprocess\.nextTick\b|\bglobalThis\.|\bprocess\.hrtime\b|node:timers/
/** Those that are taken once, when they are loaded. */
const OWNERS = ['wait/timers.js', 'wait/host-clock.js']

function codeOf(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

it('every timer and clock that the library uses is the one that was there when it was loaded', () => {
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))
  assert.ok(files.length > 150)
  let users = 0
  for (const name of files.filter((each) => !OWNERS.includes(each.replaceAll('\\', '/')))) {
    const code = codeOf(readFileSync(join(lib, name), 'utf8'))
    assert.doesNotMatch(code, BARE, name)
    const [imported = ''] = /import \{[^}]*\} from '[./a-z]*\/timers\.js'/.exec(code) ?? []
    const used = names.filter((each) => new RegExp(`(?<![.\\w#])${each}\\b`).test(code))
    for (const each of used) assert.match(imported, new RegExp(`\\b${each}\\b`), `${name} takes ${each} from elsewhere`)
    users += used.length
  }
  assert.ok(users > 30, `only ${users} uses were found`)
})
