// make-crossing.ts: computes crossing.csv, the positions of a ferry from Livorno to Bastia, one every five seconds.
//
//   node dist/examples/data/make-crossing.js > examples/data/crossing.csv
//
// Nothing in it was recorded. The way points are the two harbours and the bend around the island of Capraia, read off
// a map to about a hundredth of a degree; between them the ship keeps to the great circle, gathers speed and slows
// down evenly, and cruises at 17 knots. To each position comes an error such as a receiver's, some metres, from a
// generator of fixed seed. So the file comes out the same wherever it is made.

import { generator } from '../random.ts'

interface Point {
  readonly latitude: number
  readonly longitude: number
}

const wayPoints: readonly Point[] = [
  { latitude: 43.555, longitude: 10.292 }, // Livorno, the quay
  { latitude: 43.545, longitude: 10.27 }, // off the breakwater
  { latitude: 43.13, longitude: 9.75 }, // north-west of Capraia
  { latitude: 42.71, longitude: 9.48 }, // off Bastia
  { latitude: 42.7, longitude: 9.453 }, // Bastia, the quay
]
const departure = Date.UTC(2026, 5, 1, 6)
const stepSeconds = 5
const metresPerSecondPerKnot = 1852 / 3600
const cruise = 17 * metresPerSecondPerKnot
const acceleration = 0.02 // metres per second squared
const earthRadius = 6_371_009
const errorMetres = 4
const radians = Math.PI / 180

const legs = wayPoints
  .slice(1)
  .map((to, i) => ({ from: wayPoints[i] ?? to, to, metres: metresBetween(wayPoints[i] ?? to, to) }))
const wholeWay = legs.reduce((sum, { metres }) => sum + metres, 0)
const random = generator(20260601)

/** The lines of crossing.csv, in order. */
export function* crossing(): Generator<string> {
  yield '# Livorno to Bastia, a position every 5 s: computed by make-crossing.ts, not recorded.'
  yield '# time,latitude,longitude,knots,course'
  const way = cruise ** 2 / acceleration // of gathering speed and slowing down together
  const duration = (wholeWay - way) / cruise + (2 * cruise) / acceleration
  for (let elapsed = 0; elapsed <= duration; elapsed += stepSeconds) yield line(elapsed, duration)
}

function line(elapsed: number, duration: number): string {
  const { metres, speed } = motion(elapsed, duration)
  const { point, course } = whereAt(metres)
  const latitude = point.latitude + receiverError() / 111_195
  const longitude = point.longitude + receiverError() / (111_195 * Math.cos(point.latitude * radians))
  const time = new Date(departure + elapsed * 1000).toISOString().replace('.000', '')
  const knots = (speed / metresPerSecondPerKnot).toFixed(1)
  return [time, latitude.toFixed(5), longitude.toFixed(5), knots, course.toFixed(0).padStart(3, '0')].join()
}

/** How far the ship has come and how fast it is, with even changes of speed at both ends. */
function motion(elapsed: number, duration: number): { metres: number; speed: number } {
  const change = cruise / acceleration
  const left = duration - elapsed
  if (elapsed < change) return { metres: (acceleration * elapsed ** 2) / 2, speed: acceleration * elapsed }
  if (left < change) return { metres: wholeWay - (acceleration * left ** 2) / 2, speed: acceleration * left }
  return { metres: cruise * (elapsed - change / 2), speed: cruise }
}

function whereAt(metres: number): { point: Point; course: number } {
  let rest = metres
  for (const { from, to, metres: length } of legs) {
    if (rest <= length) return { point: between(from, to, rest / length), course: courseFrom(from, to) }
    rest -= length
  }
  const last = legs.at(-1)
  if (!last) throw new RangeError('a way needs two points')
  return { point: last.to, course: courseFrom(last.from, last.to) }
}

/** The haversine formula. */
function metresBetween(a: Point, b: Point): number {
  const sinLatitude = Math.sin(((b.latitude - a.latitude) * radians) / 2)
  const sinLongitude = Math.sin(((b.longitude - a.longitude) * radians) / 2)
  const square = sinLatitude ** 2 + Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * sinLongitude ** 2
  return 2 * earthRadius * Math.asin(Math.sqrt(square))
}

/** The point at `part` of the great circle from `a` to `b`. */
function between(a: Point, b: Point, part: number): Point {
  const angle = metresBetween(a, b) / earthRadius
  const weightA = Math.sin((1 - part) * angle) / Math.sin(angle)
  const weightB = Math.sin(part * angle) / Math.sin(angle)
  const [ax, ay, az] = vector(a)
  const [bx, by, bz] = vector(b)
  const [x, y, z] = [weightA * ax + weightB * bx, weightA * ay + weightB * by, weightA * az + weightB * bz]
  return { latitude: Math.atan2(z, Math.hypot(x, y)) / radians, longitude: Math.atan2(y, x) / radians }
}

function vector({ latitude, longitude }: Point): [number, number, number] {
  const [phi, lambda] = [latitude * radians, longitude * radians]
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)]
}

/** The bearing at the start of a leg, in degrees. */
function courseFrom(a: Point, b: Point): number {
  const [phiA, phiB, difference] = [a.latitude * radians, b.latitude * radians, (b.longitude - a.longitude) * radians]
  const y = Math.sin(difference) * Math.cos(phiB)
  const x = Math.cos(phiA) * Math.sin(phiB) - Math.sin(phiA) * Math.cos(phiB) * Math.cos(difference)
  return (Math.atan2(y, x) / radians + 360) % 360
}

/** The sum of four even deviates: near enough to a bell. */
function receiverError(): number {
  return (random() + random() + random() + random() - 2) * errorMetres
}

if (process.argv[1]?.endsWith('make-crossing.js')) for (const each of crossing()) console.log(each)
