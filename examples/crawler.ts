// crawler.ts: worker threads crawl a site together. The pages to visit wait in one queue, the pages found in another; the
// crawl is stopped in the middle, and goes on where it was.
//
//   node dist/examples/crawler.js [folder]

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { AsyncQueue } from '../lib/index.ts'
import { listen, shut } from './local.ts'
import { place } from './place.ts'

interface Link {
  readonly url: string
}

interface Page extends Link {
  readonly title: string
  readonly links: readonly string[]
}

const pages = 120
const threads = 4

if (isMainThread) await main(place(process.argv[2]))
else await crawl(workerData.folder)

/** A thread: takes a link, fetches its page, and hands it on before the link is gone. */
async function crawl(folder: string): Promise<void> {
  await using frontier = await AsyncQueue.open<Link>(join(folder, 'frontier'))
  await using found = await AsyncQueue.open<Page>(join(folder, 'found'))
  await frontier.consume(
    async ([link], { signal }) => {
      if (link === undefined) return
      const response = await fetch(link.url, { signal })
      const html = await response.text()
      const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, href]) => new URL(href ?? '', link.url).href)
      await found.put({ url: link.url, title: /<title>(.*)<\/title>/.exec(html)?.[1] ?? '', links })
    },
    { concurrency: 2, retry: { minDelay: 20 } },
  )
}

async function main(folder: string): Promise<void> {
  const { url, stop } = await site()
  const seen = new Map<string, string>()
  const frontier = await AsyncQueue.open<Link>(join(folder, 'frontier'))
  const found = await AsyncQueue.open<Page>(join(folder, 'found'))
  const known = new Set([url])
  await frontier.put({ url })

  // Two sittings: the first one's threads are terminated in the middle of their work.
  for (const enough of [pages / 3, pages]) {
    const crawlers = Array.from(
      { length: threads },
      () => new Worker(new URL(import.meta.url), { workerData: { folder } }),
    )
    while (seen.size < enough) {
      // A page may come twice, if the crawler died between its two queues: what is known is known.
      const page = await found.get()
      seen.set(page.url, page.title)
      const fresh = page.links.filter((link) => !known.has(link))
      for (const link of fresh) known.add(link)
      await frontier.putMany(fresh.map((link) => ({ url: link })))
    }
    await Promise.all(crawlers.map((crawler) => crawler.terminate()))
    console.log(`${seen.size} pages are known, ${await frontier.size()} links wait`)
  }

  await stop()
  const titles = Array.from({ length: pages }, (_, i) => `Page ${i}`)
  assert.deepEqual([...seen.values()].toSorted(), titles.toSorted())
  await frontier.close()
  await found.close()
  console.log('Every page was crawled, though the crawl was stopped in between.')
}

/** Pages that link to others, from 0 on to all of them; every tenth request fails. */
async function site(): Promise<{ url: string; stop: () => Promise<void> }> {
  let requests = 0
  const server = createServer((request, response) => {
    const n = Number(request.url?.slice(1) || 0)
    const links = [2 * n + 1, 2 * n + 2, n + 1, (7 * n) % pages].filter((link) => link < pages)
    if (++requests % 10 === 0) return response.destroy()
    response.end(`<title>Page ${n}</title>${links.map((link) => `<a href="/${link}">${link}</a>`).join(' ')}`)
    return
  })
  const { url } = await listen(server)
  return { url: `${url}0`, stop: () => shut(server) }
}
