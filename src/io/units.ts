/** Quantities as text, each in one way. */

/** `94 %`, or with a digit `93.8 %`. */
export function percent(share: number, digits = 0): string {
  return `${(100 * share).toFixed(digits)} %`
}

/** A number with three digits: `0.0123`, `1.23e-7`, `123`. */
export function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** `1.25 GiB` */
export function gibibytes(bytes: number, digits = 2): string {
  return `${(bytes / 2 ** 30).toFixed(digits)} GiB`
}

/** What is fetched and lies on disks is told in powers of ten: `2.58 GB`, `62.7 MB`. */
export function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toPrecision(3)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

/** `310 MiB`, rounded up: what is said of memory is said to be enough. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}

/** Bytes of memory, large or small: `310 MiB`, `1.25 GiB`. */
export function memorySize(bytes: number): string {
  return bytes < 2 ** 30 / 10 ? mebibytes(bytes) : gibibytes(bytes)
}

/** A duration in the two units that matter: `5 s`, `3 min 20 s`, `2 h 05 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number): string => value.toString().padStart(2, '0')
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}

/** A duration that was forecast, in one unit: `0.4 s`, `35 s`, `12 min`, `3.5 h`. */
export function roughDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${seconds.toFixed(0)} s`
  if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}
