// docs/ancestors.md: each trap names the spec that shows it gone, which is there; and none of these specs is forgotten.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const page = readFileSync(join(root, 'docs/ancestors.md'), 'utf8')
const OWN = 'spec/ancestors/'

interface Row {
  readonly system: string
  readonly trap: string
  readonly here: string
}

const rows: readonly Row[] = page
  .slice(page.indexOf('## Traps'))
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => {
    const [, system = '', trap = '', here = ''] = line.split(' | ').flatMap((cell) => cell.split(/^\| | \|$/))
    return { system, trap, here }
  })

describe('the page on the ancestors', () => {
  it('says of each trap where it is shown to be gone', () => {
    assert.ok(rows.length > 60, `${rows.length} rows`)
    for (const { trap, here } of rows) {
      const shown = [...here.matchAll(/`(spec\/[^`]+)`(?: "([^"]+)")?/g)]
      assert.ok(shown.length > 0 || here === 'the same', trap)
      for (const [, path = '', title] of shown) {
        const spec = readFileSync(join(root, path), 'utf8').replaceAll('\\', '')
        const wanted = title ?? (path.startsWith(OWN) ? trap : '')
        assert.ok(spec.includes(wanted), `${path}: ${wanted}`)
      }
    }
  })

  it('has a row for each of these specs', () => {
    const files = readdirSync(join(root, OWN)).filter((name) => name.endsWith('.spec.ts') && name !== 'page.spec.ts')
    const titles = files.flatMap((name) => titlesIn(readFileSync(join(root, OWN, name), 'utf8')))
    assert.ok(titles.length > 40, `${titles.length} titles`)
    for (const title of titles) {
      assert.ok(
        rows.some(({ system, trap, here }) => title === `${system}: ${trap}` && here.includes(OWN)),
        title,
      )
    }
  })
})

function titlesIn(source: string): string[] {
  const calls = source.matchAll(/^(?:everywhere|onDisk|inLog|inSqlite|indexed)\(\s*'([^']+)',\s*(['"])(.+?)\2,/gm)
  return [...calls].map(([, system, , trap]) => `${system}: ${trap}`)
}
