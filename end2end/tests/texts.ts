// The texts that the dashboard shows, from the files that it is built with: a test never repeats one.

import english from "../../app/locales/en.json" with { type: "json" };
import chinese from "../../app/locales/zh.json" with { type: "json" };

export type Texts = typeof english;

/** The texts in the language of a browser's locale such as `zh-CN`. */
export function textsFor(locale: string | undefined): Texts {
  return locale?.startsWith("zh") ? (chinese as Texts) : english;
}

/** Fills in `{{ name }}`. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => {
    if (!(name in values)) throw new Error(`no value for ${name} in "${text}"`);
    return String(values[name]);
  });
}

/** A text with anything in its `{{ }}`, and whatever stands around it. */
export function pattern(text: string): RegExp {
  const parts = text.split(/\{\{\s*\w+\s*\}\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(parts.join(".+"));
}

/** A text at the beginning of a label, which may go on ("optional", a hint). */
export function beginning(text: string): RegExp {
  return new RegExp(`^\\s*${text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}
