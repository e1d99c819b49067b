// sources.ts: a text that names places in compiled files, as an error's stack does, with the places of the TypeScript
// instead. Node's own --enable-source-maps reads a map for each module that is loaded, whether anything fails or not,
// which takes as long as loading them.

import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** `/folder/file.js:line:column`, as a path or a URL. */
const place = /(file:\/\/)?(\/[^\s():]+\.js):(\d+):(\d+)/g

export function inSources(text: string): string {
  const maps = new Map<string, SourceMap | undefined>()
  return text.replaceAll(
    place,
    (compiled: string, scheme: string | undefined, name: string, line: string, column: string) => {
      const path = scheme === undefined ? name : fileURLToPath(`file://${name}`)
      if (!maps.has(path)) maps.set(path, mapOf(path))
      return sourceOf(path, maps.get(path)?.findEntry(Number(line) - 1, Number(column) - 1)) ?? compiled
    },
  )
}

function mapOf(path: string): SourceMap | undefined {
  return existsSync(`${path}.map`) ? new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8'))) : undefined
}

function sourceOf(path: string, entry: ReturnType<SourceMap['findEntry']> | undefined): string | undefined {
  if (entry === undefined || !('originalSource' in entry)) return undefined
  const { originalSource, originalLine, originalColumn } = entry
  const source = fileURLToPath(new URL(originalSource, pathToFileURL(path)))
  return `${source}:${originalLine + 1}:${originalColumn + 1}`
}
