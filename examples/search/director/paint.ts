type Colour = (text: string) => string

/** Colours for a terminal, plain text elsewhere. */
export interface Paint {
  readonly bold: Colour
  readonly dim: Colour
  readonly green: Colour
  readonly red: Colour
  readonly cyan: Colour
}

export function paint(coloured: boolean): Paint {
  const code =
    (begin: number, end: number): Colour =>
    (text) =>
      coloured && text !== '' ? `\x1b[${begin}m${text}\x1b[${end}m` : text
  return { bold: code(1, 22), dim: code(2, 22), green: code(32, 39), red: code(31, 39), cyan: code(36, 39) }
}

export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
