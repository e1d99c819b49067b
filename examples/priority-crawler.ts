// priority-crawler.ts: a crawler whose frontier is a queue in an SQLite file: `unique`, so that a link that waits is not put
// again, and ordered by priority, so that what is near the start comes before what is deep. What is done is a map in the
// same file. The crawl is stopped in the middle, and goes on where it was.
//
//   node dist/examples/priority-crawler.js [folder]

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { AsyncQueue, PersistentMap } from '../lib/index.ts'
import { listen, shut } from './local.ts'
import { place } from './place.ts'

interface Page {
  readonly title: string
  readonly depth: number
}

const sections = 6
const articles = 12 // of each section
const total = 1 + sections + 2 * sections * articles // and a comment on each article

const file = join(place(process.argv[2]), 'crawl.db')
const { url, stop } = await site()

// Two sittings: the first one is enough for a third of the pages.
console.log(`${await crawl(total / 3)} pages are known, and the crawl is stopped`)
console.log(`${await crawl(Infinity)} pages are known`)
await stop()

await using pages = await PersistentMap.open<Page>(`sqlite:${file}?map=pages`)
assert.equal(await pages.size(), total)
let depth = 0
for await (const page of pages.values()) {
  assert.ok(page.depth >= depth, `${page.title} came too late`)
  depth = page.depth
}
console.log('Every page was crawled once, those near the start before those that are deep.')

/** Crawls until so many pages are known, or nothing is left; resolves to how many are known. */
async function crawl(enough: number): Promise<number> {
  await using frontier = await AsyncQueue.open<string>(`sqlite:${file}?queue=frontier`, {
    order: 'priority',
    unique: true,
  })
  await using pages = await PersistentMap.open<Page>(`sqlite:${file}?map=pages`)
  if ((await pages.size()) === 0) await frontier.put(url, { priority: 0 })
  for await (const link of frontier.items({ wait: false, prefetch: 1 })) {
    // Unique is what waits or is in flight; what is done may come again.
    if (await pages.has(link)) continue
    const { title, links } = await fetched(link)
    await Promise.all(links.map((next) => frontier.put(next, { priority: depthOf(next) })))
    await pages.set(link, { title, depth: depthOf(link) })
    if ((await pages.size()) >= enough) break
  }
  return pages.size()
}

async function fetched(link: string): Promise<{ title: string; links: string[] }> {
  const html = await (await fetch(link)).text()
  const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, href]) => new URL(href ?? '', link).href)
  return { title: /<title>(.*)<\/title>/.exec(html)?.[1] ?? '', links }
}

function depthOf(link: string): number {
  return new URL(link).pathname.split('/').filter((part) => part !== '').length
}

/** A start page, sections, their articles, and a comment on each; everything links back, and to its neighbours. */
async function site(): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const [section, article, comment] = path.split('/').slice(1)
    const links = ['/', ...Array.from({ length: sections }, (_, i) => `/${i}`)]
    if (section) links.push(...Array.from({ length: articles }, (_, i) => `/${section}/${i}`))
    if (article) links.push(`/${section}/${article}/comment`)
    const anchors = links.map((link) => `<a href="${link}">${link}</a>`)
    response.end(`<title>${comment ? 'Comment' : 'Page'} ${path}</title>${anchors.join(' ')}`)
  })
  const { url } = await listen(server)
  return { url, stop: () => shut(server) }
}
