// Texts, numbers, dates in the language of the page.

let texts: Record<string, Record<string, string>> = {};
let lang = "fr";

export function setTexts(all: Record<string, Record<string, string>>, language: string): void {
  texts = all;
  setLanguage(language);
}

export function setLanguage(language: string): void {
  lang = language in texts ? language : "fr";
  document.documentElement.lang = lang;
}

export function language(): string {
  return lang;
}

/** The text of a row of the message table, `{names}` filled in. */
export function t(key: string, values: Record<string, string | number> = {}): string {
  const row = texts[lang]?.[key];
  if (row === undefined) throw new Error(`no text for ${key}`);
  return row.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** A row that counts `n`: `key`, or for one of them `key_one`. */
export function counted(key: string, n: number, values: Record<string, string | number> = {}): string {
  return t(n === 1 ? `${key}_one` : key, { ...values, n: number(n) });
}

/** First letter in upper case. */
export function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase(lang) + text.slice(1);
}

const SMALL = new Set(["DE", "DU", "DES", "LA", "LE", "LES", "ET", "À", "AU", "AUX", "SUR", "SOUS", "EN"]);

const ELIDED = new Set(["D", "L"]); // before an apostrophe

/** Kinds of streets as the tax files (FANTOIR) and BD TOPO cut them, where that is not ambiguous. */
const KINDS: Record<string, string> = {
  ALL: "ALLÉE", AV: "AVENUE", BD: "BOULEVARD", CHE: "CHEMIN", CHS: "CHAUSSÉE", CRS: "COURS", GR: "GRANDE RUE", IMP: "IMPASSE", LOT: "LOTISSEMENT",
  PAS: "PASSAGE", PL: "PLACE", PROM: "PROMENADE", QU: "QUAI", R: "RUE", RES: "RÉSIDENCE", RLE: "RUELLE", ROC: "ROCADE", RPT: "ROND-POINT",
  RTE: "ROUTE", SQ: "SQUARE", TRA: "TRAVERSE",
};

/** BD TOPO writes names in capitals: "RUE DE LA GARE" and "R DE LA GARE" are read more easily as "Rue de la Gare". */
export function properName(text: string): string {
  if (text !== text.toLocaleUpperCase("fr") || !/[A-ZÀ-Ý]{3}/.test(text)) return text;
  const whole = text.replace(/^([A-Z]+)(?= \p{L})/u, (word) => KINDS[word] ?? word);
  return capital(whole.replace(/[\p{L}]+(?=(['’]?))/gu, (word, elided: string) =>
    (SMALL.has(word) || (elided && ELIDED.has(word)) ? word.toLocaleLowerCase("fr") : /^[IVX]{2,5}$/.test(word) ? word
      : word.charAt(0) + word.slice(1).toLocaleLowerCase("fr"))));
}

/** The text of a row that may not be there. */
export function maybe(key: string): string | null {
  return texts[lang]?.[key] ?? null;
}

/** Formats are dear to make (a tenth of a millisecond) and asked for in every picture: each is made once. */
const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();

function numberFormat(least: number, most: number): Intl.NumberFormat {
  const key = `${lang}/${least}/${most}`;
  const known = numbers.get(key) ?? new Intl.NumberFormat(lang, { minimumFractionDigits: least, maximumFractionDigits: most });
  numbers.set(key, known);
  return known;
}

/** In UTC; 24 hours and the day before the month in English too. */
function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = lang + Object.values(options).join("/");
  const known = dates.get(key) ?? new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { ...options, timeZone: "UTC" });
  dates.set(key, known);
  return known;
}

export function number(value: number, digits = 0): string {
  const shown = Number(value.toFixed(digits)) + 0; // no "−0"
  return numberFormat(digits, digits).format(shown);
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Digits after the point that a reader can use: three significant, no more than needed. */
function digitsOf(value: number): number {
  const size = Math.abs(value);
  return Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
}

export function figure(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e10)) {
    const [share, power] = value.toExponential(1).split("e");
    const raised = [...power].map((c) => (c === "-" ? "⁻" : RAISED[Number(c)] ?? "")).join("");
    return `${number(Number(share), 1)} × 10${raised}`;
  }
  // Nobody counts half a thousand million cubic metres one by one.
  const shown = size >= 1e5 ? Number(value.toPrecision(4)) : value;
  return numberFormat(0, digitsOf(value)).format(shown);
}

/** A figure with its unit; long times in hours. */
export function quantity(value: number, unit: string | null | undefined): string {
  if (unit === "min" && Math.abs(value) >= 90) return duration(60 * value);
  return `${figure(value)}${unit && unit !== "1" ? ` ${lang === "fr" ? unit.replace(/\bveh\b/, "véh") : unit}` : ""}`;
}

/** What is added from `a` to `b`, no finer than these two are written. */
export function changeOf(a: number, b: number, unit: string | null | undefined): string {
  const most = Math.max(Math.abs(a), Math.abs(b));
  const digits = Math.min(...[a, b].filter((v) => v !== 0).map((v) => (Number.isInteger(v) ? 2 : digitsOf(v))), 2);
  const step = most >= 1e5 ? 10 ** (Math.floor(Math.log10(most)) - 3) : 10 ** -digits;
  const change = Number((Math.round((b - a) / step) * step).toFixed(digits));
  // Nothing that the two figures show: no power of ten for what is rounded away.
  if (change === 0) return `${a === b ? "±" : "≈"}\u00a00`;
  return `${change > 0 ? "+" : "−"}\u00a0${quantity(Math.abs(change), unit)}`;
}

/** A length such as a cell's side: up to two decimals, those it needs. */
export function length(value: number): string {
  return numberFormat(0, 2).format(value);
}

/** Metres with centimetres. */
export function metres(value: number): string {
  return `${number(value, 2)} m`;
}

/** "3 h 05" or "12 min". */
export function duration(seconds: number): string {
  const minutes = Math.round(Math.abs(seconds) / 60);
  const sign = seconds < 0 ? "−" : "";
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return hours === 0 ? `${sign}${rest} min` : `${sign}${hours} h ${String(rest).padStart(2, "0")}`;
}

const HOUR: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const DAY_AND_HOUR: Intl.DateTimeFormatOptions = { ...HOUR, weekday: "short", day: "numeric", month: "short" };

/** Local wall-clock time of an instant; the offset is that of the scenario, not of the reader's computer. */
export function clock(startMs: number, offset: number, seconds: number, withDay = true): string {
  const shown = new Date(startMs + (offset + seconds) * 1000);
  return dateFormat(withDay ? DAY_AND_HOUR : HOUR).format(shown);
}

/** Which time a start in ISO 8601 is told in, and so every clock of its run: "UTC+2"; empty where it says none. */
export function zone(start: string, offset: number): string {
  if (!/(Z|[+-]\d\d:?\d\d)$/.test(start)) return "";
  const minutes = Math.round(Math.abs(offset) / 60);
  const rest = minutes % 60;
  return `UTC${offset < 0 ? "−" : offset > 0 ? "+" : ""}${minutes > 0 ? Math.floor(minutes / 60) : ""}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** A day with its year, by the clock where `hour`; `ms` is local time told as if it were UTC. */
export function date(ms: number, hour: boolean): string {
  return dateFormat(hour ? { dateStyle: "full", timeStyle: "short" } : { dateStyle: "long" }).format(ms);
}

/** An instant that a file tells in ISO 8601, in words. */
export function instant(iso: string): string {
  const at = Date.parse(iso);
  if (!Number.isFinite(at)) return iso;
  return `${dateFormat({ dateStyle: "long", timeStyle: "short" }).format(at)} UTC`;
}
