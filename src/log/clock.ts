/** Times as logs write them. */

/** Makes a text of a time that is made anew only when the second changes: lines come in bursts. */
export function perSecond(write: (date: Date) => string): (time: number) => string {
  let last = NaN;
  let text = "";
  return (time) => {
    const second = Math.floor(time / 1_000);
    if (second !== last) {
      text = write(new Date(second * 1_000));
      last = second;
    }
    return text;
  };
}

/** The local zone at that time: `+0100`. */
export function zoneOf(date: Date): string {
  const west = date.getTimezoneOffset();
  const minutes = Math.abs(west);
  return `${west > 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

/** `06:23:00`, local. */
export function clockOf(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026-11-21`, local. */
export function dayOf(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Two digits. */
export function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}
