// table.spec.ts: the table of pairs is whole. An option that is added has a row beside each other one, or this fails.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { defaults, settingsOf } from '../../lib/options.ts'
import { allPairs, calls, keyOf, options } from './names.ts'
import { table } from './table.ts'

const specs = fileURLToPath(new URL('../../../spec/', import.meta.url))
const keys = table.map(({ pair }) => keyOf(pair))

describe('the table of pairs of options', () => {
  it('knows each option that the queue has', () => {
    assert.deepEqual(options.toSorted(), Object.keys(settingsOf()).sort())
    assert.deepEqual(
      Object.keys(defaults).filter((name) => !notOfQueue.includes(name) && !options.includes(name)),
      [],
    )
    assert.equal(new Set([...options, ...calls]).size, options.length + calls.length)
  })

  it('has a row for each pair, and no other', () => {
    const all = new Set(allPairs())
    const missing = [...all].filter((key) => !keys.includes(key))
    const unknown = keys.filter((key) => !all.has(key))
    assert.deepEqual({ missing, unknown }, { missing: [], unknown: [] })
  })

  it('has no pair twice', () => {
    assert.deepEqual(
      keys.filter((key, i) => keys.indexOf(key) !== i),
      [],
    )
  })

  it('says why two have nothing to do with each other, or where they are tried', () => {
    const texts = new Map<string, string>()
    const textOf = (file: string): string => {
      const text = texts.get(file) ?? readFileSync(`${specs}${fileOf(file)}`, 'utf8').replace(/\$\{[^}]*\}/g, '…')
      texts.set(file, text)
      return text
    }
    const wrong = table.filter(({ is }) => {
      if ('why' in is) return !/\w+ \w+/.test(is.why)
      return 'trial' in is ? is.title === '' : !hasTest(textOf(is.file), is.title)
    })
    assert.deepEqual(wrong, [])
  })

  it('has a test of its own for many of them, each with a title of its own', () => {
    const tried = table.flatMap(({ is }) => ('trial' in is ? [is] : []))
    const different = new Set(tried)
    assert.ok(different.size >= 40, `${different.size}`)
    assert.equal(new Set([...different].map(({ title }) => title)).size, different.size)
  })
})

/** Defaults of calls. */
const notOfQueue = ['listLimit', 'grace']

/** Parts of a suite have names of their own. */
function fileOf(name: string): string {
  const isPart = name.startsWith('queue/') || name.startsWith('store/')
  return isPart ? `${name}.ts` : `${name}.spec.ts`
}

function hasTest(text: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const escaped = quote === "'" ? title.replaceAll("'", "\\'") : title
    return new RegExp(`\\bit\\(\\s*${quote}${literally(escaped)}${quote},`).test(text)
  })
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
