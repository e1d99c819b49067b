// plot.ts: the figures for S as a picture: a group a workload, in two columns, and in it a bar for each who does it: µs an item
// on a logarithmic scale, as short as it is fast, with a line from the least to the most of its rounds. Plain SVG, whose
// colours follow the reader's light or dark page. Other floors than the one that a workload is held to are in the tables.

import type { Machine } from './machine.ts'
import type { Measured, Outcome } from './measure.ts'
import { short } from './stats.ts'

const COLUMN = 430
const LEFT = 88
const RIGHT = 54
const BAR = 11
const STEP = BAR + 4
const GROUP_HEAD = 32
const HEAD = 70
const FOOT = 12

const STYLE = `
  text { font: 11px system-ui, sans-serif; fill: #59636e }
  .title { font-size: 15px; font-weight: 600; fill: #1f2328 } .group { font-size: 12px; font-weight: 600; fill: #1f2328 }
  .own { font-weight: 600; fill: #0969da }
  line { stroke: #d1d9e0 } .spread { stroke: #1f2328; stroke-opacity: .55 }
  .queue { fill: #0969da } .floor { fill: #8c959f } .peer { fill: #d4a72c }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title, .group { fill: #f0f6fc } .own { fill: #4493f8 }
    line { stroke: #3d444d } .spread { stroke: #f0f6fc }
    .queue { fill: #4493f8 } .floor { fill: #656c76 } .peer { fill: #bb8009 }
  }`

/** Powers of ten around all that is drawn. */
interface Scale {
  readonly from: number
  readonly to: number
}

/** Where something is drawn. */
interface Corner {
  readonly x: number
  readonly y: number
}

export function plot(outcomes: readonly Outcome[], { cpu, cpus, node, date }: Machine): string {
  const small = outcomes
    .filter(({ payload }) => payload === 'S')
    .map((outcome) => ({ ...outcome, contenders: outcome.contenders.filter(isDrawn) }))
  const scale = scaleOf(small)
  const columns = inTwo(small)
  const height = HEAD + Math.max(...columns.map(heightOf)) + FOOT
  const about = `${cpus} × ${cpu}, Node ${node}, ${date}: medians of interleaved rounds, and their least and most`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * COLUMN} ${height}" width="${2 * COLUMN}" height="${height}" role="img">`,
    `<title>Microseconds an item</title><style>${STYLE}\n</style>`,
    `<text class="title" x="8" y="20">Microseconds an item of 49 bytes: shorter is faster, each line is ten times the one before</text>`,
    `<text x="8" y="38">${escaped(about)}</text>`,
    ...columns.flatMap((column, i) => columnOf(column, i * COLUMN, scale)),
    '</svg>\n',
  ].join('\n')
}

const isDrawn = ({ name, kind }: Measured): boolean => kind !== 'floor' || name === 'floor'

function scaleOf(outcomes: readonly Outcome[]): Scale {
  const all = outcomes.flatMap(({ contenders }) => contenders.flatMap(({ us }) => [us.min, us.max]))
  const from = Math.floor(Math.log10(Math.min(...all)))
  return { from, to: Math.max(from + 1, Math.ceil(Math.log10(Math.max(...all)))) }
}

const heightOf = (outcomes: readonly Outcome[]): number =>
  outcomes.reduce((sum, { contenders }) => sum + GROUP_HEAD + contenders.length * STEP, 0)

/** The first of them, until half of the height is theirs, and the others. */
function inTwo(outcomes: readonly Outcome[]): Outcome[][] {
  const half = heightOf(outcomes) / 2
  const rest = outcomes.findIndex((_, i) => heightOf(outcomes.slice(0, i + 1)) > half + GROUP_HEAD)
  return rest < 1 ? [[...outcomes]] : [outcomes.slice(0, rest), outcomes.slice(rest)]
}

const at = (us: number, { from, to }: Scale): number =>
  LEFT + ((Math.log10(us) - from) / (to - from)) * (COLUMN - LEFT - RIGHT)

function columnOf(outcomes: readonly Outcome[], x: number, scale: Scale): string[] {
  const end = HEAD + heightOf(outcomes) + FOOT / 2
  const ticks = Array.from({ length: scale.to - scale.from + 1 }, (_, i) => 10 ** (scale.from + i))
  const groups = outcomes.map((outcome, i) => groupOf(outcome, { x, y: HEAD + heightOf(outcomes.slice(0, i)) }, scale))
  return [...ticks.map((tick) => tickAt(tick, { x: x + at(tick, scale), y: end })), ...groups]
}

function tickAt(tick: number, { x, y }: Corner): string {
  const place = x.toFixed(1)
  const label = `<text x="${place}" y="${HEAD - 10}" text-anchor="middle">${tick}</text>`
  return `<line x1="${place}" x2="${place}" y1="${HEAD - 4}" y2="${y}"/>${label}`
}

function groupOf({ title, durability, contenders }: Outcome, { x, y }: Corner, scale: Scale): string {
  const head = `<text class="group" x="${x + 8}" y="${y + 20}">${escaped(`${title}, '${durability}'`)}</text>`
  const bars = contenders.map((each, i) => barOf(each, { x, y: y + GROUP_HEAD - 5 + i * STEP }, scale))
  return [head, ...bars].join('\n')
}

function barOf({ name, kind, us }: Measured, { x, y }: Corner, scale: Scale): string {
  const start = x + LEFT
  const [end, least, most] = [us.median, us.min, us.max].map((value) => x + at(value, scale))
  const [text, middle] = [y + BAR - 2, y + BAR / 2]
  const style = kind === 'queue' ? ' class="own"' : ''
  const width = Math.max(1, (end ?? start) - start).toFixed(1)
  return [
    `<text${style} x="${start - 6}" y="${text}" text-anchor="end">${escaped(name)}</text>`,
    `<rect class="${kind}" x="${start}" y="${y}" width="${width}" height="${BAR}" rx="2"/>`,
    `<line class="spread" x1="${least?.toFixed(1)}" x2="${most?.toFixed(1)}" y1="${middle}" y2="${middle}"/>`,
    `<text${style} x="${((most ?? start) + 5).toFixed(1)}" y="${text}">${short(us.median)}</text>`,
  ].join('')
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
