import { ROOMS, type Room } from './rooms.ts'

const WIDTH = 900
const LEFT = 150
const BAR = 34
const GAP = 22
/** Chosen to stay apart for most kinds of colour blindness, on white and on dark. */
const COLOURS = [
  '#4477aa',
  '#66ccee',
  '#228833',
  '#ccbb44',
  '#ee6677',
  '#aa3377',
  '#999933',
  '#882255',
  '#44aa99',
  '#bbbbbb',
  '#777777',
  '#dddddd',
]

/** One bar for each case: microseconds of the main thread for each result, by room, as SVG. */
export function barsOf(cases: readonly (readonly [name: string, us: ReadonlyMap<Room, number>])[]): string {
  const sums = cases.map(([, us]) => [...us.values()].reduce((sum, each) => sum + each, 0))
  const scale = (WIDTH - LEFT - 70) / Math.max(...sums)
  const legend = cases.length * (BAR + GAP) + 20
  const height = legend + Math.ceil(ROOMS.length / 3) * 22 + 10
  const bars = cases.flatMap(([name, us], row) => {
    const y = 10 + row * (BAR + GAP)
    let x = LEFT
    const parts = ROOMS.map((room, index) => {
      const width = (us.get(room) ?? 0) * scale
      const part = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOURS[index]}"/>`
      x += width
      return part
    })
    const middle = y + BAR / 2 + 5
    return [
      text(LEFT - 8, middle, name, 'end'),
      ...parts,
      text(x + 6, middle, `${(sums[row] as number).toFixed(0)} us`, 'start'),
    ]
  })
  const keys = ROOMS.flatMap((room, index) => {
    const x = 20 + (index % 3) * 290
    const y = legend + Math.floor(index / 3) * 22
    return [
      `<rect x="${x}" y="${y}" width="14" height="14" fill="${COLOURS[index]}"/>`,
      text(x + 20, y + 12, room, 'start'),
    ]
  })
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`
  const ground = `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="13">\n${[ground, ...bars, ...keys].join('\n')}\n</svg>\n`
}

function text(x: number, y: number, words: string, anchor: 'start' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}" fill="#222222">${words}</text>`
}
