// plot.ts: the figures for S as a picture: a bar for each, µs an item on a logarithmic scale, as short as it is fast. Plain
// SVG, whose colours follow the reader's light or dark page.

import type { Machine } from './machine.ts'
import type { Measured, Outcome } from './measure.ts'
import { short } from './stats.ts'

const WIDTH = 860
const LEFT = 150
const RIGHT = 70
const BAR = 13
const GROUP_HEAD = 30
const HEAD = 66
const TICKS = [0.1, 1, 10, 100, 1000]
const SCALE = (WIDTH - LEFT - RIGHT) / (Math.log10(TICKS.at(-1) ?? 1) - Math.log10(TICKS[0] ?? 1))

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 } .group { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
  line { stroke: #d1d9e0 } .queue { fill: #0969da } .floor { fill: #8c959f } .peer { fill: #d4a72c }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } line { stroke: #3d444d }
    .queue { fill: #4493f8 } .floor { fill: #656c76 } .peer { fill: #bb8009 }
  }`

export function plot(outcomes: readonly Outcome[], { cpu, cpus, node, date }: Machine): string {
  const small = outcomes.filter(({ payload }) => payload === 'S')
  const groups: string[] = []
  let top = HEAD
  for (const outcome of small) {
    groups.push(groupOf(outcome, top))
    top += GROUP_HEAD + outcome.contenders.length * (BAR + 3)
  }
  const height = top + 16
  const about = `${cpus} × ${cpu}, Node ${node}, ${date}; median of interleaved runs, logarithmic scale, shorter is faster`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>Microseconds an item</title><style>${STYLE}\n</style>`,
    `<text class="title" x="8" y="20">Microseconds an item of 49 bytes</text>`,
    `<text class="small" x="8" y="38">${escaped(about)}</text>`,
    ...TICKS.map((tick) => tickAt(tick, height)),
    ...groups,
    '</svg>\n',
  ].join('\n')
}

const at = (us: number): number => LEFT + Math.max(0, (Math.log10(us) - Math.log10(TICKS[0] ?? 1)) * SCALE)

function tickAt(tick: number, height: number): string {
  const x = at(tick).toFixed(1)
  const label = `<text class="small" x="${x}" y="${HEAD - 10}" text-anchor="middle">${tick}</text>`
  return `<line x1="${x}" x2="${x}" y1="${HEAD - 4}" y2="${height - 12}"/>${label}`
}

function groupOf({ title, durability, contenders }: Outcome, top: number): string {
  const head = `<text class="group" x="8" y="${top + 18}">${escaped(`${title}, '${durability}'`)}</text>`
  return [head, ...contenders.map((each, i) => barOf(each, top + GROUP_HEAD + i * (BAR + 3) - 4))].join('\n')
}

function barOf({ name, kind, us }: Measured, top: number): string {
  const end = at(us.median)
  const baseline = top + BAR - 3
  return [
    `<text class="small" x="${LEFT - 8}" y="${baseline}" text-anchor="end">${escaped(name)}</text>`,
    `<rect class="${kind}" x="${LEFT}" y="${top}" width="${Math.max(1, end - LEFT).toFixed(1)}" height="${BAR}" rx="2"/>`,
    `<text class="small" x="${(end + 5).toFixed(1)}" y="${baseline}">${short(us.median)}</text>`,
  ].join('')
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
