/** What lies behind a cell's output: JupyterLab's variable, that of the page of an executed notebook, or the browser's colour. */
const ground = 'var(--jp-layout-color0,var(--background,Canvas))'

const hint =
  '%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 width=%2260%22 height=%2216%22%3E%3Ctext x=%2258%22 y=%2212%22 ' +
  'text-anchor=%22end%22 font-family=%22sans-serif%22 font-size=%2212%22 fill=%22%23888%22%3Escroll ▸%3C/text%3E%3C/svg%3E'

/**
 * The ground of what can be scrolled sideways: a shadow at the right edge and the word "scroll" below, as long as something is out
 * of sight there. Layers that move with the content cover them at its end, and where all of it fits.
 */
const background = [
  `linear-gradient(${ground},${ground}) right/1.4em 100% no-repeat local`,
  `linear-gradient(${ground},${ground}) right bottom/64px 18px no-repeat local`,
  `url('data:image/svg+xml,${hint}') right bottom/60px 16px no-repeat scroll`,
  'linear-gradient(to left,rgba(127,127,127,.5),transparent) right/1.4em 100% no-repeat scroll',
].join(',')

/** Wide content, which is scrolled sideways, and looks so, where the page is too narrow for it. */
export function scrollable(content: string): string {
  return `<div style="overflow-x:auto;max-width:100%;padding-bottom:18px;background:${background}">${content}</div>`
}
